#include <algorithm>

#include "log/inspect.h"
#include "store_fixture.h"

namespace penstock::log {
namespace {

class TruncateTest : public StoreFixture {
protected:
    TruncateTest() { config_.retention_ms = -1; }

    Log& create() { return **store_->create(key_of(1), config_, time_); }
    /// Batches of one record each, of the size and fill that their offset says.
    void fill(Log& log, int64_t to, size_t size = 2000) {
        while (log.end_offset().value < to) append(log, size, fill_of(log.end_offset().value));
        settle(log);
    }
    static char fill_of(int64_t offset) { return static_cast<char>('a' + offset % 26); }
    void expect_batches(Log& log, int64_t from, int64_t to, size_t size = 2000) {
        for (int64_t i = from; i < to; ++i) expect_batch(log, i, size, fill_of(i));
    }
    void truncate(Log& log, int64_t offset) {
        ASSERT_TRUE(store_->truncate(log, Offset(offset)));
        named_ = false;
        ASSERT_TRUE(turn_until([&] {
            named_ |= std::ranges::find(store_->advanced(), &log) != store_->advanced().end();
            return !store_->truncating(log);
        }));
        EXPECT_TRUE(named_) << "the owner is told that it is over";
    }
    Result<Offset> append_as(Log& log, int64_t base, int32_t epoch, size_t size, char fill) {
        TestBatch batch(size, fill);
        store_be<int64_t>(batch.batch.header, base);
        store_be<int32_t>(batch.batch.header + 12, epoch);
        Result<Offset> taken = store_->append_replica(log, batch.batch, time_);
        for (int i = 0; i < 1000 && !taken && taken.error().code != Errc::refused; ++i) {
            turn();
            taken = store_->append_replica(log, batch.batch, time_);
        }
        return taken;
    }
    Log& reopened() {
        crash({sim::CrashMode::none});
        open();
        return *store_->find(key_of(1));
    }

    LogConfig config_;
    bool named_ = false;
};

TEST_F(TruncateTest, what_is_beyond_the_cut_is_void_and_others_take_its_place) {
    open();
    Log* log = &create();
    fill(*log, 20);
    truncate(*log, 7);
    EXPECT_EQ(log->end_offset(), Offset(7));
    EXPECT_EQ(log->durable_offset(), Offset(7));
    std::vector<Slice> none;
    EXPECT_EQ(store_->read(*log, {Offset(8), Offset(20), 100, true, 1}, none), ReadStatus::out_of_range);
    EXPECT_EQ(append(*log, 3000, 'N'), Offset(7));
    settle(*log);
    for (bool again : {false, true}) {
        if (again) log = &reopened();
        EXPECT_EQ(log->end_offset(), Offset(8));
        expect_batches(*log, 0, 7);
        expect_batch(*log, 7, 3000, 'N');
    }
    stop();
}

TEST_F(TruncateTest, an_offset_inside_a_batch_cuts_in_front_of_it) {
    open();
    Log& log = create();
    fill(log, 3);
    TestBatch wide(500, 'w');
    store_be<int32_t>(wide.batch.header + 23, 9);
    wide.batch.last_offset_delta = 9;
    ASSERT_TRUE(store_->append(log, wide.batch, time_));
    settle(log);
    truncate(log, 8);
    EXPECT_EQ(log.end_offset(), Offset(3));
    truncate(log, 3);
    EXPECT_EQ(log.end_offset(), Offset(3)) << "nothing to cut";
    fill(log, 5);
    expect_batches(log, 0, 5);
    truncate(log, 0);
    EXPECT_EQ(log.end_offset(), Offset(0));
    EXPECT_EQ(log.size_bytes(), 0u);
    fill(log, 2, 700);
    expect_batches(log, 0, 2, 700);
    stop();
}

TEST_F(TruncateTest, nothing_is_taken_meanwhile_and_reads_below_go_on) {
    open();
    Log& log = create();
    fill(log, 5);
    append(log, 100, 'x');
    ASSERT_TRUE(store_->truncate(log, Offset(2)));
    while (store_->truncating(log)) {
        Result<Offset> taken = try_append(log, 10, 'y');
        ASSERT_FALSE(taken);
        EXPECT_EQ(taken.error().code, Errc::not_ready);
        EXPECT_EQ(store_->begin_epoch(log, LeaderEpoch(9)).error().code, Errc::not_ready);
        EXPECT_EQ(store_->truncate(log, Offset(1)).error().code, Errc::not_ready);
        std::vector<Slice> slices;
        ReadStatus status = store_->read(log, {Offset(1), Offset(2), 100, true, 1}, slices);
        EXPECT_TRUE(status == ReadStatus::ready || status == ReadStatus::pending);
        for (const Slice& slice : slices) store_->release(slice);
        turn();
    }
    expect_batches(log, 0, 2);
    stop();
}

TEST_F(TruncateTest, it_is_over_when_it_is_durable) {
    open();
    Log& log = create();
    fill(log, 10);
    ASSERT_TRUE(store_->truncate(log, Offset(5)));
    while (store_->truncating(log)) {
        time_.now += millisecond_ns;
        store_->on_turn(time_);
        store_->submit(time_);
        store_->on_turn(time_);  // nothing can have completed
        if (store_->truncating(log) && disk_->in_flight() > 0 && !disk_->has_completions()) disk_->wait();
    }
    auto left = directory_->crash({sim::CrashMode::none});
    sim::Disk disk(*left);
    auto report = inspect_directory(disk, {});
    ASSERT_TRUE(report && report->openable);
    EXPECT_EQ(report->logs.front().state.end_offset, 5);
    stop();
}

TEST_F(TruncateTest, a_cut_below_the_start_is_refused) {
    config_.segment_bytes = 20'000;
    open();
    Log& log = create();
    fill(log, 30);
    ASSERT_TRUE(store_->delete_before(log, Offset(15)));
    ASSERT_TRUE(turn_until([&] { return log.durable_start() == Offset(15); }));
    EXPECT_EQ(store_->truncate(log, Offset(14)).error().code, Errc::refused);
    truncate(log, 15);
    EXPECT_EQ(log.start_offset(), Offset(15));
    EXPECT_EQ(log.end_offset(), Offset(15));
    fill(log, 18);
    expect_batches(log, 15, 18);
    stop();
}

TEST_F(TruncateTest, a_file_known_by_its_index_alone_takes_records_again) {
    config_.segment_bytes = 2 * mib;
    open();
    Log* log = &create();
    fill(*log, 100, 60'000);
    turns(200);
    const uint64_t freed = store_->counters().files_freed;
    truncate(*log, 31);
    EXPECT_GT(store_->counters().files_freed, freed) << "files wholly beyond the cut are given back";
    EXPECT_EQ(log->end_offset(), Offset(31));
    fill(*log, 60, 60'000);
    for (bool again : {false, true}) {
        if (again) log = &reopened();
        expect_batches(*log, 0, 60, 60'000);
    }
    truncate(*log, 3);
    append(*log, 5000, 'N');
    settle(*log);
    log = &reopened();
    expect_batches(*log, 0, 3, 60'000);
    expect_batch(*log, 3, 5000, 'N');
    stop();
}

TEST_F(TruncateTest, what_was_read_of_the_old_bytes_is_not_handed_out_again) {
    open();
    Log* log = &create();
    fill(*log, 30);
    log = &reopened();
    expect_batches(*log, 0, 30);  // from disk, and kept
    truncate(*log, 11);
    for (int64_t i = 11; i < 30; ++i) append(*log, 2000, 'N', 5000);
    settle(*log);
    TimestampMatch match;  // looked for in what was read from disk, also where memory has it
    ASSERT_TRUE(turn_until([&] {
        return store_->find_timestamp(*log, 5000, {Offset(0), Offset(30), 1}, match) == ReadStatus::ready;
    }));
    EXPECT_EQ(match.base_offset, Offset(11));
    expect_batches(*log, 0, 11);
    for (int64_t i = 11; i < 30; ++i) expect_batch(*log, i, 2000, 'N');
    stop();
    open();
    log = store_->find(key_of(1));
    for (int64_t i = 11; i < 30; ++i) expect_batch(*log, i, 2000, 'N');
    stop();
}

TEST_F(TruncateTest, lent_slices_stay_as_they_are) {
    open();
    Log& log = create();
    fill(log, 10);
    std::vector<Slice> slices;
    ASSERT_EQ(read_slices(log, Offset(0), slices), ReadStatus::ready);
    std::string before;
    for (const Slice& slice : slices) before.append(reinterpret_cast<const char*>(slice.data), slice.size);
    truncate(log, 2);
    fill(log, 4, 30'000);
    ASSERT_TRUE(store_->remove(log));
    turns(50);
    std::string after;
    for (const Slice& slice : slices) after.append(reinterpret_cast<const char*>(slice.data), slice.size);
    EXPECT_EQ(before, after);
    for (const Slice& slice : slices) store_->release(slice);
    stop();
}

TEST_F(TruncateTest, epochs_and_producers_go_back_with_the_records) {
    open();
    Log* log = &create();
    for (int64_t i = 0; i < 6; ++i) {
        TestBatch batch(100, 'p');
        batch.batch.producer = {.producer_id = 7, .epoch = 0, .first_sequence = static_cast<int32_t>(i),
                                .timestamp = time_.wall_ms};
        store_be<int64_t>(batch.batch.header, i);
        store_be<int32_t>(batch.batch.header + 12, i < 2 ? 3 : i < 4 ? 5 : 6);
        ASSERT_TRUE(turn_until([&] { return store_->append_replica(*log, batch.batch, time_).has_value(); }));
    }
    settle(*log);
    const std::vector<EpochRange> all{
        {LeaderEpoch(3), Offset(0)}, {LeaderEpoch(5), Offset(2)}, {LeaderEpoch(6), Offset(4)}};
    EXPECT_EQ(store_->epochs(*log), all);
    truncate(*log, 2);
    for (bool again : {false, true}) {
        if (again) log = &reopened();
        EXPECT_EQ(store_->epochs(*log), std::vector<EpochRange>{all[0]}) << "5 began where the log ends: void, too";
        EXPECT_EQ(log->leader_epoch(), LeaderEpoch(3));
        ProducerBatch found;
        ProducerBatch next{.producer_id = 7, .epoch = 0, .first_sequence = 2, .timestamp = time_.wall_ms};
        EXPECT_EQ(store_->check_producer(*log, next, found), ProducerVerdict::next);
    }
    EXPECT_EQ(append_as(*log, 2, 4, 100, 'q'), Offset(2)) << "of an epoch between";
    EXPECT_EQ(store_->epoch_of(*log, Offset(2)), 4);
    settle(*log);
    stop();
}

TEST_F(TruncateTest, an_epoch_that_nothing_was_written_in_goes_too) {
    open();
    Log& log = create();
    ASSERT_TRUE(store_->begin_epoch(log, LeaderEpoch(2)));
    fill(log, 3);
    ASSERT_TRUE(store_->begin_epoch(log, LeaderEpoch(8)));
    EXPECT_EQ(append_as(log, 3, 7, 10, 'x').error().code, Errc::refused);
    truncate(log, 3);
    EXPECT_EQ(log.leader_epoch(), LeaderEpoch(2));
    EXPECT_EQ(append_as(log, 3, 7, 10, 'x'), Offset(3));
    settle(log);
    stop();
}

TEST_F(TruncateTest, a_log_never_ends_in_a_hole) {
    open();
    Log* log = &create();
    ASSERT_TRUE(append_as(*log, 0, 1, 100, 'a'));
    ASSERT_TRUE(append_as(*log, 40, 1, 100, 'b'));
    settle(*log);
    truncate(*log, 40);
    EXPECT_EQ(log->end_offset(), Offset(1));
    ASSERT_TRUE(append_as(*log, 30, 2, 100, 'c'));
    settle(*log);
    log = &reopened();
    EXPECT_EQ(log->end_offset(), Offset(31));
    truncate(*log, 20);
    EXPECT_EQ(log->end_offset(), Offset(1));
    expect_batch(*log, 0, 100, 'a');
    stop();
}

TEST_F(TruncateTest, recovery_never_checks_old_commits_against_the_new_records) {
    // The old records went to the segment directly, named by a commit; the new ones take their blocks while the commit
    // that holds them is lost. What lies below the cut was acknowledged with the old ones.
    open();
    Log& log = create();
    append(log, 2000, 'a');
    append(log, 100'000, 'o');
    settle(log);
    truncate(log, 1);
    TestBatch batch(90'000, 'n');
    while (!store_->append(log, batch.batch, time_)) turn();
    store_->submit(time_);
    // Segment writes complete, the journal's do not.
    std::unique_ptr<sim::Directory> left;
    for (const sim::CrashChoice& choice : directory_->crash_choices(64, 1)) {
        left = directory_->crash(choice);
        sim::Disk disk(*left);
        auto report = inspect_directory(disk, {});
        ASSERT_TRUE(report && report->openable) << choice.text();
        ASSERT_EQ(report->logs.size(), 1u);
        EXPECT_GE(report->logs[0].state.end_offset, 1) << choice.text();
        for (const IndexRange& range : report->logs[0].state.ranges) EXPECT_TRUE(range.crc_known);
        for (const Finding& finding : report->findings) {
            EXPECT_EQ(finding.what.find("the range"), std::string::npos) << finding.what << ", " << choice.text();
        }
    }
    settle(log);
    stop();
}

TEST_F(TruncateTest, batches_that_cannot_be_read_fail_the_log) {
    open();
    Log* log = &create();
    fill(*log, 10);
    stop();
    const auto files = directory_->files();
    for (const io::FileEntry& file : files) {
        if (is_pool(file.file.kind)) (void)directory_->rot(file.file, 2, 1);
    }
    open();
    log = store_->find(key_of(1));
    ASSERT_TRUE(store_->truncate(*log, Offset(5)));
    ASSERT_TRUE(turn_until([&] { return !store_->truncating(*log); }));
    EXPECT_TRUE(log->failed());
    ASSERT_TRUE(store_->remove(*log));
    EXPECT_TRUE(store_->create(key_of(1), config_, time_, Offset(5)));
    turns(100);
}

}  // namespace
}  // namespace penstock::log
