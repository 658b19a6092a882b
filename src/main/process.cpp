#include "main/process.h"

#include <sys/random.h>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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

uint64_t random_word() {
    uint64_t word = 0;
    while (::getrandom(&word, sizeof word, 0) != sizeof word) {}
    return word;
}

}  // namespace penstock
