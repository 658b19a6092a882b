#include "group/records.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace penstock::group {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
}

TEST(Records, keys_are_kafkas) {
    std::vector<std::byte> out;
    ASSERT_TRUE(encode(OffsetKey{"gr", "t", 258}, out));
    EXPECT_EQ(out, bytes({0, 1, 0, 2, 'g', 'r', 0, 1, 't', 0, 0, 1, 2}));
    ASSERT_TRUE(encode(GroupKey{"gr"}, out));
    EXPECT_EQ(out, bytes({0, 2, 0, 2, 'g', 'r'}));
}

TEST(Records, a_committed_offset_is_kafkas_version_4) {
    std::vector<std::byte> out;
    ASSERT_TRUE(encode(OffsetValue{5, 1, "m", 2, {}}, out));
    EXPECT_EQ(out, bytes({0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 2, 'm', 0, 0, 0, 0, 0, 0, 0, 2, 0}));
    ASSERT_TRUE(encode(OffsetValue{5, 1, "m", 2, make_uuid(1, 2)}, out));
    ASSERT_EQ(out.size(), 25u + 18);
    EXPECT_EQ(out[24], std::byte{1}) << "one tag";
    EXPECT_EQ(out[25], std::byte{0}) << "number 0";
    EXPECT_EQ(out[26], std::byte{16}) << "of 16 bytes";
}

TEST(Records, a_group_is_kafkas_version_3) {
    const GroupValue::Member member{.id = "m", .instance_id = {}, .client_id = "c", .client_host = "h",
                                    .rebalance_timeout_ms = 1, .session_timeout_ms = 2, .subscription = {},
                                    .assignment = {}};
    std::vector<std::byte> out;
    ASSERT_TRUE(encode(GroupValue{"t", 7, "p", std::nullopt, 3, {&member, 1}}, out));
    EXPECT_EQ(out, bytes({0, 3, 0, 1, 't', 0, 0, 0, 7, 0, 1, 'p', 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1,
                          0, 1, 'm', 0xff, 0xff, 0, 1, 'c', 0, 1, 'h', 0, 0, 0, 1, 0, 0, 0, 2,
                          0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Records, come_back_as_they_were) {
    Arena arena(1 << 20);
    std::vector<std::byte> key, value;
    StoredRecord record;
    ASSERT_TRUE(encode(OffsetKey{"g", "t", 3}, key) && encode(OffsetValue{5, 1, "m", 2, make_uuid(1, 2)}, value));
    ASSERT_TRUE(decode(key, value, arena, record));
    EXPECT_EQ(record.offset_key->topic, "t");
    EXPECT_EQ(record.offset->metadata, "m");
    EXPECT_EQ(record.offset->topic_id, make_uuid(1, 2));
    EXPECT_FALSE(record.group_key.has_value());
    ASSERT_TRUE(decode(key, std::nullopt, arena, record));
    EXPECT_TRUE(record.offset_key.has_value());
    EXPECT_FALSE(record.offset.has_value()) << "it is removed";
}

TEST(Records, hostile_bytes_do_no_harm) {
    std::vector<std::byte> offset_key, offset, group_key, group;
    const GroupValue::Member member{.id = "m", .instance_id = "i", .client_id = "c", .client_host = "h",
                                    .rebalance_timeout_ms = 1, .session_timeout_ms = 2, .subscription = {},
                                    .assignment = {}};
    ASSERT_TRUE(encode(OffsetKey{"g", "t", 3}, offset_key) && encode(OffsetValue{5, 1, "m", 2, {}}, offset));
    ASSERT_TRUE(encode(GroupKey{"g"}, group_key) && encode(GroupValue{"t", 7, "p", "l", 3, {&member, 1}}, group));
    Random random(3);
    for (int i = 0; i < 20'000; ++i) {
        auto key = i % 2 == 0 ? offset_key : group_key;
        auto value = i % 2 == 0 ? offset : group;
        for (uint64_t n = random.below(3); n > 0; --n) key[random.below(key.size())] = std::byte(random.next());
        for (uint64_t n = random.below(4); n > 0; --n) value[random.below(value.size())] = std::byte(random.next());
        value.resize(random.between(0, value.size()));
        Arena arena(1 << 16);
        StoredRecord record;
        if (!decode(key, value, arena, record)) continue;
        EXPECT_NE(record.offset_key.has_value(), record.group_key.has_value());
    }
}

}  // namespace
}  // namespace penstock::group
