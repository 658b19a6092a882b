// What the benchmarks of wire measure with: batches and messages of a given shape, the same in every run.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "wire/records.h"

namespace penstock::wire {

inline constexpr int64_t bench_now_ms = 1'700'000'000'000;

/// A batch of records of 100 bytes (fewer if need be), about `bytes` in all.
inline std::vector<std::byte> bench_batch(size_t bytes) {
    BatchBuilder builder;
    std::string value(100, 'v');
    do builder.add(bench_now_ms, std::nullopt, std::as_bytes(std::span(value)));
    while (builder.size() + value.size() + 10 <= bytes);
    std::vector<std::byte> batch;
    if (!builder.finish(Codec::none, batch)) batch.clear();
    return batch;
}

/// The chain of receive buffers that a frame of these bytes lies in.
inline std::vector<Fragment> bench_chain(std::span<const std::byte> bytes, size_t buffer_bytes) {
    std::vector<Fragment> chain;
    for (size_t at = 0; at < bytes.size(); at += buffer_bytes) {
        std::span<const std::byte> part = bytes.subspan(at, std::min(buffer_bytes, bytes.size() - at));
        chain.push_back({part.data(), static_cast<uint32_t>(part.size())});
    }
    return chain;
}

}  // namespace penstock::wire
