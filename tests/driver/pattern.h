// Bytes that tell where they belong: each depends on its place in a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::tests {

inline std::byte pattern(uint64_t at) { return static_cast<std::byte>(at * 7 + (at >> 8) * 13 + (at >> 16)); }

inline std::vector<std::byte> pattern_bytes(uint64_t at, size_t size) {
    std::vector<std::byte> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = pattern(at + i);
    return bytes;
}

}  // namespace penstock::tests
