// What drivers/dpdk and the transport make of a port past the kernel, one process at each end of a vhost-user socket,
// each spinning on a core of its own. bench/dpdk.py runs them in pairs.
//
//   bench_dpdk serve WHAT --socket PATH [options] -- DPDK'S ARGUMENTS     vhost; until SIGTERM
//   bench_dpdk drive WHAT --socket PATH [options] -- DPDK'S ARGUMENTS     virtio; for --seconds
//   bench_dpdk distance CORE CORE                                         how far they are from each other
//
// WHAT: bare      frames that nobody looks at, as testpmd sends them; written anew each, or their headers alone
//       link      datagrams of the Link, copied once at the sender
//       stream    a stream of the transport, with its checksums
//       requests  64 bytes there and 64 bytes back, on a stream; --depth of them under way
//
// Each prints JSON. Work is what turns cost that did something; all rates are those of what arrived.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dpdk/clock.h"
#include "dpdk/environment.h"
#include "dpdk/link.h"
#include "transport/endpoint.h"

namespace penstock::dpdk {

namespace {

volatile std::sig_atomic_t stopped = 0;

constexpr uint16_t serving_port = 7000;
constexpr Ipv4 serving_ip{0x0a4d0001}, driving_ip{0x0a4d0002};
constexpr uint16_t frames_at_once = 32;
constexpr uint32_t message_bytes = 64;
constexpr uint64_t push_bytes = 256 * kib;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "bench_dpdk: %s\n", what.c_str());
    std::exit(2);
}

void stay_on(int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<size_t>(core), &cores);
    if (::sched_setaffinity(0, sizeof cores, &cores) != 0) die("there is no core " + std::to_string(core));
}

struct Arguments {
    bool serves = false;
    std::string what, socket;
    int core = 0;
    double seconds = 2;
    uint32_t mtu = 1500;
    uint32_t frame_bytes = 0;    ///< of bare and link; 0: what the MTU allows
    uint32_t depth = 1;
    bool headers_only = false;
    std::vector<std::string> environment;
};

Arguments parse(int argc, char** argv) {
    if (argc < 3) die("usage: bench_dpdk serve|drive bare|link|stream|requests --socket PATH ... -- DPDK'S ARGUMENTS");
    Arguments arguments;
    arguments.serves = argv[1] == std::string_view("serve");
    arguments.what = argv[2];
    int i = 3;
    for (; i + 1 < argc && argv[i] != std::string_view("--"); i += 2) {
        const std::string_view name = argv[i];
        const auto number = [&] { return static_cast<uint32_t>(std::atoi(argv[i + 1])); };
        if (name == "--socket") arguments.socket = argv[i + 1];
        else if (name == "--core") arguments.core = std::atoi(argv[i + 1]);
        else if (name == "--seconds") arguments.seconds = std::atof(argv[i + 1]);
        else if (name == "--mtu") arguments.mtu = number();
        else if (name == "--frame-bytes") arguments.frame_bytes = number();
        else if (name == "--depth") arguments.depth = number();
        else if (name == "--headers-only") arguments.headers_only = number() != 0;
        else die("unknown option " + std::string(name));
    }
    if (i < argc) ++i;
    arguments.environment.assign(argv + std::min(i, argc), argv + argc);
    if (arguments.frame_bytes == 0) arguments.frame_bytes = arguments.mtu + 14;
    if (arguments.frame_bytes < 60 || arguments.frame_bytes > arguments.mtu + 14) die("no such frames");
    if (arguments.depth == 0 || arguments.depth > io::max_sends_queued) die("no such depth");
    return arguments;
}

/// What arrived, and what it cost.
struct Meter {
    /// A turn that began then.
    void add(uint64_t began, uint64_t more_units, uint64_t more_bytes, bool worked = true) {
        const uint64_t now = rte_rdtsc();
        if (!worked) return;
        work += now - began;
        if (more_units == 0) return;
        if (units == 0) first = now;
        last = now;
        units += more_units;
        bytes += more_bytes;
    }
    void say(const std::string& more = "") const {
        const auto hz = static_cast<double>(rte_get_tsc_hz());
        const double seconds = static_cast<double>(last - first) / hz;
        std::printf("{\"units\": %llu, \"bytes\": %llu, \"seconds\": %.4f, \"work_cycles\": %llu, "
                    "\"tsc_ghz\": %.3f%s}\n",
                    static_cast<unsigned long long>(units), static_cast<unsigned long long>(bytes), seconds,
                    static_cast<unsigned long long>(work), hz / 1e9, more.c_str());
    }

    uint64_t units = 0, bytes = 0, work = 0, first = 0, last = 0;
};

/// One end: its device, and the links and endpoints on it.
struct Node {
    explicit Node(const Arguments& given) : arguments(given) {
        const std::string device = given.serves ? "net_vhost0" : "net_virtio_user0";
        std::vector<std::string> words = given.environment;
        words.insert(words.end(), {"-l", std::to_string(given.core), "--vdev",
            device + (given.serves ? ",iface=" + given.socket
                                   : ",path=" + given.socket + ",mac=02:00:00:00:77:02,queue_size=1024,mrg_rxbuf=1,"
                                     "packed_vq=1")});
        auto started = Environment::start(words);
        if (!started) die(started.error().detail);
        environment = std::move(*started);
        PortOptions options{.subnet = {.own = given.serves ? serving_ip : driving_ip}, .mtu = given.mtu};
        if (given.serves) options.mac = Mac{std::byte{2}, {}, {}, {}, std::byte{0x77}, std::byte{1}};
        auto opened = Port::open(device, options);
        if (!opened) die(opened.error().detail);
        port = std::move(*opened);
        if (rte_eth_dev_get_port_by_name(device.c_str(), &port_id) != 0) die("no port");
        if (given.serves) {
            std::printf("serving\n");
            std::fflush(stdout);
        }
        rte_eth_link state{};
        while (stopped == 0 && state.link_status != RTE_ETH_LINK_UP) rte_eth_link_get_nowait(port_id, &state);
    }

    void open_link() {
        link = std::make_unique<Link>(*port, uint16_t{0});
        const auto opened = link->open({"", arguments.serves ? serving_port : uint16_t{0}});
        if (!opened) die("no port of UDP");
        const auto found = link->resolve({"10.77.0.1", serving_port});
        if (!found) die("no address");
        to = *found;
    }

    void open_endpoint() {
        open_link();
        transport::EndpointOptions options;
        options.accepts = arguments.serves;
        options.parameters.connection_credit = options.parameters.stream_credit = 16 * mib;
        options.seed[0] = std::byte(arguments.serves ? 1 : 2);
        endpoint = std::make_unique<transport::Endpoint>(*link, options);
    }

    const Arguments& arguments;
    std::unique_ptr<Environment> environment;
    std::unique_ptr<Port> port;
    uint16_t port_id = 0;
    std::unique_ptr<Link> link;
    io::Endpoint to;
    std::unique_ptr<transport::Endpoint> endpoint;
};

/// Until the end of what was asked for.
class Clock {
public:
    explicit Clock(double seconds) : until_(rte_rdtsc() + static_cast<uint64_t>(
                                         seconds * static_cast<double>(rte_get_tsc_hz()))) {}
    bool goes_on() const { return rte_rdtsc() < until_ && stopped == 0; }

private:
    const uint64_t until_;
};

// bare

Meter serve_bare(Node& node) {
    Meter meter;
    rte_mbuf* frames[frames_at_once];
    while (stopped == 0) {
        const uint64_t began = rte_rdtsc();
        const uint16_t n = rte_eth_rx_burst(node.port_id, 0, frames, frames_at_once);
        uint64_t bytes = 0;
        for (uint16_t i = 0; i < n; ++i) bytes += frames[i]->pkt_len - datagram_headers_bytes;
        if (n > 0) rte_pktmbuf_free_bulk(frames, n);
        meter.add(began, n, bytes, n > 0);
    }
    return meter;
}

/// What is sent comes from memory as large as a push of the streams, so that all have the same work with their caches.
Meter drive_bare(Node& node) {
    Meter meter;
    const uint32_t size = node.arguments.frame_bytes, payload = size - datagram_headers_bytes;
    std::vector<std::byte> headers(size, std::byte{'p'});
    write_datagram(headers, {.to_mac = broadcast_mac, .from = driving_ip, .to = serving_ip, .to_port = serving_port},
                   false);
    headers.resize(datagram_headers_bytes);
    const std::vector<std::byte> data(push_bytes, std::byte{'p'});
    size_t at = 0;
    rte_mbuf* frames[frames_at_once];
    for (const Clock clock(node.arguments.seconds); clock.goes_on();) {
        const uint64_t began = rte_rdtsc();
        if (!node.port->allocate(0, frames)) continue;
        for (rte_mbuf* frame : frames) {
            auto* const to = rte_pktmbuf_mtod(frame, std::byte*);
            std::ranges::copy(headers, to);
            if (!node.arguments.headers_only) std::memcpy(to + datagram_headers_bytes, data.data() + at, payload);
            at = at + 2 * payload <= data.size() ? at + payload : 0;
            frame->data_len = static_cast<uint16_t>(size);
            frame->pkt_len = size;
        }
        uint16_t sent = 0;
        while (sent < frames_at_once && stopped == 0)
            sent += rte_eth_tx_burst(node.port_id, 0, frames + sent, static_cast<uint16_t>(frames_at_once - sent));
        meter.add(began, sent, uint64_t{sent} * payload);
    }
    return meter;
}

// link

Meter serve_link(Node& node) {
    node.open_link();
    Meter meter;
    io::IncomingBurst in[64];
    while (stopped == 0) {
        const uint64_t began = rte_rdtsc();
        const size_t n = node.link->receive(in);
        uint64_t bytes = 0;
        for (const io::IncomingBurst& burst : std::span(in).first(n)) {
            bytes += burst.size;
            node.link->release(burst);
        }
        meter.add(began, n, bytes, n > 0);
    }
    return meter;
}

Meter drive_link(Node& node) {
    node.open_link();
    Meter meter;
    const uint32_t size = node.arguments.frame_bytes - datagram_headers_bytes;
    const uint32_t count = std::min(io::burst_datagrams_max, io::burst_bytes_max / size);
    const uint32_t bytes = count * size;
    const std::vector<std::byte> data(std::max<size_t>(push_bytes, bytes), std::byte{'p'});
    size_t at = 0;
    for (const Clock clock(node.arguments.seconds); clock.goes_on();) {
        const uint64_t began = rte_rdtsc();
        io::IncomingBurst in[4];   // ARP's answer
        const size_t unexpected = node.link->receive(in);
        if (unexpected > 0) die("somebody answered");
        const Fragment fragment{data.data() + at, bytes};
        const io::OutgoingBurst burst{node.to, size, {&fragment, 1}};
        const bool taken = node.link->send({&burst, 1}) == 1;
        if (taken) at = at + 2 * bytes <= data.size() ? at + bytes : 0;
        meter.add(began, taken ? count : 0, bytes, taken);
    }
    return meter;
}

// stream

/// Calls `take` with what there is to read.
template <class Take>
void read_all(Node& node, transport::ConnectionId id, uint32_t stream, Take take) {
    transport::Connection* connection = node.endpoint->find(id);
    while (connection != nullptr) {
        const auto slice = connection->read(stream);
        if (!slice) break;
        take(slice->bytes);
        node.endpoint->release(slice->buffer);
    }
}

bool is_readable(const transport::EndpointEvent& event) {
    return event.kind == transport::EndpointEventKind::connection && event.event.kind == transport::EventKind::readable;
}

Meter serve_stream(Node& node) {
    node.open_endpoint();
    Meter meter;
    while (stopped == 0) {
        const uint64_t began = rte_rdtsc();
        bool worked = node.endpoint->turn(monotonic_now());
        uint64_t slices = 0, bytes = 0;
        while (const auto event = node.endpoint->next_event()) {
            worked = true;
            if (!is_readable(*event)) continue;
            read_all(node, event->connection, event->event.stream, [&](std::span<const std::byte> read) {
                ++slices;
                bytes += read.size();
            });
        }
        meter.add(began, slices, bytes, worked);
    }
    return meter;
}

/// Waits for the connection; its first stream.
uint32_t connect(Node& node, transport::ConnectionId& id) {
    node.open_endpoint();
    id = node.endpoint->connect(node.to, false, monotonic_now());
    while (stopped == 0) {
        node.endpoint->turn(monotonic_now());
        const auto event = node.endpoint->next_event();
        if (event && event->kind == transport::EndpointEventKind::connected)
            return node.endpoint->find(id)->open_stream().value();
        if (event && event->event.kind == transport::EventKind::closed) die("not connected");
    }
    die("stopped");
}

Meter drive_stream(Node& node) {
    transport::ConnectionId id;
    const uint32_t stream = connect(node, id);
    const std::vector<std::byte> data(push_bytes, std::byte{'p'});
    std::vector<Fragment> fragments;
    for (size_t at = 0; at < data.size(); at += 64 * kib) fragments.push_back({data.data() + at, 64 * kib});
    uint64_t pushed = 0;
    while (node.endpoint->find(id)->push(stream, fragments, pushed)) ++pushed;
    Meter meter;
    for (const Clock clock(node.arguments.seconds); clock.goes_on();) {
        const uint64_t began = rte_rdtsc();
        bool worked = node.endpoint->turn(monotonic_now());
        uint64_t arrived = 0;
        while (const auto event = node.endpoint->next_event()) {
            worked = true;
            if (event->event.kind == transport::EventKind::closed) die(to_string(event->event.code));
            if (event->event.kind == transport::EventKind::pushed) ++arrived;
        }
        if (arrived > 0)
            while (node.endpoint->find(id)->push(stream, fragments, pushed)) ++pushed;
        meter.add(began, arrived, arrived * push_bytes, worked);
    }
    const transport::ConnectionCounters& counters = node.endpoint->find(id)->counters();
    std::fprintf(stderr, "%llu packets, %llu lost, datagrams of %u bytes\n",
                 static_cast<unsigned long long>(counters.packets_sent),
                 static_cast<unsigned long long>(counters.packets_lost), node.endpoint->find(id)->datagram_bytes());
    return meter;
}

// requests

/// Cuts what is read from a stream into messages.
class Messages {
public:
    template <class Take>
    void add(std::span<const std::byte> bytes, Take take) {
        while (!bytes.empty()) {
            const size_t n = std::min(message_bytes - used_, bytes.size());
            std::memcpy(message_ + used_, bytes.data(), n);
            bytes = bytes.subspan(n);
            used_ += n;
            if (used_ < message_bytes) continue;
            used_ = 0;
            take(std::span<const std::byte>(message_));
        }
    }

private:
    std::byte message_[message_bytes];
    size_t used_ = 0;
};

/// Messages on their way out, in memory that stays until the peer has them.
class Outgoing {
public:
    explicit Outgoing(std::byte fill) : memory_(places * message_bytes, fill) {}
    /// What waits and what is pushed is less than there are places, so the oldest is free again.
    std::span<std::byte> next() { return std::span(memory_).subspan(next_++ % places * message_bytes, message_bytes); }

private:
    static constexpr size_t places = 4 * io::max_sends_queued;
    std::vector<std::byte> memory_;
    size_t next_ = 0;
};

/// What could not be pushed yet waits: the client has no more than its depth under way.
Meter serve_requests(Node& node) {
    node.open_endpoint();
    Meter meter;
    Messages messages;
    Outgoing answers(std::byte{});
    std::vector<std::span<std::byte>> waiting;
    transport::ConnectionId id;
    while (stopped == 0) {
        const uint64_t began = rte_rdtsc();
        bool worked = node.endpoint->turn(monotonic_now());
        while (const auto event = node.endpoint->next_event()) {
            worked = true;
            id = event->connection;
            if (!is_readable(*event)) continue;
            read_all(node, id, event->event.stream, [&](std::span<const std::byte> read) {
                messages.add(read, [&](std::span<const std::byte> request) {
                    const std::span<std::byte> answer = answers.next();
                    std::ranges::copy(request, answer.begin());
                    waiting.push_back(answer);
                });
            });
        }
        size_t answered = 0;
        for (; answered < waiting.size(); ++answered) {
            const Fragment one{waiting[answered].data(), message_bytes};
            if (!node.endpoint->find(id)->push(0, {&one, 1}, 0)) break;
        }
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(answered));
        meter.add(began, answered, answered * message_bytes, worked);
    }
    return meter;
}

Meter drive_requests(Node& node, std::vector<uint64_t>& latencies) {
    transport::ConnectionId id;
    const uint32_t stream = connect(node, id);
    Meter meter;
    Messages messages;
    Outgoing requests(std::byte{'r'});
    std::vector<uint64_t> begun(node.arguments.depth);   // of each request under way, by its number
    uint64_t asked = 0, answered = 0;
    for (const Clock clock(node.arguments.seconds); clock.goes_on();) {
        const uint64_t began = rte_rdtsc();
        const uint64_t before = answered, asked_before = asked;
        while (asked - answered < node.arguments.depth) {
            const std::span<std::byte> request = requests.next();
            store_le(request.data(), asked);
            const Fragment one{request.data(), message_bytes};
            if (!node.endpoint->find(id)->push(stream, {&one, 1}, asked)) break;
            begun[asked++ % begun.size()] = began;
        }
        bool worked = node.endpoint->turn(monotonic_now()) || asked > asked_before;
        while (const auto event = node.endpoint->next_event()) {
            worked = true;
            if (event->event.kind == transport::EventKind::closed) die(to_string(event->event.code));
            if (!is_readable(*event)) continue;
            const uint64_t now = rte_rdtsc();
            read_all(node, id, stream, [&](std::span<const std::byte> read) {
                messages.add(read, [&](std::span<const std::byte> answer) {
                    if (load_le<uint64_t>(answer.data()) != answered) die("a wrong answer");
                    latencies.push_back(now - begun[answered++ % begun.size()]);
                });
            });
        }
        meter.add(began, answered - before, (answered - before) * message_bytes, worked);
    }
    return meter;
}

std::string percentiles(std::vector<uint64_t>& latencies) {
    if (latencies.empty()) return "";
    std::ranges::sort(latencies);
    const auto at = [&](double share) {
        const auto place = static_cast<size_t>(share * static_cast<double>(latencies.size() - 1));
        return std::to_string(static_cast<double>(latencies[place]) * 1e6 / static_cast<double>(rte_get_tsc_hz()));
    };
    return ", \"p50_us\": " + at(0.5) + ", \"p99_us\": " + at(0.99);
}

Meter measure(Node& node, std::vector<uint64_t>& latencies) {
    const bool serves = node.arguments.serves;
    const std::string& what = node.arguments.what;
    if (what == "bare") return serves ? serve_bare(node) : drive_bare(node);
    if (what == "link") return serves ? serve_link(node) : drive_link(node);
    if (what == "stream") return serves ? serve_stream(node) : drive_stream(node);
    if (what == "requests") return serves ? serve_requests(node) : drive_requests(node, latencies);
    die("unknown: " + what);
}

/// In a thread of its own, as a shard is one.
void run(const Arguments& arguments) {
    Node node(arguments);
    std::vector<uint64_t> latencies;
    Meter meter;
    std::thread([&] {
        introduce_thread();
        stay_on(arguments.core);
        meter = measure(node, latencies);
        node.endpoint.reset();
        node.link.reset();
    }).join();
    meter.say(percentiles(latencies));
}

/// How long a line of the caches takes from one core to another and back: between machines' halves, or those of a
/// processor, several times as long as between neighbours, and all figures with it.
void measure_distance(int from, int to) {
    constexpr uint32_t turns = 20'000;
    alignas(128) std::atomic<uint32_t> there{0};
    alignas(128) std::atomic<uint32_t> back{0};
    std::thread other([&] {
        stay_on(to);
        for (uint32_t i = 1; i <= turns; ++i) {
            while (there.load() != i) {
            }
            back.store(i);
        }
    });
    stay_on(from);
    std::vector<uint64_t> cycles;
    for (uint32_t i = 1; i <= turns; ++i) {
        const uint64_t began = rte_rdtsc();
        there.store(i);
        while (back.load() != i) {
        }
        cycles.push_back(rte_rdtsc() - began);
    }
    other.join();
    std::ranges::sort(cycles);
    std::printf("{\"line_cycles\": %llu}\n", static_cast<unsigned long long>(cycles[turns / 2]));
}

}  // namespace

}  // namespace penstock::dpdk

int main(int argc, char** argv) {
    using namespace penstock::dpdk;
    std::signal(SIGTERM, [](int) { stopped = 1; });
    std::signal(SIGINT, [](int) { stopped = 1; });
    std::signal(SIGPIPE, SIG_IGN);   // which a socket of vhost whose other end has gone raises
    if (argc == 4 && argv[1] == std::string_view("distance")) measure_distance(std::atoi(argv[2]), std::atoi(argv[3]));
    else run(parse(argc, argv));
}
