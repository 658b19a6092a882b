#include "transport/byte_ranges.h"

#include <gtest/gtest.h>

#include <bitset>

#include "base/random.h"

namespace penstock::transport {
namespace {

TEST(ByteRanges, hold_what_a_set_of_bytes_would) {
    Random random(3);
    for (int round = 0; round < 300; ++round) {
        ByteRanges ranges;
        std::bitset<64> model;
        for (int step = 0; step < 60; ++step) {
            const uint64_t first = random.below(60), end = first + random.below(5);
            const bool add = random.below(2) == 0;
            if (add) ranges.add({first, end});
            else ranges.remove({first, end});
            for (uint64_t i = first; i < end; ++i) model[i] = add;
            std::bitset<64> held;
            uint64_t before = 0;
            bool started = false;
            for (const ByteRange& range : ranges) {
                ASSERT_LT(range.first, range.end);
                ASSERT_TRUE(!started || range.first > before);   // they do not touch
                started = true;
                before = range.end;
                for (uint64_t i = range.first; i < range.end; ++i) held[i] = true;
            }
            ASSERT_EQ(held, model) << round << " " << step;
        }
    }
}

TEST(ByteRanges, lose_what_lies_below) {
    ByteRanges ranges;
    ranges.add({5, 10});
    ranges.add({20, 30});
    ranges.remove_below(25);
    EXPECT_EQ(ranges.count(), 1u);
    EXPECT_EQ(ranges.front(), (ByteRange{25, 30}));
    ranges.clear();
    EXPECT_TRUE(ranges.empty());
}

}  // namespace
}  // namespace penstock::transport
