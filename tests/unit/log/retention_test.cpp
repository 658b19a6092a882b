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

TEST_F(RetentionTest, a_log_that_is_only_compacted_loses_nothing_by_age_or_size) {
    open();
    LogConfig config;
    config.segment_bytes = mib;
    config.retention_ms = 60'000;
    config.retention_bytes = 1000;
    config.remove_old = false;
    Log& log = **store_->create(key_of(1), config, time_);
    for (int i = 0; i < 60; ++i) append(log, 50'000, 'a', time_.wall_ms);
    settle(log);
    time_.wall_ms += 120'000;
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_EQ(log.start_offset(), Offset(0));
    config.remove_old = true;
    store_->configure(log, config);
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_EQ(log.start_offset(), Offset(60));
    stop();
}

TEST_F(RetentionTest, what_is_kept_does_not_go_however_old_it_is) {
    open();
    LogConfig config;
    config.segment_bytes = mib;
    config.retention_ms = 60'000;
    Log& log = **store_->create(key_of(1), config, time_);
    store_->keep_from(log, Offset(30));
    for (int i = 0; i < 60; ++i) append(log, 50'000, 'a', time_.wall_ms);
    settle(log);
    time_.wall_ms += 120'000;
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_GT(log.start_offset(), Offset(0));
    EXPECT_LE(log.start_offset(), Offset(30));
    store_->keep_from(log, Offset(60));
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_EQ(log.start_offset(), Offset(60));
    stop();
}

TEST_F(RetentionTest, what_lies_below_an_offset_goes_and_does_not_come_back) {
    open();
    LogConfig config;
    config.segment_bytes = mib;
    Log* log = *store_->create(key_of(1), config, time_);
    for (int i = 0; i < 60; ++i) append(*log, 50'000, 'a');
    settle(*log);
    EXPECT_EQ(store_->delete_before(*log, Offset(61)).error().code, Errc::refused);
    const uint64_t size_before = log->size_bytes();
    ASSERT_TRUE(store_->delete_before(*log, Offset(20)));
    ASSERT_TRUE(store_->delete_before(*log, Offset(45)));
    ASSERT_TRUE(store_->delete_before(*log, Offset(30))) << "lower than what is asked for already";
    EXPECT_EQ(log->durable_start(), Offset(0));
    ASSERT_TRUE(turn_until([&] { return log->durable_start() >= Offset(45); }));
    EXPECT_EQ(log->start_offset(), Offset(45));
    EXPECT_LT(log->size_bytes(), size_before / 2) << "whole segments are gone";
    std::vector<Slice> slices;
    EXPECT_EQ(read_slices(*log, Offset(44), slices), ReadStatus::out_of_range);
    expect_batch(*log, 45, 50'000, 'a');

    crash();
    open();
    log = store_->find(key_of(1));
    EXPECT_EQ(log->start_offset(), Offset(45));
    EXPECT_EQ(log->durable_start(), Offset(45));
    expect_batch(*log, 45, 50'000, 'a');
    // All of it, while there is more on its way than is durable.
    for (int i = 0; i < 30; ++i) append(*log, 50'000, 'b');
    ASSERT_TRUE(store_->delete_before(*log, log->durable_offset()));
    settle(*log);
    ASSERT_TRUE(store_->delete_before(*log, Offset(90)));
    ASSERT_TRUE(turn_until([&] { return log->durable_start() == Offset(90); }));
    EXPECT_EQ(append(*log, 10, 'c'), Offset(90));
    settle(*log);
    expect_batch(*log, 90, 10, 'c');
    ASSERT_TRUE(store_->delete_before(*log, Offset(91)));
    ASSERT_TRUE(store_->remove(*log)) << "in the midst of it";
    stop();
}

}  // namespace
}  // namespace penstock::log
