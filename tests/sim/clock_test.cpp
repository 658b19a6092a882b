#include "sim/clock.h"

#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

TEST(SimClock, moves_only_when_told_and_never_back) {
    Clock clock(5000);
    const Time start = clock.time();
    EXPECT_EQ(start.wall_ms, 5000);
    EXPECT_EQ(clock.now(), start.now);
    clock.advance(2 * second_ns);
    EXPECT_EQ(clock.now() - start.now, 2 * second_ns);
    EXPECT_EQ(clock.time().wall_ms, 7000);
    clock.advance_to(start.now);
    EXPECT_EQ(clock.now() - start.now, 2 * second_ns);
    clock.advance_to(start.now + 3 * second_ns);
    EXPECT_EQ(clock.time().wall_ms, 8000);
    clock.advance_to(never);
    EXPECT_EQ(clock.time().wall_ms, 8000);
}

TEST(SimClock, the_wall_clock_may_jump) {
    Clock clock(5000);
    const Nanos now = clock.now();
    clock.shift_wall(-1000);
    EXPECT_EQ(clock.time().wall_ms, 4000);
    EXPECT_EQ(clock.now(), now);
}

}  // namespace
}  // namespace penstock::sim
