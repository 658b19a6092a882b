#include "store_fixture.h"

namespace penstock::log {
namespace {

class IoTest : public StoreFixture {};

TEST_F(IoTest, a_disk_that_takes_one_operation_at_a_time_is_enough) {
    sim::DirectoryOptions narrow;
    narrow.queue_depth = 1;
    start_over(narrow);
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 60; ++i) append(log, i % 3 == 0 ? 200'000 : 900, static_cast<char>('a' + i % 26));
    settle(log);
    for (int64_t i = 0; i < 60; i += 7) {
        expect_batch(log, i, i % 3 == 0 ? 200'000 : 900, static_cast<char>('a' + i % 26));
    }
    stop();
}

TEST_F(IoTest, a_full_disk_refuses_appends_and_recovers_when_space_returns) {
    directory_->set_capacity(24 * mib);
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    bool full = false;
    int64_t appended = 0;
    for (int i = 0; i < 3000 && !full; ++i) {
        auto offset = try_append(log, 100'000, 'a');
        if (offset) ++appended;
        else full = offset.error().code == Errc::disk_full;
        turn();
    }
    ASSERT_TRUE(full);
    settle(log);
    EXPECT_FALSE(log.failed());
    directory_->set_capacity(0);
    time_.now += second_ns;
    ASSERT_TRUE(turn_until([&] {
        time_.now += second_ns / 4;
        return try_append(log, 100'000, 'b').has_value();
    }));
    settle(log);
    expect_batch(log, appended, 100'000, 'b');
    stop();
}

TEST_F(IoTest, files_that_retention_freed_are_used_again) {
    open();
    LogConfig config;
    config.segment_bytes = mib;
    config.retention_bytes = 2 * static_cast<int64_t>(mib);
    config.retention_ms = -1;
    Log& log = **store_->create(key_of(1), config, time_);
    for (int i = 0; i < 600; ++i) {
        append(log, 60'000, static_cast<char>('a' + i % 26));
        if (i % 10 == 0) time_.now += 6 * second_ns;
    }
    settle(log);
    EXPECT_GT(store_->counters().files_freed, 5u);
    EXPECT_TRUE(turn_until([&] {
        time_.now += second_ns;  // retention looks every few seconds
        return log.start_offset() > Offset(400) && store_->counters().files_in_use < 24;
    }));
    expect_batch(log, 599, 60'000, static_cast<char>('a' + 599 % 26));
    stop();
}

}  // namespace
}  // namespace penstock::log
