// Validating a batch as a leader does: headers, counts and the CRC over the chain of receive buffers it lies in.
// bytes_per_second beside memory bandwidth says how far the CRC is from the machine's limit.
#include <benchmark/benchmark.h>

#include "wire_messages.h"

namespace penstock::wire {
namespace {

void validate(benchmark::State& state) {
    std::vector<std::byte> batch = bench_batch(static_cast<size_t>(state.range(0)));
    std::vector<Fragment> chain = bench_chain(batch, static_cast<size_t>(state.range(1)));
    BatchLimits limits;
    limits.now_ms = bench_now_ms;
    limits.batch_bytes_max = 2u << 20;
    Arena arena(64 << 10);
    for (auto _ : state) {
        auto valid = validate_batch(chain, limits, arena);
        if (!valid) {
            state.SkipWithError("the batch is not valid");
            break;
        }
        benchmark::DoNotOptimize(valid);
        arena.reset();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.size()));
}
BENCHMARK(validate)
    ->ArgNames({"batch", "buffer"})
    ->Args({1 << 10, 64 << 10})
    ->Args({16 << 10, 64 << 10})
    ->Args({16 << 10, 4 << 10})
    ->Args({1 << 20, 64 << 10});

void stamp(benchmark::State& state) {
    std::vector<std::byte> batch = bench_batch(1 << 10);
    std::span<std::byte, batch_header_bytes> header(batch.data(), batch_header_bytes);
    Offset offset{0};
    for (auto _ : state) {
        stamp_leader(header, offset, LeaderEpoch{1});
        offset += 10;
        benchmark::ClobberMemory();
    }
}
BENCHMARK(stamp);

}  // namespace
}  // namespace penstock::wire

BENCHMARK_MAIN();
