#include "wire/partitioner.h"

#include <gtest/gtest.h>

#include <string_view>

#include "golden.h"

namespace penstock::wire {
namespace {

// The values of Kafka's own test of Utils.murmur2.
TEST(Partitioner, murmur2_as_java_computes_it) {
    EXPECT_EQ(static_cast<int32_t>(murmur2(bytes("21"))), -973932308);
    EXPECT_EQ(static_cast<int32_t>(murmur2(bytes("foobar"))), -790332482);
    EXPECT_EQ(static_cast<int32_t>(murmur2(bytes("a-little-bit-long-string"))), -985981536);
    EXPECT_EQ(static_cast<int32_t>(murmur2(bytes("a-little-bit-longer-string"))), -1486304829);
    EXPECT_EQ(static_cast<int32_t>(murmur2(bytes("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"))), -58897971);
    EXPECT_EQ(static_cast<int32_t>(murmur2(bytes("abc"))), 479470107);
}

TEST(Partitioner, masks_the_sign_and_stays_in_range) {
    EXPECT_EQ(partition_of_key(bytes("21"), 3), (-973932308 & 0x7fffffff) % 3);
    for (int32_t count : {1, 2, 7, 1000}) {
        for (std::string_view key : {"", "a", "ab", "abc", "abcd", "\xff\xff\xff"}) {
            int32_t partition = partition_of_key(bytes(key), count);
            EXPECT_GE(partition, 0);
            EXPECT_LT(partition, count);
        }
    }
}

}  // namespace
}  // namespace penstock::wire
