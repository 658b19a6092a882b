// Datagrams from one uring::Link to another over loopback, both on one ring and one thread: what a datagram and a byte
// cost sender and receiver together, spinning. Loopback has no device, so this is the kernel's work and ours.
#include <benchmark/benchmark.h>

#include <vector>

#include "uring/link.h"

namespace penstock::uring {
namespace {

struct Ends {
    std::unique_ptr<Ring> ring;
    std::unique_ptr<Link> from, to;
    io::Endpoint endpoint;
};

bool open(Ends& ends, bool segmentation) {
    auto ring = Ring::create();
    if (!ring) return false;
    ends.ring = std::move(*ring);
    auto from = Link::create(*ends.ring, {.segmentation = segmentation}), to = Link::create(*ends.ring);
    if (!from || !to) return false;
    ends.from = std::move(*from);
    ends.to = std::move(*to);
    const auto port = ends.to->open({"127.0.0.1", 0});
    if (!port || !ends.from->open({"127.0.0.1", 0})) return false;
    const auto endpoint = ends.from->resolve({"127.0.0.1", *port});
    if (endpoint) ends.endpoint = *endpoint;
    return endpoint.has_value();
}

/// Takes what has arrived; how many datagrams.
size_t drain(Link& link) {
    io::IncomingBurst in[64];
    size_t datagrams = 0;
    while (const size_t n = link.receive(in)) {
        for (const io::IncomingBurst& burst : std::span(in).first(n)) {
            datagrams += (burst.size - 1) / burst.datagram_bytes + 1;
            link.release(burst);
        }
    }
    return datagrams;
}

void send_and_receive(benchmark::State& state) {
    const auto datagram_bytes = static_cast<uint32_t>(state.range(0));
    const auto datagrams = static_cast<uint32_t>(state.range(1));
    Ends ends;
    if (!open(ends, state.range(3) != 0)) {
        state.SkipWithError("no io_uring, or no socket");
        return;
    }
    const std::vector<std::byte> bytes(size_t{datagram_bytes} * datagrams, std::byte{1});
    const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
    const std::vector<io::OutgoingBurst> bursts(static_cast<size_t>(state.range(2)),
                                                {ends.endpoint, datagram_bytes, {&one, 1}});
    const size_t expected = datagrams * bursts.size();
    ends.ring->submit_and_reap();  // from here on it receives
    for (auto _ : state) {
        const size_t sent = ends.from->send(bursts);
        size_t received = 0;
        for (int turn = 0; received < expected && turn < 100'000; ++turn) {
            ends.ring->submit_and_reap();
            received += drain(*ends.to);
        }
        if (sent != bursts.size() || received != expected) {
            state.SkipWithError("datagrams got lost");
            break;
        }
    }
    using benchmark::Counter;
    const auto turns = static_cast<double>(state.iterations());
    const Counter::Flags seconds_each = static_cast<Counter::Flags>(Counter::kIsRate | Counter::kInvert);
    state.counters["per_datagram"] = Counter(turns * static_cast<double>(expected), seconds_each);
    state.counters["per_byte"] = Counter(turns * static_cast<double>(bytes.size() * bursts.size()), seconds_each);
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size() * bursts.size()));
}
BENCHMARK(send_and_receive)
    ->ArgNames({"datagram", "burst", "bursts", "segmentation"})
    ->Args({1472, 44, 4, 1})
    ->Args({1472, 44, 4, 0})
    ->Args({8972, 7, 4, 1})
    ->Args({8972, 7, 4, 0})
    ->Args({1472, 1, 32, 1})
    ->Args({100, 1, 1, 1})
    ->Args({100, 1, 32, 1})
    ->Args({100, 64, 4, 1});

}  // namespace
}  // namespace penstock::uring

BENCHMARK_MAIN();
