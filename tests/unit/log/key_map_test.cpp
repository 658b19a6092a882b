#include "log/key_map.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::log {
namespace {

KeyHash hash(const std::string& key) { return hash_key(std::as_bytes(std::span(key))); }

TEST(KeyMap, the_last_offset_of_a_key_counts) {
    KeyMap map(10, 1 << 20);
    EXPECT_EQ(map.find(hash("a")), -1);
    EXPECT_TRUE(map.put(hash("a"), 0));
    EXPECT_TRUE(map.put(hash(""), 1));
    EXPECT_TRUE(map.put(hash("a"), 7));
    EXPECT_EQ(map.find(hash("a")), 7);
    EXPECT_EQ(map.find(hash("")), 1);
    EXPECT_EQ(map.size(), 2u);
}

TEST(KeyMap, it_holds_as_many_keys_as_it_was_told) {
    constexpr int keys = 100'000;
    KeyMap map(keys, 64 << 20);
    for (int i = 0; i < keys; ++i) ASSERT_TRUE(map.put(hash("key " + std::to_string(i)), i)) << i;
    for (int i = 0; i < keys; ++i) ASSERT_EQ(map.find(hash("key " + std::to_string(i))), i);
    EXPECT_EQ(map.find(hash("another")), -1);
}

TEST(KeyMap, when_its_memory_is_used_up_only_known_keys_go_in) {
    KeyMap map(1'000'000, 100'000);
    int64_t taken = 0;
    while (map.put(hash(std::to_string(taken)), taken)) ++taken;
    EXPECT_GT(taken, 2000);
    EXPECT_LT(taken * 24, 100'000);
    EXPECT_TRUE(map.put(hash("0"), taken));
    EXPECT_EQ(map.find(hash("0")), taken);
    EXPECT_EQ(map.find(hash(std::to_string(taken))), -1);
}

}  // namespace
}  // namespace penstock::log
