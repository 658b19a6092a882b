#include "cli/partition_choice.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::cli {
namespace {

TEST(PartitionChoice, KeysGoWhereJavaPutsThem) {
    // Java's default partitioner: toPositive(murmur2(key)) % 3. The hashes are from Kafka's own tests.
    PartitionChoice choice(3, {}, 0);
    EXPECT_EQ(choice.choose("21"), (-973932308 & 0x7fffffff) % 3);
    EXPECT_EQ(choice.choose("foobar"), (-790332482 & 0x7fffffff) % 3);
    EXPECT_EQ(choice.choose("abc"), 479470107 % 3);
    EXPECT_EQ(choice.choose("a-little-bit-long-string"), (-985981536 & 0x7fffffff) % 3);
}

TEST(PartitionChoice, KeylessStickUntilTheBatchCloses) {
    PartitionChoice choice(3, {}, 1);
    EXPECT_EQ(choice.choose({}), 1);
    EXPECT_EQ(choice.choose({}), 1);
    choice.batch_closed(0);  // somebody else's batch
    EXPECT_EQ(choice.choose({}), 1);
    choice.batch_closed(1);
    EXPECT_EQ(choice.choose({}), 2);
    choice.batch_closed(2);
    EXPECT_EQ(choice.choose({}), 0);
}

TEST(PartitionChoice, AnEmptyKeyIsAKey) {
    PartitionChoice choice(8, {}, 3);
    const int32_t first = choice.choose("");
    choice.batch_closed(choice.choose({}));
    EXPECT_EQ(choice.choose(""), first);
}

TEST(PartitionChoice, WhatIsToldCounts) {
    PartitionChoice choice(8, 5, 0);
    EXPECT_EQ(choice.choose({}), 5);
    EXPECT_EQ(choice.choose("key"), 5);
}

TEST(PartitionChoice, StartsAnywhere) {
    std::set<int32_t> starts;
    for (uint64_t i = 0; i < 100; ++i) starts.insert(PartitionChoice(4, {}, i * 7919).choose({}));
    EXPECT_EQ(starts, (std::set<int32_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace penstock::cli
