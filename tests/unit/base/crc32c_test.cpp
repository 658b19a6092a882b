#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <cstring>

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

}  // namespace
}  // namespace penstock
