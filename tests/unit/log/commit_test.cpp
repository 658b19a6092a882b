#include "limits.h"
#include "log/store_impl.h"
#include "store_fixture.h"

namespace penstock::log {
namespace {

class CommitTest : public StoreFixture {
protected:
    /// A turn without waiting for the disk; `complete` operations finish before it.
    void step(int complete) {
        for (int i = 0; i < complete; ++i) directory_->complete_one();
        time_.now += millisecond_ns;
        store_->on_turn(time_);
        store_->submit(time_);
    }
    void rest() {
        ASSERT_TRUE(turn_until([&] { return disk_->in_flight() == 0; }));
    }
};

TEST_F(CommitTest, what_nobody_waits_for_goes_with_more) {
    open();
    LogConfig config;
    config.memory = true;
    Log& log = **store_->create(key_of(1), config, time_);
    Log& disk_log = **store_->create(key_of(2), {}, time_);
    append(log, 100, 'a');
    append(disk_log, 100, 'a');
    settle(log);
    settle(disk_log);
    turns(20);  // the note that vouches for it, too
    uint64_t commits = store_->counters().commits;
    const int64_t wait_ms = limits::patient_commit_ns / millisecond_ns;
    append(log, 100, 'b');
    for (int64_t i = 0; i + 1 < wait_ms; ++i) {
        turn();
        append(log, 100, 'b');
        EXPECT_EQ(store_->counters().commits, commits) << i;
    }
    EXPECT_LE(store_->next_deadline(), time_.now + limits::patient_commit_ns);
    turns(2);
    EXPECT_EQ(store_->counters().commits, ++commits) << "once it has waited long enough";
    settle(log);
    turns(20);
    commits = store_->counters().commits;
    append(log, 100, 'c');
    turn();
    EXPECT_EQ(store_->counters().commits, commits);
    append(disk_log, 100, 'c');
    turn();
    EXPECT_EQ(store_->counters().commits, ++commits) << "what somebody waits for takes it along";
    settle(disk_log);
    EXPECT_EQ(log.durable_offset(), log.end_offset());
    turns(20);
    commits = store_->counters().commits;
    append(log, limits::patient_commit_bytes, 'd');
    turn();
    EXPECT_EQ(store_->counters().commits, commits + 1) << "there is enough of it";
    settle(log);
    append(log, 100, 'e');
    const Offset end = log.end_offset();
    stop();
    open();
    EXPECT_EQ(store_->find(key_of(1))->durable_offset(), end);
    stop();
}

TEST_F(CommitTest, the_durable_offset_never_overtakes_a_crash) {
    // Operations finish in any order: at each moment what is called durable survives the loss of all that is in flight.
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    int appended = 0;
    for (int i = 0; i < 40; ++i) {
        if (try_append(log, i % 5 == 0 ? 90'000 : 700, static_cast<char>('a' + appended % 26))) ++appended;
        step(1);
        if (i % 4 != 0 || log.durable_offset() == Offset(0)) continue;
        int64_t durable = log.durable_offset().value;
        auto left = directory_->crash({sim::CrashMode::none});
        sim::Disk disk(*left);
        auto opened = open_directory(disk, open_options_);
        ASSERT_TRUE(opened.has_value()) << opened.error().detail;
        ASSERT_EQ(opened->shards[0].state->logs.size(), 1u);
        EXPECT_GE(opened->shards[0].state->logs[0].end_offset, durable);
    }
    EXPECT_GT(log.durable_offset(), Offset(10));
    settle(log);
    stop();
}

TEST_F(CommitTest, an_acknowledgement_waits_for_the_segment_write_that_its_commit_names) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    append(log, 100, 'a');
    settle(log);
    ASSERT_TRUE(turn_until([&] { return store_->counters().files_ready >= 7; }));
    rest();
    // The journal's write goes through, the segment's fails: nothing is acknowledged, and the log says so.
    directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::pool_1m, 0, 1});
    directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::pool_4m, 0, 1});
    append(log, 200'000, 'b');
    ASSERT_TRUE(turn_until([&] { return log.failed(); }));
    EXPECT_EQ(log.durable_offset(), Offset(1));
    directory_->clear_faults();
    Log& other = **store_->create(key_of(2), {}, time_);
    append(other, 5000, 'c');
    settle(other);
    crash({sim::CrashMode::none});
    open();
    Log& again = *store_->find(key_of(1));
    EXPECT_EQ(again.end_offset(), Offset(1));
    expect_batch(again, 0, 100, 'a');
    expect_batch(*store_->find(key_of(2)), 0, 5000, 'c');
    append(again, 300'000, 'd');
    settle(again);
    expect_batch(again, 1, 300'000, 'd');
    stop();
}

TEST_F(CommitTest, nothing_behind_a_failed_segment_write_is_acknowledged_before_recovery_would_keep_it) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        sim::DirectoryOptions options;
        options.seed = seed;
        start_over(options);
        open();
        Log& hurt = **store_->create(key_of(1), {}, time_);
        Log& other = **store_->create(key_of(2), {}, time_);
        append(hurt, 100, 'h');
        append(other, 100, 'o');
        settle(hurt);
        settle(other);
        ASSERT_TRUE(turn_until([&] { return disk_->in_flight() == 0; }));
        directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::pool_1m, 0, 1});
        ASSERT_TRUE(try_append(hurt, 100'000, 'x').has_value());
        for (int i = 0; i < 60 && other.durable_offset() < Offset(4); ++i) {
            (void)try_append(other, 50, 'o');
            turn();
        }
        int64_t acknowledged = other.durable_offset().value;
        crash({sim::CrashMode::none});
        open();
        Log* again = store_->find(key_of(2));
        ASSERT_NE(again, nullptr);
        EXPECT_GE(again->end_offset().value, acknowledged) << "seed " << seed;
        EXPECT_EQ(store_->find(key_of(1))->end_offset(), Offset(1)) << "seed " << seed;
        stop();
    }
}

TEST_F(CommitTest, a_large_append_on_a_quiet_tail_waits_for_the_copy_of_the_tail) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    append(log, 100, 'a');
    settle(log);
    stop();
    open();
    Log& again = *store_->find(key_of(1));
    uint64_t direct = store_->counters().segment_writes;
    append(again, 500'000, 'b');
    store_->submit(time_);
    EXPECT_EQ(store_->counters().segment_writes, direct) << "the tail's block may not be rewritten yet";
    EXPECT_EQ(again.durable_offset(), Offset(1));
    settle(again);
    EXPECT_GT(store_->counters().segment_writes, direct);
    crash({sim::CrashMode::none});
    open();
    expect_batch(*store_->find(key_of(1)), 0, 100, 'a');
    expect_batch(*store_->find(key_of(1)), 1, 500'000, 'b');
    stop();
}

TEST_F(CommitTest, many_logs_share_one_commit) {
    open();
    std::vector<Log*> logs;
    for (int i = 0; i < 20; ++i) logs.push_back(*store_->create(key_of(1, i), {}, time_));
    ASSERT_TRUE(turn_until([&] { return store_->counters().files_ready >= 6; }));
    rest();
    uint64_t commits = store_->counters().commits;
    size_t appended = 0;
    for (Log* log : logs) appended += try_append(*log, 1000, 'x').has_value();
    EXPECT_GE(appended, 6u);
    store_->submit(time_);
    EXPECT_EQ(store_->counters().commits, commits + 1);
    for (Log* log : logs) settle(*log);
    stop();
}

TEST_F(CommitTest, a_failed_journal_write_stops_the_whole_shard) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    Log& other = **store_->create(key_of(2), {}, time_);
    append(log, 100, 'a');
    settle(log);
    directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::journal, 0, 1});
    append(log, 100, 'b');
    ASSERT_TRUE(turn_until([&] { return log.failed(); }));
    EXPECT_TRUE(other.failed());
    EXPECT_EQ(log.durable_offset(), Offset(1));
    EXPECT_EQ(try_append(log, 10, 'c').error().code, Errc::failed);
    EXPECT_EQ(store_->create(key_of(3), {}, time_).error().code, Errc::failed);
    std::vector<Slice> slices;
    EXPECT_EQ(store_->read(log, {Offset(0), Offset(1), 100, true, 1}, slices), ReadStatus::failed);
    crash({sim::CrashMode::none});
    open();
    EXPECT_GE(store_->find(key_of(1))->end_offset(), Offset(1));
    stop();
}

TEST_F(CommitTest, the_last_commit_is_vouched_for_soon) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    append(log, 100, 'a');
    settle(log);
    uint64_t commits = store_->counters().commits;
    turn();
    EXPECT_NE(store_->next_deadline(), never);
    turns(20);
    EXPECT_EQ(store_->counters().commits, commits + 1) << "one note, and no further one";
    stop();
}

}  // namespace
}  // namespace penstock::log
