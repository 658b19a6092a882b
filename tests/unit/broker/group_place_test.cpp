#include "broker/group_place.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(GroupPlace, partition_is_javas_hash_without_its_sign) {
    EXPECT_EQ(group_partition("", 50), 0);
    EXPECT_EQ(group_partition("hello", 50), 99162322 % 50);
    EXPECT_EQ(group_partition("polygenelubricants", 50), 0) << "its hash is INT_MIN";
    EXPECT_EQ(group_partition("zzzzzzz", 1'000'000'007), 215'481'018);
}

TEST(GroupPlace, counts_characters_as_java_does) {
    EXPECT_EQ(group_partition("\xc3\xa9", 1000), 233) << "e with an acute accent";
    EXPECT_EQ(group_partition("\xe2\x82\xac", 100'000), 8364) << "the euro sign";
    // A surrogate pair: 31 * 0xd83d + 0xde00.
    EXPECT_EQ(group_partition("\xf0\x9f\x98\x80", 10'000'000), 31 * 0xd83d + 0xde00);
}

}  // namespace
}  // namespace penstock::broker
