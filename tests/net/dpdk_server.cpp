// The transport on a port of DPDK: takes whatever is sent to it, until SIGTERM; then says what it got, as JSON.
//
//   net_dpdk_server [--tap NAME] ADDRESS:PORT MTU DEVICE [DPDK'S ARGUMENTS]...
//   net_dpdk_server ADDRESS:PORT MTU --kept INTERFACE OBJECT PEER_ADDRESS:PORT [DPDK'S ARGUMENTS]...
//
// With a tap the kernel's stack has the address, too: it gets whatever is not the transport's.
// The second is for an interface that the kernel keeps, with the compiled program that brings ten ports of it here; it
// also sends to that peer all the time. bench_transport, on the kernel's sockets, is the other side.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>

#include "dpdk/clock.h"
#include "dpdk/environment.h"
#include "dpdk/link.h"
#include "dpdk/xdp_program.h"
#include "transport/endpoint.h"

// Of what it opens an interface with, DPDK's af_xdp does not give back all.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libbpf\nleak:libxdp\n"; }

namespace {

using namespace penstock;

volatile std::sig_atomic_t stopped = 0;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "net_dpdk_server: %s\n", what.c_str());
    std::exit(2);
}

constexpr const char* usage = "usage: net_dpdk_server [--tap NAME] ADDRESS:PORT MTU "
                              "DEVICE|--kept INTERFACE OBJECT PEER:PORT [DPDK'S ARGUMENTS]...";
constexpr uint16_t kept_ports = 10;

io::Address address_of(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == text.npos) die(usage);
    return {std::string(text.substr(0, colon)),
            static_cast<uint16_t>(std::atoi(std::string(text.substr(colon + 1)).c_str()))};
}

/// Where to listen, on what, and whom to send to.
struct Arguments {
    io::Address own;
    std::string device;
    dpdk::PortOptions port;
    std::unique_ptr<dpdk::XdpProgram> program;
    std::optional<io::Address> peer;
    std::vector<std::string> environment;
};

/// The interface is to bring us some ports, and the rest to the kernel as before.
void keep(Arguments& arguments, const std::string& interface, const std::string& object) {
    const uint16_t first = arguments.own.port, last = first + kept_ports - 1;
    arguments.port.kernel_interface = interface;
    arguments.port.first_free_port = first;
    arguments.port.last_free_port = last;
    auto made = dpdk::XdpProgram::make(object, {arguments.port.subnet.own, 0, first, last});
    if (!made) die(made.error().detail);
    arguments.program = std::move(*made);
    arguments.device = "net_af_xdp0";
    const auto device = arguments.program->take(interface, 1);
    if (!device) die(device.error().detail);
    arguments.environment.insert(arguments.environment.end(), {"--vdev", arguments.device + "," + *device});
}

Arguments parse(std::vector<std::string> words) {
    std::string tap;
    if (words.size() > 1 && words[0] == "--tap") {
        tap = words[1];
        words.erase(words.begin(), words.begin() + 2);
    }
    if (words.size() < 3) die(usage);
    Arguments arguments{.own = address_of(words[0]), .device = words[2]};
    arguments.port.tap = tap;
    in_addr ip{};
    if (::inet_pton(AF_INET, arguments.own.host.c_str(), &ip) != 1) die("an IPv4 address is needed");
    arguments.port.subnet.own = {ntohl(ip.s_addr)};
    arguments.port.mtu = static_cast<uint32_t>(std::atoi(words[1].c_str()));
    const bool kept = arguments.device == "--kept";
    if (kept && words.size() < 6) die(usage);
    arguments.environment.assign(words.begin() + (kept ? 6 : 3), words.end());
    if (!kept) return arguments;
    arguments.peer = address_of(words[5]);
    keep(arguments, words[3], words[4]);
    return arguments;
}

transport::EndpointOptions endpoint_options() {
    transport::EndpointOptions options;
    options.accepts = true;
    options.parameters.connection_credit = options.parameters.stream_credit = 16 * mib;
    std::random_device entropy;
    for (std::byte& byte : options.seed) byte = std::byte(static_cast<unsigned char>(entropy()));
    return options;
}

/// A stream of our own to a peer, always full.
class Sender {
public:
    Sender(transport::Endpoint& endpoint, const io::Endpoint& to)
        : endpoint_(endpoint), id_(endpoint.connect(to, false, dpdk::monotonic_now())) {}

    void on_event(const transport::EndpointEvent& event) {
        if (event.connection != id_) return;
        if (event.kind == transport::EndpointEventKind::connected) stream_ = endpoint_.find(id_)->open_stream();
        else if (event.event.kind == transport::EventKind::pushed) arrived_bytes_ += data_.size();
        else return;
        const Fragment all{data_.data(), static_cast<uint32_t>(data_.size())};
        while (endpoint_.find(id_)->push(*stream_, {&all, 1}, pushed_)) ++pushed_;
    }
    uint64_t arrived_bytes() const { return arrived_bytes_; }

private:
    transport::Endpoint& endpoint_;
    const transport::ConnectionId id_;
    std::vector<std::byte> data_{64 * kib, std::byte{'s'}};
    std::optional<uint32_t> stream_;
    uint64_t pushed_ = 0, arrived_bytes_ = 0;
};

uint64_t take_all(transport::Endpoint& endpoint, Sender* sender) {
    uint64_t bytes = 0;
    while (const auto event = endpoint.next_event()) {
        if (sender != nullptr) sender->on_event(*event);
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

void say(uint64_t bytes, uint64_t arrived, const dpdk::LinkCounters& counters,
         const dpdk::ExceptionPathCounters& kernel) {
    const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("{\"received_bytes\": %llu, \"arrived_bytes\": %llu, \"datagrams\": %llu, \"sent\": %llu, "
                "\"foreign\": %llu, \"malformed\": %llu, \"pings\": %llu, \"arp_requests\": %llu, "
                "\"arp_replies\": %llu, \"unreachable\": %llu, \"shortages\": %llu, \"to_kernel\": %llu, "
                "\"from_kernel\": %llu, \"kernel_dropped\": %llu}\n",
                number(bytes), number(arrived), number(counters.datagrams), number(counters.sent),
                number(counters.foreign), number(counters.malformed), number(counters.pings),
                number(counters.arp_requests), number(counters.arp_replies), number(counters.unreachable),
                number(counters.buffer_shortages), number(kernel.to_kernel), number(kernel.from_kernel),
                number(kernel.dropped));
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGTERM, [](int) { stopped = 1; });
    const Arguments arguments = parse({argv + 1, argv + argc});
    auto environment = dpdk::Environment::start(arguments.environment);
    if (!environment) die(environment.error().detail);
    auto port = dpdk::Port::open(arguments.device, arguments.port);
    if (!port) die(port.error().detail + " " + (*environment)->complaint());
    (*environment)->let_speak();
    dpdk::Link link(**port, 0);
    if (const auto opened = link.open(arguments.own); !opened) die(to_string(opened.error().code));
    uint64_t bytes = 0, arrived = 0;
    {
        transport::Endpoint endpoint(link, endpoint_options());
        std::optional<Sender> sender;
        if (arguments.peer) sender.emplace(endpoint, link.resolve(*arguments.peer).value());
        std::printf("serving\n");
        std::fflush(stdout);
        while (stopped == 0) {
            endpoint.turn(dpdk::monotonic_now());
            bytes += take_all(endpoint, sender ? &*sender : nullptr);
        }
        if (sender) arrived = sender->arrived_bytes();
    }
    dpdk::ExceptionPath* const kernel = (*port)->exception_path();
    say(bytes, arrived, link.counters(), kernel != nullptr ? kernel->counters() : dpdk::ExceptionPathCounters{});
    return 0;
}
