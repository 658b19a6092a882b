#include "store_fixture.h"

namespace penstock::log {
namespace {

class CheckpointTest : public StoreFixture {};

TEST_F(CheckpointTest, a_tiny_ring_comes_round_many_times) {
    open_options_.journal_bytes = 512 * kib;
    store_options_.cache_bytes = 4 * mib;
    open();
    std::vector<Log*> logs;
    for (int i = 0; i < 5; ++i) logs.push_back(*store_->create(key_of(1, i), {}, time_));
    for (int round = 0; round < 400; ++round) {
        for (size_t i = 0; i < logs.size(); ++i) append(*logs[i], 500 + 700 * i, static_cast<char>('a' + round % 26));
        turn();
    }
    for (Log* log : logs) settle(*log);
    EXPECT_GT(store_->counters().commit_bytes, 3 * open_options_.journal_bytes);
    EXPECT_GT(store_->counters().checkpoints, 3u);
    crash({sim::CrashMode::none});
    open();
    for (int i = 0; i < 5; ++i) {
        Log& log = *store_->find(key_of(1, i));
        ASSERT_EQ(log.end_offset(), Offset(400));
        for (int64_t k = 0; k < 400; k += 57) {
            expect_batch(log, k, static_cast<size_t>(500 + 700 * i), static_cast<char>('a' + k % 26));
        }
    }
    stop();
}

TEST_F(CheckpointTest, a_failed_frame_is_followed_by_a_base_in_the_other_slot) {
    open_options_.journal_bytes = 512 * kib;
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int round = 0; round < 3; ++round) {
        directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::checkpoint, 0, 1});
        for (int i = 0; i < 60; ++i) append(log, 20'000, 'a');
        settle(log);
        directory_->clear_faults();
        for (int i = 0; i < 60; ++i) append(log, 20'000, 'a');
        settle(log);
        turns(10);
    }
    EXPECT_FALSE(log.failed());
    crash({sim::CrashMode::none});
    open();
    EXPECT_EQ(store_->find(key_of(1))->end_offset(), Offset(360));
    stop();
}

TEST_F(CheckpointTest, a_disk_that_refuses_frames_is_not_asked_every_turn) {
    open_options_.journal_bytes = 512 * kib;
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::checkpoint, 0, 1'000'000});
    for (int i = 0; i < 2000; ++i) {
        (void)try_append(log, 5000, 'a');
        turn();
    }
    EXPECT_GT(store_->counters().disk_errors, 2u);
    EXPECT_LT(store_->counters().disk_errors, 25u);
    EXPECT_FALSE(try_append(log, 5000, 'a')) << "the ring waits for a checkpoint";
    EXPECT_GT(store_->next_deadline(), time_.now);
    EXPECT_LE(store_->next_deadline(), time_.now + second_ns);
    directory_->clear_faults();
    EXPECT_GE(append(log, 5000, 'b').value, 0);
    settle(log);
    stop();
}

TEST_F(CheckpointTest, logs_removed_around_a_checkpoint_stay_removed) {
    open_options_.journal_bytes = 512 * kib;
    open();
    Log& busy = **store_->create(key_of(9), {}, time_);
    for (int i = 0; i < 40; ++i) {
        Log& log = **store_->create(key_of(1, i), {}, time_);
        append(log, 3000, 'x');
        for (int k = 0; k < i % 4; ++k) append(busy, 20'000, 'b');
        ASSERT_TRUE(store_->remove(log));
        append(busy, 20'000, 'b');
        turns(i % 3);
    }
    settle(busy);
    turns(5);
    crash({sim::CrashMode::none});
    open();
    EXPECT_EQ(report_.logs, 1u);
    EXPECT_NE(store_->find(key_of(9)), nullptr);
    stop();
}

}  // namespace
}  // namespace penstock::log
