#include "repair_fixture.h"

namespace penstock::log {
namespace {

using ScrubTest = RepairFixture;

TEST_F(ScrubTest, finds_what_nobody_reads) {
    on_disk();
    rot_batch(50);
    rot_batch(250);
    rot_index_of(120);
    store_options_.scrub_bytes_per_s = gib;
    store_options_.scrub_delay_ns = 10 * millisecond_ns;
    Log& now = again();
    ASSERT_TRUE(turn_until([&] {
        serve_repairs();
        return store_->counters().scrub_passes > 0 && store_->counters().repaired >= 3;
    }));
    EXPECT_EQ(store_->counters().not_repaired, 0u);
    store_options_.scrub_bytes_per_s = 0;
    expect_all_for_good(now);
}

TEST_F(ScrubTest, keeps_its_rate_and_rests_a_day) {
    on_disk();
    store_options_.scrub_bytes_per_s = 2 * mib;
    again();
    turns(5000);
    EXPECT_EQ(store_->counters().scrubbed_bytes, 0u) << "right after the start";
    time_.now += 10 * second_ns;
    const Nanos began = time_.now;
    ASSERT_TRUE(turn_until([&] { return store_->counters().scrub_passes == 1; }));
    const double seconds = static_cast<double>(time_.now - began) / second_ns;
    const double read = static_cast<double>(store_->counters().scrubbed_bytes) / (2 * mib);
    EXPECT_GT(read, 0.5);
    EXPECT_GT(seconds, read - 1);
    const uint64_t before = store_->counters().scrubbed_bytes;
    turns(1000);
    EXPECT_EQ(store_->counters().scrubbed_bytes, before);
    EXPECT_GT(store_->next_deadline(), time_.now);
    time_.now += 24 * 3600 * second_ns;
    ASSERT_TRUE(turn_until([&] { return store_->counters().scrub_passes == 2; }));
    EXPECT_GT(store_->counters().scrubbed_bytes, before);
    stop();
}

}  // namespace
}  // namespace penstock::log
