#include "main/process.h"

#include <sys/random.h>

#include <cstring>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "socket/datagram_socket.h"
#include "socket/socket.h"

namespace penstock {

void start_log(const std::string& name, LogLevel level) {
    auto log = spdlog::stderr_logger_mt(name);
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    switch (level) {
        case LogLevel::debug: log->set_level(spdlog::level::debug); break;
        case LogLevel::info: log->set_level(spdlog::level::info); break;
        case LogLevel::warn: log->set_level(spdlog::level::warn); break;
        case LogLevel::error: log->set_level(spdlog::level::err); break;
    }
    spdlog::set_default_logger(std::move(log));
}

bool port_is_free(const io::Address& address) {
    constexpr int64_t short_wait_ns = 500 * millisecond_ns, long_wait_ns = 20 * second_ns;
    const auto probe = address.road == io::Road::native ? socket::probe_datagram_port : socket::probe_port;
    Result<void> free = probe(address, short_wait_ns);
    if (!free && free.error().code == Errc::exists) {
        spdlog::warn("port {} of {} is taken: waiting for it, {} s at most", address.port, address.host,
                     long_wait_ns / second_ns);
        free = probe(address, long_wait_ns);
    }
    if (free) return true;
    const char* why = free.error().code == Errc::exists
                          ? "another program listens there: stop it, or change the address in the settings"
                          : std::strerror(free.error().os_error);
    spdlog::error("cannot listen on {}:{}: {}", address.host, address.port, why);
    return false;
}

uint64_t random_word() {
    uint64_t word = 0;
    while (::getrandom(&word, sizeof word, 0) != sizeof word) {}
    return word;
}

}  // namespace penstock
