#include "log/ring.h"

#include <gtest/gtest.h>

namespace penstock::log {
namespace {

TEST(RingTest, a_commit_never_wraps_and_the_gap_belongs_to_it) {
    Ring ring(100);
    EXPECT_EQ(ring.reserve(60), 0u);
    EXPECT_FALSE(ring.reserve(50).has_value());  // does not fit before the end, and the front is needed
    ring.release(60);
    EXPECT_EQ(ring.reserve(50), 100u);
    EXPECT_EQ(ring.offset(100), 0u);
    EXPECT_EQ(ring.used(), 90u);
}

TEST(RingTest, nothing_needed_is_overwritten) {
    Ring ring(100);
    EXPECT_TRUE(ring.fits(100));
    EXPECT_EQ(ring.reserve(100), 0u);
    EXPECT_FALSE(ring.fits(1));
    ring.release(40);
    EXPECT_TRUE(ring.fits(40));
    EXPECT_FALSE(ring.fits(41));
    EXPECT_EQ(ring.reserve(40), 100u);
    EXPECT_EQ(ring.used(), ring.bytes());
}

}  // namespace
}  // namespace penstock::log
