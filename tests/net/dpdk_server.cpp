// The transport on a port of DPDK: takes whatever is sent to it, until SIGTERM; then says what it got, as JSON.
//
//   net_dpdk_server [--tap NAME] ADDRESS:PORT MTU DEVICE [DPDK'S ARGUMENTS]...
//
// With a tap the kernel's stack has the address, too: it gets whatever is not the transport's.
// bench_transport, on the kernel's sockets, is the other side.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>

#include "dpdk/clock.h"
#include "dpdk/environment.h"
#include "dpdk/link.h"
#include "transport/endpoint.h"

namespace {

using namespace penstock;

volatile std::sig_atomic_t stopped = 0;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "net_dpdk_server: %s\n", what.c_str());
    std::exit(2);
}

transport::EndpointOptions endpoint_options() {
    transport::EndpointOptions options;
    options.accepts = true;
    options.parameters.connection_credit = options.parameters.stream_credit = 16 * mib;
    std::random_device entropy;
    for (std::byte& byte : options.seed) byte = std::byte(static_cast<unsigned char>(entropy()));
    return options;
}

uint64_t take_all(transport::Endpoint& endpoint) {
    uint64_t bytes = 0;
    while (const auto event = endpoint.next_event()) {
        const bool readable = event->kind == transport::EndpointEventKind::connection &&
                              event->event.kind == transport::EventKind::readable;
        transport::Connection* connection = readable ? endpoint.find(event->connection) : nullptr;
        while (connection != nullptr) {
            const auto slice = connection->read(event->event.stream);
            if (!slice) break;
            bytes += slice->bytes.size();
            endpoint.release(slice->buffer);
        }
    }
    return bytes;
}

void say(uint64_t bytes, const dpdk::LinkCounters& counters, const dpdk::ExceptionPathCounters& kernel) {
    const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("{\"received_bytes\": %llu, \"datagrams\": %llu, \"sent\": %llu, \"foreign\": %llu, "
                "\"malformed\": %llu, \"pings\": %llu, \"arp_requests\": %llu, \"arp_replies\": %llu, "
                "\"shortages\": %llu, \"to_kernel\": %llu, \"from_kernel\": %llu, \"kernel_dropped\": %llu}\n",
                number(bytes), number(counters.datagrams), number(counters.sent), number(counters.foreign),
                number(counters.malformed), number(counters.pings), number(counters.arp_requests),
                number(counters.arp_replies), number(counters.buffer_shortages), number(kernel.to_kernel),
                number(kernel.from_kernel), number(kernel.dropped));
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGTERM, [](int) { stopped = 1; });
    std::string tap;
    if (argc > 2 && std::string_view(argv[1]) == "--tap") {
        tap = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 4) die("usage: net_dpdk_server [--tap NAME] ADDRESS:PORT MTU DEVICE [DPDK'S ARGUMENTS]...");
    const std::string_view address = argv[1];
    const std::string host(address.substr(0, address.find(':')));
    const auto port_number = static_cast<uint16_t>(std::atoi(std::string(address.substr(host.size() + 1)).c_str()));
    in_addr ip{};
    if (::inet_pton(AF_INET, host.c_str(), &ip) != 1) die("an IPv4 address is needed");
    auto environment = dpdk::Environment::start({argv + 4, argv + argc});
    if (!environment) die(environment.error().detail);
    auto port = dpdk::Port::open(argv[3], {.subnet = {.own = {ntohl(ip.s_addr)}},
                                           .mtu = static_cast<uint32_t>(std::atoi(argv[2])),
                                           .tap = tap});
    if (!port) die(port.error().detail + " " + (*environment)->complaint());
    (*environment)->let_speak();
    dpdk::Link link(**port, 0);
    if (const auto opened = link.open({host, port_number}); !opened) die(to_string(opened.error().code));
    uint64_t bytes = 0;
    {
        transport::Endpoint endpoint(link, endpoint_options());
        std::printf("serving\n");
        std::fflush(stdout);
        while (stopped == 0) {
            endpoint.turn(dpdk::monotonic_now());
            bytes += take_all(endpoint);
        }
    }
    dpdk::ExceptionPath* const kernel = (*port)->exception_path();
    say(bytes, link.counters(), kernel != nullptr ? kernel->counters() : dpdk::ExceptionPathCounters{});
    return 0;
}
