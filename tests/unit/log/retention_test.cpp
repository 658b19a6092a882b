#include "store_fixture.h"

namespace penstock::log {
namespace {

class RetentionTest : public StoreFixture {
protected:
    void pass() {
        time_.now += 6 * second_ns;
        turns(20);
    }
};

TEST_F(RetentionTest, an_idle_log_loses_its_last_segment_too) {
    open();
    LogConfig config;
    config.retention_ms = 60'000;
    Log& log = **store_->create(key_of(1), config, time_);
    for (int i = 0; i < 10; ++i) append(log, 50'000, 'a', time_.wall_ms);
    settle(log);
    pass();
    EXPECT_EQ(log.start_offset(), Offset(0));
    time_.wall_ms += 120'000;
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_EQ(log.start_offset(), Offset(10));
    EXPECT_EQ(log.size_bytes(), 0u);
    EXPECT_EQ(append(log, 10, 'b', time_.wall_ms), Offset(10));
    settle(log);
    expect_batch(log, 10, 10, 'b');
    stop();
}

}  // namespace
}  // namespace penstock::log
