// The transport by itself, over kernel UDP sockets, between two processes: bulk transfer in one direction, and
// connections that do nothing.
//
//   bench_transport serve HOST:PORT                     until SIGTERM
//   bench_transport send HOST:PORT [--seconds 5] [--push-bytes 262144] [--trace-ms 100]
//                                                       [--idle-timeout-ms 30000]; nothing to push: it stays idle
//   bench_transport raw HOST:PORT ...                    bursts of datagrams without a transport, to the same server
//   bench_transport idle HOST:PORT [--connections 10000] [--seconds 35]
//                        to a broker: each connection asks once for its APIs, then only stays; says "idle" when all do
//
// bench/transport.py puts the first three into network namespaces, beside iperf3; bench/sdk.py uses the last.
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "socket/clock.h"
#include "socket/datagram_socket.h"
#include "transport/endpoint.h"
#include "uring/link.h"
#include "uring/ring.h"

namespace penstock::transport {

namespace {

volatile std::sig_atomic_t stopped = 0;

struct Arguments {
    std::string verb;
    io::Address address;
    double seconds = 5;
    uint64_t push_bytes = 256 * kib;
    uint32_t datagram_bytes = 1472;
    int64_t trace_ms = 0;
    uint32_t idle_timeout_ms = 30'000;
    uint32_t connections = 10'000;
};

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "bench_transport: %s\n", what.c_str());
    std::exit(2);
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    if (argc < 3) die("usage: bench_transport serve|send|raw|idle HOST:PORT [--seconds N] [--push-bytes N]");
    arguments.verb = argv[1];
    const std::string_view address = argv[2];
    const size_t colon = address.rfind(':');
    if (colon == address.npos) die("HOST:PORT is needed");
    arguments.address = {std::string(address.substr(0, colon)),
                         static_cast<uint16_t>(std::atoi(std::string(address.substr(colon + 1)).c_str()))};
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        if (name == "--seconds") arguments.seconds = std::atof(argv[i + 1]);
        else if (name == "--push-bytes") arguments.push_bytes = std::strtoull(argv[i + 1], nullptr, 10);
        else if (name == "--trace-ms") arguments.trace_ms = std::atoi(argv[i + 1]);
        else if (name == "--idle-timeout-ms")
            arguments.idle_timeout_ms = static_cast<uint32_t>(std::atoi(argv[i + 1]));
        else if (name == "--connections") arguments.connections = static_cast<uint32_t>(std::atoi(argv[i + 1]));
        else if (name == "--datagram-bytes")
            arguments.datagram_bytes = static_cast<uint32_t>(std::atoi(argv[i + 1]));
        else die("unknown option " + std::string(name));
    }
    return arguments;
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct Node {
    Node(const io::Address& listen, bool accepts, uint32_t idle_timeout_ms = 30'000) {
        auto made = uring::Ring::create();
        if (!made) die("no ring: " + made.error().detail);
        ring = std::move(*made);
        auto opened = uring::Link::create(*ring, {.receive_buffers = 512});
        if (!opened) die("no link: " + opened.error().detail);
        link = std::move(*opened);
        if (const auto port = link->open(listen); !port) die(std::strerror(port.error().os_error));
        EndpointOptions options;
        options.accepts = accepts;
        options.parameters.idle_timeout_ms = idle_timeout_ms;
        options.parameters.connection_credit = options.parameters.stream_credit = 16 * mib;
        std::random_device entropy;
        for (std::byte& byte : options.seed) byte = std::byte(static_cast<unsigned char>(entropy()));
        endpoint = std::make_unique<Endpoint>(*link, options);
    }

    /// One turn, and a sleep if there was nothing to do.
    void turn() {
        ring->submit_and_reap();
        if (endpoint->turn(socket::monotonic_now())) return;
        ring->wait_until(std::min(endpoint->next_deadline(), socket::monotonic_now() + second_ns / 10));
    }

    std::unique_ptr<uring::Ring> ring;
    std::unique_ptr<uring::Link> link;
    std::unique_ptr<Endpoint> endpoint;
};

int serve(const Arguments& arguments) {
    // The kernel closes the ring of a killed process a while after its end.
    if (const auto port = socket::probe_datagram_port(arguments.address, 5 * second_ns); !port)
        die(std::strerror(port.error().os_error));
    Node node(arguments.address, true);
    std::printf("serving\n");
    std::fflush(stdout);
    uint64_t bytes = 0;
    while (stopped == 0) {
        node.turn();
        while (const auto event = node.endpoint->next_event()) {
            if (event->kind != EndpointEventKind::connection || event->event.kind != EventKind::readable) continue;
            Connection* connection = node.endpoint->find(event->connection);
            while (connection != nullptr) {
                const auto slice = connection->read(event->event.stream);
                if (!slice) break;
                bytes += slice->bytes.size();
                node.endpoint->release(slice->buffer);
            }
        }
    }
    const auto& counters = node.link->counters();
    std::printf("{\"received_bytes\": %llu, \"bursts\": %llu, \"datagrams\": %llu, \"cpu_s\": %.3f, "
                "\"dropped\": %llu}\n",
                static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(counters.bursts),
                static_cast<unsigned long long>(counters.datagrams), cpu_seconds(),
                static_cast<unsigned long long>(node.link->dropped_by_kernel()));
    return 0;
}

/// What congestion control believes, over time: a line every so often, to standard error.
struct Trace {
    void look(const Connection& connection, uint64_t arrived, Nanos now) {
        if (every_ns == 0 || now < next) return;
        static constexpr std::array names{"startup", "drain", "down", "cruise", "refill", "up", "probe_rtt"};
        const auto& bbr = static_cast<const Bbr&>(connection.congestion());
        const ConnectionCounters& counters = connection.counters();
        const double seconds = static_cast<double>(now - at) / 1e9;
        std::fprintf(stderr, "%8.3f s  %-9s  %8.2f MB/s got  %8.2f MB/s model  %8.2f MB/s pace  %9llu window  "
                     "%8.3f ms rtt  %8.3f ms min rtt  %6llu lost  %4llu timeouts\n",
                     static_cast<double>(now - began) / 1e9, names[static_cast<size_t>(bbr.mode())],
                     static_cast<double>(arrived - arrived_before) / 1e6 / seconds,
                     static_cast<double>(bbr.bandwidth()) / 1e6, static_cast<double>(bbr.bytes_per_s()) / 1e6,
                     static_cast<unsigned long long>(bbr.window_bytes()),
                     static_cast<double>(connection.round_trip().latest_ns()) / 1e6,
                     static_cast<double>(bbr.round_trip_ns()) / 1e6,
                     static_cast<unsigned long long>(counters.packets_lost - lost_before),
                     static_cast<unsigned long long>(counters.probes));
        at = now;
        next = now + every_ns;
        arrived_before = arrived;
        lost_before = counters.packets_lost;
    }

    int64_t every_ns = 0;
    Nanos began, at = began, next = began;
    uint64_t arrived_before = 0, lost_before = 0;
};

int send(const Arguments& arguments) {
    Node node({"", 0}, false, arguments.idle_timeout_ms);
    const auto to = node.link->resolve(arguments.address);
    if (!to) die("cannot resolve the address");
    const ConnectionId id = node.endpoint->connect(*to, false, socket::monotonic_now());
    std::vector<std::byte> data(arguments.push_bytes, std::byte{'p'});
    std::vector<Fragment> fragments;
    for (size_t at = 0; at < data.size(); at += 64 * kib)
        fragments.push_back({data.data() + at, static_cast<uint32_t>(std::min(data.size() - at, 64 * kib))});
    std::optional<uint32_t> stream;
    uint64_t pushed = 0, arrived = 0;
    Nanos began, ends = never;
    double cpu = 0;
    Trace trace;
    while (socket::monotonic_now() < ends && stopped == 0) {
        node.turn();
        bool again = false;
        while (const auto event = node.endpoint->next_event()) {
            if (event->kind == EndpointEventKind::connected) {
                stream = node.endpoint->find(id)->open_stream();
                began = socket::monotonic_now();
                ends = began + static_cast<int64_t>(arguments.seconds * 1e9);
                cpu = cpu_seconds();
                trace = {.every_ns = arguments.trace_ms * millisecond_ns, .began = began};
                again = true;
            } else if (event->event.kind == EventKind::closed) {
                die(std::string("closed: ") + to_string(event->event.code));
            } else if (event->event.kind == EventKind::pushed) {
                arrived += data.size();
                again = true;
            }
        }
        while (again && !data.empty() && node.endpoint->find(id)->push(*stream, fragments, pushed)) ++pushed;
        if (stream) trace.look(*node.endpoint->find(id), arrived, socket::monotonic_now());
    }
    const double seconds = static_cast<double>(socket::monotonic_now() - began) / 1e9;
    cpu = cpu_seconds() - cpu;
    Connection& connection = *node.endpoint->find(id);
    const ConnectionCounters& counters = connection.counters();
    std::printf("{\"mb_per_s\": %.1f, \"seconds\": %.2f, \"cpu_s\": %.3f, \"packets\": %llu, \"lost\": %llu, "
                "\"lost_bytes\": %llu, \"repeated_bytes\": %llu, \"probes\": %llu, \"datagram_bytes\": %u, "
                "\"rtt_us\": %.0f, \"smallest_rtt_us\": %.0f, \"window\": %llu, \"rate_mb_per_s\": %.0f, "
                "\"acks\": %llu, \"bursts\": %llu}\n",
                static_cast<double>(arrived) / 1e6 / seconds, seconds, cpu,
                static_cast<unsigned long long>(counters.packets_sent),
                static_cast<unsigned long long>(counters.packets_lost),
                static_cast<unsigned long long>(counters.bytes_lost),
                static_cast<unsigned long long>(counters.bytes_repeated),
                static_cast<unsigned long long>(counters.probes), connection.datagram_bytes(),
                static_cast<double>(connection.round_trip().smoothed_ns()) / 1e3,
                static_cast<double>(connection.round_trip().smallest_ns()) / 1e3,
                static_cast<unsigned long long>(connection.congestion().window_bytes()),
                static_cast<double>(connection.congestion().bytes_per_s()) / 1e6,
                static_cast<unsigned long long>(counters.packets_received),
                static_cast<unsigned long long>(node.link->send_counters().bursts));
    return 0;
}

/// The most that bursts of datagrams carry: nobody acknowledges them, and what arrives is seen at the server.
int raw(const Arguments& arguments) {
    Node node({"", 0}, false);
    const auto to = node.link->resolve(arguments.address);
    if (!to) die("cannot resolve the address");
    const uint32_t count = std::min(io::burst_datagrams_max, io::burst_bytes_max / arguments.datagram_bytes);
    std::vector<std::byte> data(count * size_t{arguments.datagram_bytes}, std::byte{0xff});
    const Fragment fragment{data.data(), static_cast<uint32_t>(data.size())};
    const io::OutgoingBurst burst{*to, arguments.datagram_bytes, {&fragment, 1}};
    const Nanos began = socket::monotonic_now(), ends = began + static_cast<int64_t>(arguments.seconds * 1e9);
    const double cpu = cpu_seconds();
    uint64_t sent = 0;
    while (socket::monotonic_now() < ends) {
        if (node.link->send({&burst, 1}) == 1) sent += data.size();
        else node.ring->wait_until(socket::monotonic_now() + millisecond_ns);
    }
    std::printf("{\"mb_per_s\": %.1f, \"seconds\": %.2f, \"packets\": %llu, \"cpu_s\": %.3f}\n",
                static_cast<double>(sent) / 1e6 / arguments.seconds, arguments.seconds,
                static_cast<unsigned long long>(sent / arguments.datagram_bytes), cpu_seconds() - cpu);
    return 0;
}

/// Kafka's ApiVersions, version 0, of a client without a name, with its length.
constexpr std::array<unsigned char, 14> api_versions{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff};

/// Connections that are opened, used once, and then only kept. Their packets from then on are keep-alives.
struct IdleConnections {
    explicit IdleConnections(const Arguments& arguments) : node({"", 0}, false), wanted(arguments.connections) {
        const auto found = node.link->resolve(arguments.address);
        if (!found) die("cannot resolve the address");
        to = *found;
    }

    /// A few at a time: the peer's receive buffer takes so many HELLOs at once.
    void open_more() {
        static constexpr size_t opening_max = 64;
        const Nanos now = socket::monotonic_now();
        while (ids.size() < wanted && ids.size() - answered < opening_max)
            ids.push_back(node.endpoint->connect(to, false, now));
    }

    void take_events() {
        while (const auto event = node.endpoint->next_event()) {
            Connection* connection = node.endpoint->find(event->connection);
            if (event->kind == EndpointEventKind::connected) {
                const uint32_t stream = connection->open_stream().value();
                if (!connection->push(stream, {&request, 1}, 0)) die("a new stream takes nothing");
            } else if (event->event.kind == EventKind::closed) {
                die(std::string("closed: ") + to_string(event->event.code));
            } else if (event->event.kind == EventKind::readable) {
                ++answered;
                while (const auto slice = connection->read(event->event.stream)) node.endpoint->release(slice->buffer);
            }
        }
    }

    uint64_t packets_sent() const {
        uint64_t sum = 0;
        for (const ConnectionId id : ids) sum += node.endpoint->find(id)->counters().packets_sent;
        return sum;
    }

    Node node;
    uint32_t wanted;
    io::Endpoint to;
    std::vector<ConnectionId> ids;
    size_t answered = 0;
    Fragment request{reinterpret_cast<const std::byte*>(api_versions.data()), api_versions.size()};
};

int idle(const Arguments& arguments) {
    IdleConnections all(arguments);
    const Nanos began = socket::monotonic_now();
    while (all.answered < all.wanted && stopped == 0) {
        all.open_more();
        all.node.turn();
        all.take_events();
        if (socket::monotonic_now() - began > 60 * second_ns) die("not all connections were answered within 60 s");
    }
    const double opened_s = static_cast<double>(socket::monotonic_now() - began) / 1e9;
    // Acknowledgements of the answers and probes of the path's MTU still go; then it is quiet.
    const auto turn_for = [&](double seconds) {
        const Nanos until = socket::monotonic_now() + static_cast<int64_t>(seconds * 1e9);
        while (socket::monotonic_now() < until && stopped == 0) {
            all.node.turn();
            all.take_events();
        }
    };
    turn_for(3);
    std::printf("idle\n");
    std::fflush(stdout);
    const uint64_t before = all.packets_sent();
    turn_for(arguments.seconds);
    std::printf("{\"connections\": %zu, \"opened_s\": %.2f, \"seconds\": %.1f, \"packets\": %llu}\n", all.ids.size(),
                opened_s, arguments.seconds, static_cast<unsigned long long>(all.packets_sent() - before));
    return 0;
}

}  // namespace

}  // namespace penstock::transport

int main(int argc, char** argv) {
    using namespace penstock::transport;
    std::signal(SIGTERM, [](int) { stopped = 1; });
    std::signal(SIGINT, [](int) { stopped = 1; });
    const Arguments arguments = parse(argc, argv);
    if (arguments.verb == "serve") return serve(arguments);
    if (arguments.verb == "send") return send(arguments);
    if (arguments.verb == "raw") return raw(arguments);
    if (arguments.verb == "idle") return idle(arguments);
    die("unknown verb " + arguments.verb);
}
