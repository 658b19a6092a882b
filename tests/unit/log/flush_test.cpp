#include "store_fixture.h"

namespace penstock::log {
namespace {

class FlushTest : public StoreFixture {
protected:
    /// Brings the ring round, so that everything owed goes to segments.
    void lap(Log& busy) {
        for (int i = 0; i < 120; ++i) append(busy, 20'000, 'l');
        settle(busy);
        turns(20);
    }
    void small_journal() {
        open_options_.journal_bytes = mib;
        open();
    }
};

TEST_F(FlushTest, owed_blocks_go_to_the_segment_in_the_background) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    uint64_t before = store_->counters().segment_write_bytes;
    for (int i = 0; i < 40; ++i) {
        append(log, 3000, 'a');
        turn();
    }
    settle(log);
    turns(5);
    EXPECT_GE(store_->counters().segment_write_bytes, before + 64 * kib);
    stop();
}

TEST_F(FlushTest, a_quiet_tail_appended_to_survives_a_crash_at_every_turn) {
    small_journal();
    Log& quiet = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    int64_t count = 0;
    for (int round = 0; round < 6; ++round) {
        append(quiet, 100, 'q');
        settle(quiet);
        lap(busy);
        // The tail lies in the segment alone. The next append must not put it at risk.
        append(quiet, 50, 'r');
        count += 2;
        for (int i = 0; i < 6; ++i) {
            turn();
            int64_t durable = quiet.durable_offset().value;
            EXPECT_GE(durable, count - 1);
            for (uint32_t item = 0; item <= directory_->crash_items(); ++item) {
                auto left = directory_->crash({sim::CrashMode::front, item, 3, 0});
                sim::Disk disk(*left);
                auto opened = open_directory(disk, open_options_);
                ASSERT_TRUE(opened.has_value()) << opened.error().detail;
                Store store(store_options_, std::move(opened->shards[0]), disk, time_);
                Log* log = store.find(key_of(1));
                ASSERT_NE(log, nullptr);
                ASSERT_GE(log->end_offset().value, durable);
                std::vector<Slice> slices;
                ReadStatus status = ReadStatus::pending;
                for (int k = 0; k < 50 && status == ReadStatus::pending; ++k) {
                    status = store.read(*log, {Offset(0), log->durable_offset(), 1 << 20, true, 1}, slices);
                    store.on_turn(time_);
                    store.submit(time_);
                    if (disk.in_flight() > 0) disk.wait();
                }
                EXPECT_EQ(status, ReadStatus::ready);
                for (const Slice& slice : slices) store.release(slice);
                store.begin_stop();
                for (int k = 0; k < 1000 && !store.drained(); ++k) {
                    store.on_turn(time_);
                    store.submit(time_);
                    if (disk.in_flight() > 0) disk.wait();
                }
                ASSERT_TRUE(store.drained());
            }
        }
        settle(quiet);
    }
    stop();
}

TEST_F(FlushTest, a_tail_written_quietly_does_not_count_when_it_was_appended_to_meanwhile) {
    small_journal();
    Log& quiet = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    append(quiet, 100, 'a');
    settle(quiet);
    int64_t n = 1;
    for (int i = 0; i < 200; ++i) {
        // Appends at every moment of the quiet write's life.
        append(busy, 20'000, 'b');
        turn();
        if (i % 3 == 0) append(quiet, 20, 'c'), ++n;
    }
    settle(quiet);
    settle(busy);
    crash({sim::CrashMode::none});
    open();
    Log& again = *store_->find(key_of(1));
    ASSERT_EQ(again.end_offset(), Offset(n));
    expect_batch(again, 0, 100, 'a');
    for (int64_t i = 1; i < n; ++i) expect_batch(again, i, 20, 'c');
    stop();
}

TEST_F(FlushTest, full_files_get_their_index_and_are_read_through_it) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 100; ++i) append(log, 60'000, static_cast<char>('a' + i % 26));
    settle(log);
    stop();
    open();
    Log& again = *store_->find(key_of(1));
    for (int64_t i = 0; i < 100; ++i) expect_batch(again, i, 60'000, static_cast<char>('a' + i % 26));
    stop();
}

TEST_F(FlushTest, a_failed_log_is_carried_forward_while_the_ring_comes_round) {
    small_journal();
    Log& hurt = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    append(hurt, 100, 'h');
    append(busy, 100, 'b');
    settle(hurt);
    settle(busy);
    append(hurt, 10, 'i');
    settle(hurt);
    directory_->inject({sim::fault_kind(io::DiskOpKind::write_durable), io::FileKind::pool_1m, 0, 1});
    append(hurt, 100'000, 'x');
    ASSERT_TRUE(turn_until([&] { return hurt.failed(); }));
    directory_->clear_faults();
    EXPECT_EQ(hurt.durable_offset(), Offset(2));
    for (int i = 0; i < 5; ++i) lap(busy);
    crash({sim::CrashMode::none});
    open();
    Log& again = *store_->find(key_of(1));
    ASSERT_EQ(again.end_offset(), Offset(2));
    expect_batch(again, 0, 100, 'h');
    expect_batch(again, 1, 10, 'i');
    stop();
}

}  // namespace
}  // namespace penstock::log
