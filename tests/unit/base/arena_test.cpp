#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace penstock {
namespace {

TEST(Arena, hands_out_aligned_memory_that_does_not_overlap) {
    Arena arena(1 << 20);
    std::vector<std::pair<std::byte*, size_t>> pieces;
    size_t align = 1;
    for (size_t bytes = 1; bytes < 3000; bytes += 37) {
        auto* memory = static_cast<std::byte*>(arena.allocate(bytes, align));
        ASSERT_NE(memory, nullptr);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % align, 0u);
        std::memset(memory, static_cast<int>(pieces.size()), bytes);
        pieces.emplace_back(memory, bytes);
        align = align == 16 ? 1 : align * 2;
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
        for (size_t at = 0; at < pieces[i].second; ++at) {
            ASSERT_EQ(pieces[i].first[at], static_cast<std::byte>(i)) << "piece " << i;
        }
    }
}

TEST(Arena, never_hands_out_more_than_its_limit) {
    Arena arena(10'000);
    EXPECT_EQ(arena.allocate(10'001, 1), nullptr);
    EXPECT_NE(arena.allocate(6'000, 1), nullptr);
    EXPECT_EQ(arena.allocate(4'001, 1), nullptr);
    EXPECT_NE(arena.allocate(4'000, 1), nullptr);
    EXPECT_EQ(arena.allocate(1, 1), nullptr);
    EXPECT_LE(arena.used(), arena.limit());
    arena.reset();
    EXPECT_EQ(arena.used(), 0u);
    EXPECT_NE(arena.allocate(10'000, 1), nullptr);

    // Also where the chunk would have room.
    Arena small(100);
    EXPECT_NE(small.allocate(60, 1), nullptr);
    EXPECT_EQ(small.allocate(41, 1), nullptr);
    EXPECT_NE(small.allocate(40, 1), nullptr);
}

TEST(Arena, sizes_that_would_overflow_are_refused) {
    volatile size_t most = SIZE_MAX;  // volatile: the compiler would object
    Arena arena(1 << 20);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(arena.allocate(most, 16), nullptr);
        EXPECT_EQ(arena.allocate(most - 8, 16), nullptr);
        EXPECT_EQ(arena.make_array<uint64_t>(most / 8).data(), nullptr);
        EXPECT_EQ(arena.make_array<uint64_t>(most / 4).data(), nullptr);
        ASSERT_NE(arena.allocate(3, 1), nullptr);
    }
}

TEST(Arena, arrays_are_value_initialised_also_in_used_memory) {
    struct Item {
        int64_t number = 7;
        char small = 'x';
    };
    Arena arena(1 << 20);
    std::memset(arena.allocate(2000, 1), 0xff, 2000);
    arena.reset();
    for (const Item& item : arena.make_array<Item>(100)) {
        EXPECT_EQ(item.number, 7);
        EXPECT_EQ(item.small, 'x');
    }
    EXPECT_EQ(arena.make_array<Item>(100).size(), 100u);
}

TEST(Arena, copies_text) {
    Arena arena(100);
    std::string text = "topic";
    std::string_view copy = arena.copy(text);
    text = "other";
    EXPECT_EQ(copy, "topic");
    EXPECT_EQ(arena.copy(std::string(200, 'x')).data(), nullptr);
}

TEST(Arena, takes_nothing_from_the_heap_once_warm) {
    Arena arena(1 << 20, 64 * 1024);
    size_t held = 0;
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 40; ++i) ASSERT_NE(arena.allocate(700, 8), nullptr);
        if (round == 0) held = arena.held();
        EXPECT_EQ(arena.held(), held);
        arena.reset();
        EXPECT_EQ(arena.held(), held);
    }
}

TEST(Arena, gives_back_what_it_need_not_keep) {
    Arena arena(10 << 20, 16 * 1024);
    for (int i = 0; i < 1000; ++i) ASSERT_NE(arena.allocate(1000, 8), nullptr);
    EXPECT_GT(arena.held(), 900'000u);
    EXPECT_LT(arena.held(), 2'000'000u);
    arena.reset();
    EXPECT_LE(arena.held(), 16u * 1024);
    EXPECT_GT(arena.held(), 0u);
    ASSERT_NE(arena.allocate(5 << 20, 8), nullptr);
    arena.reset();
    EXPECT_LE(arena.held(), 16u * 1024);
}

}  // namespace
}  // namespace penstock
