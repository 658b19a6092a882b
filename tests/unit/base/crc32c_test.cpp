#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace penstock {
namespace {

std::span<const std::byte> bytes_of(const char* text) {
    return {reinterpret_cast<const std::byte*>(text), std::strlen(text)};
}

TEST(Crc32c, has_the_published_check_value) {
    EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
}

TEST(Crc32c, continues_over_pieces) {
    EXPECT_EQ(crc32c(crc32c(bytes_of("1234")), bytes_of("56789")), 0xe3069283u);
    EXPECT_EQ(crc32c(77, {}), 77u);
}

/// Bit by bit, as the polynomial says.
uint32_t by_definition(uint32_t crc, std::span<const std::byte> bytes) {
    uint32_t state = ~crc;
    for (const std::byte byte : bytes) {
        state ^= std::to_integer<uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78u : 0u);
    }
    return ~state;
}

TEST(Crc32c, is_the_same_whatever_the_size_and_the_start) {
    std::vector<std::byte> bytes(4096 + 16);
    uint32_t state = 1;
    for (std::byte& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<std::byte>(state >> 24);
    }
    for (size_t size = 0; size <= 4096; size = size < 900 ? size + 1 : size + 97) {
        const std::span<const std::byte> piece = std::span(bytes).subspan(size % 16, size);
        ASSERT_EQ(crc32c(piece), by_definition(0, piece)) << size;
        ASSERT_EQ(crc32c(0x12345678, piece), by_definition(0x12345678, piece)) << size;
    }
}

}  // namespace
}  // namespace penstock
