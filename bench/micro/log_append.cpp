// Appending through the storage engine with a disk that finishes everything at once and keeps nothing: what the store
// costs by itself, from the batch to the journal commit and the segment writes. bytes_per_second beside the speed of
// memcpy and CRC-32C says how far it is from the machine's limit; `allocations` is per append and must be 0.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>

#include "counted_heap.h"
#include "instant_disk.h"
#include "log/recover.h"
#include "sim/directory.h"
#include "sim/disk.h"

namespace penstock::log {
namespace {

/// A store whose logs keep 256 MiB each, so that files go round.
struct Bench {
    explicit Bench(int log_count) {
        auto opened = open_directory(disk, {1, 64 * mib, 1, 2});
        if (!opened) std::abort();
        StoreOptions options;
        options.pool_bytes = 512 * mib;
        store = std::make_unique<Store>(options, std::move(opened->shards[0]), disk, time);
        disk.make_instant();
        LogConfig config;
        config.retention_bytes = 256 * static_cast<int64_t>(mib);
        config.segment_bytes = 64 * mib;
        for (int i = 0; i < log_count; ++i) logs.push_back(*store->create({make_uuid(1, 1), i}, config, time));
    }
    ~Bench() {
        store->begin_stop();
        for (int i = 0; i < 100'000 && !store->drained(); ++i) turn();
    }
    void turn() {
        time.now += 100 * microsecond_ns;
        store->on_turn(time);
        store->submit(time);
    }

    sim::Directory directory{sim::DirectoryOptions{}};
    sim::Disk raw{directory};
    InstantDisk disk{raw};
    Time time{Nanos(second_ns), 1'700'000'000'000};
    std::unique_ptr<Store> store;
    std::vector<Log*> logs;
};

void append(benchmark::State& state) {
    auto size = static_cast<size_t>(state.range(0));
    Bench bench(static_cast<int>(state.range(1)));
    std::string value(size - batch_header_size, 'x');
    Fragment body{reinterpret_cast<const std::byte*>(value.data()), static_cast<uint32_t>(value.size())};
    BatchToAppend batch;
    std::memset(batch.header, 0, sizeof batch.header);
    store_be<int32_t>(batch.header + 8, static_cast<int32_t>(size - 12));
    batch.body = {&body, 1};
    batch.max_timestamp = 1000;
    size_t next = 0;
    uint64_t refused = 0;
    auto one = [&] {
        Log& log = *bench.logs[next++ % bench.logs.size()];
        while (!bench.store->append(log, batch, bench.time)) {
            ++refused;
            bench.turn();
        }
        if (next % 8 == 0) bench.turn();  // a turn of the shard for every eight requests
    };
    size_t warm_up = std::max<size_t>(512 * mib / size, 4096);
    for (size_t i = 0; i < std::min<size_t>(warm_up, 100'000); ++i) one();
    refused = 0;
    const uint64_t before = sim::counted_heap().allocations;
    {
        const sim::CountHeap counting;
        for (auto _ : state) one();
    }
    auto appends = static_cast<double>(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
    state.counters["allocations"] = static_cast<double>(sim::counted_heap().allocations - before) / appends;
    state.counters["refused"] = static_cast<double>(refused) / appends;
}
BENCHMARK(append)
    ->ArgNames({"batch", "logs"})
    ->Args({1 << 10, 1})
    ->Args({1 << 10, 1000})
    ->Args({16 << 10, 1})
    ->Args({16 << 10, 100})
    ->Args({1 << 20, 1});

}  // namespace
}  // namespace penstock::log

BENCHMARK_MAIN();
