// Decoding a Produce request and encoding a Fetch response, headers and size field included, in a warm arena.
// Records are lent and spliced, so time must follow the number of partitions and not the bytes.
#include <benchmark/benchmark.h>

#include "wire/kafka/fetch.h"
#include "wire/kafka/produce.h"
#include "wire_messages.h"

namespace penstock::wire {
namespace {

using namespace kafka;

std::vector<std::byte> produce_frame(size_t partition_count, std::span<const std::byte> batch, int16_t version) {
    Fragment records{batch.data(), static_cast<uint32_t>(batch.size())};
    std::vector<ProduceRequest::Partition> partitions(partition_count);
    for (size_t i = 0; i < partition_count; ++i) partitions[i] = {static_cast<int32_t>(i), std::span(&records, 1)};
    ProduceRequest::Topic topic;
    topic.name = "measurements";
    topic.partitions = partitions;
    ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30'000;
    request.topics = std::span(&topic, 1);
    Arena arena(1 << 20);
    std::vector<std::byte> bytes;
    if (auto frame = request_frame(arena, 1, "bench", request, version)) {
        for (const Fragment& f : *frame) bytes.insert(bytes.end(), f.data, f.data + f.size);
    }
    return bytes;
}

void decode_produce(benchmark::State& state) {
    std::vector<std::byte> batch = bench_batch(16 << 10);
    std::vector<std::byte> frame = produce_frame(static_cast<size_t>(state.range(0)), batch,
                                                 static_cast<int16_t>(state.range(1)));
    std::vector<Fragment> chain = bench_chain(std::span(frame).subspan(4), 64 << 10);
    Arena arena(1 << 20);
    for (auto _ : state) {
        Reader reader(chain, arena);
        RequestHeader header;
        ProduceRequest request;
        bool ok = decode_request_header(reader, apis, header) == HeaderStatus::ok &&
                  decode(reader, request, header.version);
        if (!ok) {
            state.SkipWithError("the frame does not decode");
            break;
        }
        benchmark::DoNotOptimize(request);
        arena.reset();
    }
    state.counters["partitions/s"] =
        benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)), benchmark::Counter::kIsRate);
}
BENCHMARK(decode_produce)->ArgNames({"partitions", "version"})->ArgsProduct({{1, 10, 100}, {7, 9}});

void encode_fetch(benchmark::State& state) {
    auto count = static_cast<size_t>(state.range(0));
    std::vector<std::byte> batch = bench_batch(16 << 10);
    Fragment slices[] = {{batch.data(), 4096}, {batch.data() + 4096, static_cast<uint32_t>(batch.size() - 4096)}};
    Arena arena(1 << 20);
    for (auto _ : state) {
        std::span<FetchResponse::Partition> partitions = arena.make_array<FetchResponse::Partition>(count);
        for (size_t i = 0; i < count; ++i) {
            partitions[i].partition_index = static_cast<int32_t>(i);
            partitions[i].high_watermark = 1000;
            partitions[i].records = slices;
        }
        FetchResponse::Topic topic;
        topic.name = "measurements";
        topic.partitions = partitions;
        FetchResponse response;
        response.topics = std::span(&topic, 1);
        auto frame = response_frame(arena, 1, response, static_cast<int16_t>(state.range(1)));
        if (!frame) {
            state.SkipWithError("the response does not encode");
            break;
        }
        benchmark::DoNotOptimize(frame);
        arena.reset();
    }
    state.counters["partitions/s"] =
        benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)), benchmark::Counter::kIsRate);
}
BENCHMARK(encode_fetch)->ArgNames({"partitions", "version"})->ArgsProduct({{1, 10, 100}, {11, 12}});

}  // namespace
}  // namespace penstock::wire

BENCHMARK_MAIN();
