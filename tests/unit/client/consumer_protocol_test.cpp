#include "client/consumer_protocol.h"

#include <gtest/gtest.h>

#include <cstring>

namespace penstock::client {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
}

TEST(ConsumerProtocol, SubscriptionsAreTheBytesThatKafkaWrites) {
    using namespace std::string_literals;
    const auto bytes = encode_subscription({"games", "t"});
    EXPECT_EQ(bytes, bytes_of("\0\0" "\0\0\0\2" "\0\5games" "\0\1t" "\xff\xff\xff\xff"s));
    EXPECT_EQ(decode_subscription(bytes), (std::vector<std::string>{"games", "t"}));
    // Version 1 with user data and owned partitions, as newer consumers write it.
    EXPECT_EQ(decode_subscription(bytes_of("\0\1" "\0\0\0\1" "\0\1t" "\0\0\0\1x" "\0\0\0\0"s)),
              (std::vector<std::string>{"t"}));
}

TEST(ConsumerProtocol, AssignmentsAreTheBytesThatKafkaWrites) {
    using namespace std::string_literals;
    const Assignment assignment{{"t", {0, 258}}};
    const auto bytes = encode_assignment(assignment);
    EXPECT_EQ(bytes, bytes_of("\0\0" "\0\0\0\1" "\0\1t" "\0\0\0\2" "\0\0\0\0" "\0\0\1\2" "\xff\xff\xff\xff"s));
    EXPECT_EQ(decode_assignment(bytes), assignment);
    EXPECT_EQ(decode_assignment({}), Assignment());
}

TEST(ConsumerProtocol, WhatIsCutOffOrLiesIsNothing) {
    const auto subscription = encode_subscription({"games"});
    for (size_t cut = 0; cut + 4 < subscription.size(); ++cut)
        EXPECT_FALSE(decode_subscription(std::span(subscription).first(cut))) << cut;
    const auto assignment = encode_assignment({{"t", {0, 1}}});
    for (size_t cut = 1; cut + 4 < assignment.size(); ++cut)
        EXPECT_FALSE(decode_assignment(std::span(assignment).first(cut))) << cut;
    using namespace std::string_literals;
    EXPECT_FALSE(decode_subscription(bytes_of("\0\0" "\x7f\xff\xff\xff" "\0\1t"s)));
    EXPECT_FALSE(decode_subscription(bytes_of("\xff\xff" "\0\0\0\0"s)));
}

TEST(ConsumerProtocol, RangesGiveTheFirstOnesAPartitionMore) {
    const auto result = assign_ranges({{"c", {}, {"t"}}, {"a", {}, {"t", "u"}}, {"b", {}, {"t"}}},
                                      {{"t", 5}, {"u", 2}, {"unread", 3}});
    EXPECT_EQ(result.at("a"), (Assignment{{"t", {0, 1}}, {"u", {0, 1}}}));
    EXPECT_EQ(result.at("b"), (Assignment{{"t", {2, 3}}}));
    EXPECT_EQ(result.at("c"), (Assignment{{"t", {4}}}));
}

TEST(ConsumerProtocol, StaticMembersComeFirstAndThoseWithoutAPartitionAreTold) {
    const auto result = assign_ranges({{"a", {}, {"t"}}, {"z", "i", {"t"}}, {"b", {}, {"gone"}}}, {{"t", 1}});
    EXPECT_EQ(result.at("z"), (Assignment{{"t", {0}}}));
    EXPECT_TRUE(result.at("a").empty());
    EXPECT_TRUE(result.at("b").empty());
}

}  // namespace
}  // namespace penstock::client
