#include "transport/round_trip.h"

#include <gtest/gtest.h>

namespace penstock::transport {
namespace {

TEST(RoundTrip, the_first_measurement_replaces_the_guess) {
    RoundTrip round_trip;
    EXPECT_FALSE(round_trip.measured());
    EXPECT_EQ(round_trip.smoothed_ns(), RoundTrip::initial_ns);
    round_trip.sample(40 * millisecond_ns, 0);
    EXPECT_TRUE(round_trip.measured());
    EXPECT_EQ(round_trip.smoothed_ns(), 40 * millisecond_ns);
    EXPECT_EQ(round_trip.smallest_ns(), 40 * millisecond_ns);
    EXPECT_EQ(round_trip.patience_ns(), 120 * millisecond_ns);   // and four times half of it
}

TEST(RoundTrip, follows_what_is_measured) {
    RoundTrip round_trip;
    for (int i = 0; i < 100; ++i) round_trip.sample(20 * millisecond_ns, 0);
    EXPECT_EQ(round_trip.patience_ns(), 20 * millisecond_ns + RoundTrip::granularity_ns);
    for (int i = 0; i < 100; ++i) round_trip.sample(60 * millisecond_ns, 0);
    EXPECT_NEAR(static_cast<double>(round_trip.smoothed_ns()), 60e6, 1e3);
    EXPECT_EQ(round_trip.smallest_ns(), 20 * millisecond_ns);
    EXPECT_EQ(round_trip.latest_ns(), 60 * millisecond_ns);
}

TEST(RoundTrip, takes_off_what_the_peer_waited_but_not_below_the_smallest) {
    RoundTrip round_trip;
    round_trip.sample(10 * millisecond_ns, 0);
    for (int i = 0; i < 100; ++i) round_trip.sample(15 * millisecond_ns, 5 * millisecond_ns);
    EXPECT_EQ(round_trip.smoothed_ns(), 10 * millisecond_ns);
    for (int i = 0; i < 100; ++i) round_trip.sample(15 * millisecond_ns, 14 * millisecond_ns);   // it cannot have
    EXPECT_NEAR(static_cast<double>(round_trip.smoothed_ns()), 15e6, 1e3);
}

TEST(RoundTrip, variation_makes_patient) {
    RoundTrip round_trip;
    for (int i = 0; i < 100; ++i) round_trip.sample((i % 2 == 0 ? 10 : 30) * millisecond_ns, 0);
    EXPECT_GT(round_trip.patience_ns(), 45 * millisecond_ns);
    EXPECT_LT(round_trip.patience_ns(), 75 * millisecond_ns);
}

}  // namespace
}  // namespace penstock::transport
