#include "cli/bench_meter.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

struct MeterTest : testing::Test {
    MeterTest() { meter.begin(t0); }
    Clock::time_point t0{1000s};
    BenchMeter meter{2s, 10s, false};
};

TEST_F(MeterTest, CountsOnlyInsideTheWindow) {
    meter.answered(t0 + 1s, t0 + 1900ms, 10, 100);  // warm-up
    meter.answered(t0 + 1900ms, t0 + 2100ms, 10, 100);  // started before, answered inside
    meter.answered(t0 + 3s, t0 + 3s + 5ms, 10, 100);
    meter.answered(t0 + 11990ms, t0 + 12500ms, 10, 100);  // answered too late
    EXPECT_EQ(meter.records(), 20u);
    EXPECT_EQ(meter.bytes(), 200u);
    EXPECT_EQ(meter.requests(), 2u);
    EXPECT_DOUBLE_EQ(meter.window_seconds(), 10.0);
}

TEST_F(MeterTest, LatencyBelongsToWhenItWasDue) {
    meter.answered(t0 + 1s, t0 + 9s, 1, 1);          // due in the warm-up: does not count
    meter.answered(t0 + 3s, t0 + 3s + 1500us, 1, 1);
    meter.answered(t0 + 11s, t0 + 14s, 1, 1);        // due inside: counts though the answer came late
    EXPECT_EQ(meter.latency().count(), 2u);
    EXPECT_EQ(meter.latency().min(), 1500u);
    EXPECT_EQ(meter.latency().max(), 3'000'000u);
}

TEST_F(MeterTest, AnEarlyEndShortensTheWindow) {
    meter.end_early(t0 + 5s);
    EXPECT_DOUBLE_EQ(meter.window_seconds(), 3.0);
    meter.end_early(t0 + 8s);  // never longer again
    EXPECT_DOUBLE_EQ(meter.window_seconds(), 3.0);
    BenchMeter other(2s, 10s, false);
    other.begin(t0);
    other.end_early(t0 + 1s);
    EXPECT_DOUBLE_EQ(other.window_seconds(), 0.0);
}

TEST_F(MeterTest, FailuresAreCountedApart) {
    meter.failed(7);
    EXPECT_EQ(meter.failed_records(), 7u);
    EXPECT_EQ(meter.records(), 0u);
}

}  // namespace
}  // namespace penstock::cli
