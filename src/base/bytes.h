// Bytes: fragments of a chain, and loads and stores in the two byte orders that we use
// (Kafka's wire is big-endian, our own disk formats little-endian).
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace penstock {

/// A piece of memory that somebody else owns. A chain of them is one run of bytes.
struct Fragment {
    const std::byte* data = nullptr;
    uint32_t size = 0;

    std::span<const std::byte> span() const { return {data, size}; }
};

template <std::integral T>
T load_be(const std::byte* at) {
    T v;
    std::memcpy(&v, at, sizeof v);
    if constexpr (sizeof(T) == 1) return v;
    else return std::byteswap(v);
}

template <std::integral T>
void store_be(std::byte* at, T v) {
    if constexpr (sizeof(T) > 1) v = std::byteswap(v);
    std::memcpy(at, &v, sizeof v);
}

template <std::integral T>
T load_le(const std::byte* at) {
    T v;
    std::memcpy(&v, at, sizeof v);
    return v;
}

template <std::integral T>
void store_le(std::byte* at, T v) {
    std::memcpy(at, &v, sizeof v);
}

static_assert(std::endian::native == std::endian::little, "the byte-order helpers assume x86-64 or arm64");

inline uint64_t total_size(std::span<const Fragment> chain) {
    uint64_t n = 0;
    for (const Fragment& f : chain) n += f.size;
    return n;
}

}  // namespace penstock
