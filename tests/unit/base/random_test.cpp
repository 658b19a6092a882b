#include "base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace penstock {
namespace {

TEST(Random, mixes_as_the_published_splitmix64) {
    EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafu);
    EXPECT_EQ(mix64(0x9e3779b97f4a7c15), 0x6e789e6aa1b965f4u);
}

TEST(Random, equal_seeds_give_equal_sequences_and_others_do_not) {
    Random a(7), b(7), c(8);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const uint64_t word = a.next();
        EXPECT_EQ(word, b.next());
        differs |= word != c.next();
    }
    EXPECT_TRUE(differs);
}

TEST(Random, stays_in_bounds_and_reaches_all_of_them) {
    Random random(1);
    std::array<int, 10> seen{};
    for (int i = 0; i < 10'000; ++i) ++seen.at(random.below(10));
    for (const int n : seen) EXPECT_NEAR(n, 1000, 150);
    EXPECT_EQ(random.below(1), 0u);
    for (int i = 0; i < 100; ++i) {
        const uint64_t n = random.between(5, 7);
        EXPECT_GE(n, 5u);
        EXPECT_LE(n, 7u);
    }
    EXPECT_EQ(random.between(9, 9), 9u);
    (void)random.between(0, UINT64_MAX);
}

TEST(Random, chance_follows_its_odds) {
    Random random(2);
    int hits = 0;
    for (int i = 0; i < 10'000; ++i) hits += random.chance(1, 4);
    EXPECT_NEAR(hits, 2500, 200);
    EXPECT_FALSE(random.chance(0, 4));
    EXPECT_TRUE(random.chance(4, 4));
}

TEST(Random, a_fork_is_a_sequence_of_its_own) {
    Random a(3), b(3);
    Random fork = a.fork();
    (void)b.fork();
    for (int i = 0; i < 10; ++i) (void)fork.next();
    EXPECT_EQ(a.next(), b.next());
    EXPECT_NE(fork.next(), a.next());
}

TEST(Random, fills_any_length) {
    for (size_t n = 0; n < 20; ++n) {
        std::array<std::byte, 21> bytes{};
        Random(4).fill(std::span(bytes).first(n));
        EXPECT_EQ(bytes.at(n), std::byte{0});
    }
    std::array<std::byte, 16> x{}, y{};
    Random(5).fill(x);
    Random(5).fill(y);
    EXPECT_EQ(x, y);
    EXPECT_NE(x, (std::array<std::byte, 16>{}));
}

}  // namespace
}  // namespace penstock
