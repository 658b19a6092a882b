#include <algorithm>

#include "store_fixture.h"

namespace penstock::log {
namespace {

class AppendTest : public StoreFixture {
protected:
    /// A batch as its leader stamped it.
    Result<Offset> append_stamped(Log& log, int64_t base, int32_t epoch, size_t size, char fill,
                                  ProducerBatch producer = {}) {
        TestBatch batch(size, fill, 1000 + std::min<int64_t>(base, 1'000'000));   // the last offset has a time, too
        store_be<int64_t>(batch.batch.header, base);
        store_be<int32_t>(batch.batch.header + 12, epoch);
        batch.batch.producer = producer;
        Result<Offset> taken = store_->append_replica(log, batch.batch, time_);
        while (!taken && taken.error().code == Errc::not_ready) {
            turn();
            taken = store_->append_replica(log, batch.batch, time_);
        }
        return taken;
    }
    TimestampMatch find_timestamp(Log& log, int64_t timestamp) {
        TimestampMatch match;
        ReadStatus status = ReadStatus::pending;
        while (status == ReadStatus::pending) {
            status = store_->find_timestamp(log, timestamp, {log.start_offset(), log.end_offset(), 1}, match);
            if (status == ReadStatus::pending) turn();
        }
        EXPECT_EQ(status, ReadStatus::ready);
        return match;
    }
    int64_t first_read(Log& log, int64_t from) {
        const std::string bytes = read(log, Offset(from), 1);
        if (bytes.size() < batch_header_size) return -1;
        return load_be<int64_t>(reinterpret_cast<const std::byte*>(bytes.data()));
    }
};

TEST_F(AppendTest, making_room_never_takes_the_block_that_the_append_continues) {
    open_options_.journal_bytes = mib;
    store_options_.cache_bytes = mib;
    open();
    Log& quiet = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    append(quiet, 100, 'q');
    settle(quiet);
    std::vector<Slice> own;
    ASSERT_EQ(read_slices(quiet, Offset(0), own), ReadStatus::ready);
    // The journal's ring comes round: the tail of the quiet log goes to its segment and may be evicted from now on.
    for (int i = 0; i < 300; ++i) append(busy, 20'000, 'b');
    settle(busy);
    // Readers hold all the other memory.
    std::vector<Slice> lent;
    for (int64_t at = 0; at < 300; ++at) {
        ReadStatus status = store_->read(busy, {Offset(at), busy.durable_offset(), 1, true, 1}, lent);
        if (status == ReadStatus::pending) turn(), --at;
        if (status == ReadStatus::busy) break;
    }
    store_->release(own.front());
    for (int i = 0; i < 4; ++i) (void)try_append(quiet, 60'000, 's');
    settle(quiet);
    for (const Slice& slice : lent) store_->release(slice);
    append(quiet, 30'000, 't');
    settle(quiet);
    expect_batch(quiet, 0, 100, 'q');
    expect_batch(quiet, quiet.end_offset().value - 1, 30'000, 't');
    stop();
}

TEST_F(AppendTest, a_full_ring_never_waits_for_a_log_that_waits_for_the_ring) {
    open_options_.journal_bytes = 2 * mib;
    store_options_.pool_bytes = 208 * mib;
    open();
    std::vector<Log*> logs;
    for (int i = 0; i < 50; ++i) logs.push_back(*store_->create(key_of(1, i), {}, time_));
    Log& first = *logs.front();
    ASSERT_TRUE(turn_until([&] { return store_->counters().files_ready > 50; }));
    append(first, 100, 'f');
    settle(first);
    for (int round = 0; round < 5; ++round) {
        // More than the ring holds, at once; the log whose tail lies at the ring's end comes last.
        for (size_t i = 1; i < logs.size(); ++i) (void)try_append(*logs[i], 30'000, 'x');
        (void)try_append(first, 50, 'g');
        turn();
    }
    for (Log* log : logs) settle(*log);
    append(first, 10, 'h');
    settle(first);
    stop();
}

TEST_F(AppendTest, many_small_tails_do_not_hold_the_memory_for_ever) {
    store_options_.cache_bytes = mib;
    open();
    // More logs than the cache has pages, and far too few bytes to bring the ring round.
    for (int i = 0; i < 400; ++i) {
        Log& log = **store_->create(key_of(1, i), {}, time_);
        append(log, 100, 'a');
        settle(log);
    }
    for (int i = 0; i < 400; i += 37) expect_batch(*store_->find(key_of(1, i)), 0, 100, 'a');
    stop();
}

TEST_F(AppendTest, a_replica_keeps_what_its_leader_stamped) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_);
    EXPECT_EQ(append_stamped(*log, 0, 4, 100, 'a'), Offset(0));
    EXPECT_EQ(append_stamped(*log, 1, 4, 100, 'b', {.producer_id = 5, .epoch = 0, .first_sequence = 0,
                                                    .timestamp = time_.wall_ms}), Offset(1));
    EXPECT_EQ(append_stamped(*log, 2, 6, 100, 'c'), Offset(2));
    const std::vector<EpochRange> epochs{{LeaderEpoch(4), Offset(0)}, {LeaderEpoch(6), Offset(2)}};
    EXPECT_EQ(store_->epochs(*log), epochs) << "staged ones too";
    EXPECT_EQ(log->leader_epoch(), LeaderEpoch(6));
    settle(*log);
    for (bool again : {false, true}) {
        if (again) {
            crash({sim::CrashMode::none});
            open();
            log = store_->find(key_of(1));
        }
        for (int64_t i = 0; i < 3; ++i) expect_batch(*log, i, 100, static_cast<char>('a' + i));
        const std::string bytes = read(*log, Offset(1), 1);
        EXPECT_EQ(load_be<int32_t>(reinterpret_cast<const std::byte*>(bytes.data()) + 12), 4);
        EXPECT_EQ(store_->epochs(*log), epochs);
        ASSERT_NE(store_->producers(*log).find(5), nullptr);
        EXPECT_EQ(store_->producers(*log).find(5)->last().base_offset, 1);
    }
    stop();
}

TEST_F(AppendTest, a_replica_refuses_what_it_has_and_what_a_deposed_leader_sends) {
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    EXPECT_EQ(append_stamped(log, 0, 4, 100, 'a'), Offset(0));
    EXPECT_EQ(append_stamped(log, 0, 4, 100, 'a').error().code, Errc::refused);
    EXPECT_EQ(append_stamped(log, -5, 4, 100, 'a').error().code, Errc::refused);
    EXPECT_EQ(append_stamped(log, 1, 3, 100, 'a').error().code, Errc::refused);
    EXPECT_EQ(append_stamped(log, INT64_MAX, 4, 100, 'a').error().code, Errc::refused);
    EXPECT_EQ(log.end_offset(), Offset(1));
    EXPECT_EQ(log.leader_epoch(), LeaderEpoch(4));
    settle(log);
    stop();
}

TEST_F(AppendTest, what_a_leader_compacted_away_is_a_hole) {
    open();
    LogConfig config;
    config.segment_bytes = 100'000;
    config.retention_ms = -1;
    Log* log = *store_->create(key_of(1), config, time_);
    ASSERT_TRUE(turn_until([&] { return store_->counters().files_ready > 2; }));
    // Holes at the start, inside a segment, and where one ends.
    ASSERT_TRUE(append_stamped(*log, 10, 1, 2000, 'a'));
    ASSERT_TRUE(append_stamped(*log, 20, 1, 2000, 'b'));
    EXPECT_EQ(store_->epoch_end(*log, 1).offset, 21);
    ASSERT_TRUE(append_stamped(*log, 30, 2, 99'000, 'c'));
    const auto check = [&](const char* when) {
        for (auto [from, found] : {std::pair{0, 10}, {10, 10}, {11, 20}, {20, 20}, {21, 30}, {29, 30}}) {
            std::vector<Slice> slices;
            ReadStatus status = ReadStatus::pending;
            while (status == ReadStatus::pending || status == ReadStatus::busy) {
                status = store_->read(*log, {Offset(from), log->end_offset(), 1, true, 1}, slices);
                if (status != ReadStatus::ready) turn();
            }
            ASSERT_EQ(status, ReadStatus::ready) << when << ", from " << from;
            ASSERT_FALSE(slices.empty()) << when << ", from " << from;
            EXPECT_EQ(load_be<int64_t>(slices.front().data), found) << when << ", from " << from;
            for (const Slice& slice : slices) store_->release(slice);
        }
        EXPECT_EQ(find_timestamp(*log, 1011).base_offset, Offset(20)) << when;
        EXPECT_EQ(find_timestamp(*log, 1021).base_offset, Offset(30)) << when;
        EXPECT_EQ(store_->epoch_end(*log, 1).offset, 30) << when;
        EXPECT_EQ(store_->epoch_of(*log, Offset(30)), 2) << when;
    };
    check("staged");
    settle(*log);
    check("durable");
    crash({sim::CrashMode::none});
    open();
    log = store_->find(key_of(1));
    EXPECT_EQ(log->end_offset(), Offset(31));
    check("recovered");
    EXPECT_EQ(first_read(*log, 25), 30);
    ASSERT_TRUE(store_->delete_before(*log, Offset(15)));
    ASSERT_TRUE(turn_until([&] { return log->durable_start() == Offset(15); }));
    EXPECT_EQ(first_read(*log, 15), 20);
    stop();
}

TEST_F(AppendTest, a_hole_in_front_of_a_batch_that_only_memory_holds_is_passed) {
    open_options_.journal_bytes = mib;
    store_options_.cache_bytes = mib;
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    ASSERT_TRUE(append_stamped(log, 0, 1, 100, 'a'));
    settle(log);
    for (int i = 0; i < 200; ++i) append(busy, 20'000, 'b');  // until the tail is in its segment, and evicted
    settle(busy);
    ASSERT_TRUE(append_stamped(log, 50, 1, 100, 'c'));
    std::vector<Slice> slices;
    ReadStatus status = ReadStatus::pending;
    while (status == ReadStatus::pending) {
        status = store_->read(log, {Offset(7), log.end_offset(), 1, true, 1}, slices);
        time_.now += microsecond_ns;
        if (status == ReadStatus::pending) disk_->wait(), store_->on_turn(time_);
    }
    ASSERT_EQ(status, ReadStatus::ready);
    ASSERT_FALSE(slices.empty());
    EXPECT_EQ(load_be<int64_t>(slices.front().data), 50);
    EXPECT_EQ(log.durable_offset(), Offset(1)) << "read before it is durable";
    for (const Slice& slice : slices) store_->release(slice);
    settle(log);
    stop();
}

TEST_F(AppendTest, a_crash_never_leaves_a_hole_at_the_end) {
    // A large batch behind a quiet tail waits for another commit than the one that journals the tail; so must its hole.
    open_options_.journal_bytes = mib;
    store_options_.cache_bytes = mib;
    open();
    Log& log = **store_->create(key_of(1), {}, time_);
    Log& busy = **store_->create(key_of(2), {}, time_);
    ASSERT_TRUE(append_stamped(log, 0, 1, 100, 'a'));
    settle(log);
    for (int i = 0; i < 200; ++i) append(busy, 20'000, 'b');
    settle(busy);
    ASSERT_TRUE(append_stamped(log, 50, 1, 90'000, 'c'));
    int seen = 0;
    while (log.durable_offset() < log.end_offset()) {
        turn();
        std::vector<sim::CrashChoice> choices = directory_->crash_choices(8, 1);
        choices.push_back({sim::CrashMode::none});
        for (const sim::CrashChoice& choice : choices) {
            auto left = directory_->crash(choice);
            sim::Disk disk(*left);
            auto opened = open_directory(disk, open_options_);
            ASSERT_TRUE(opened.has_value()) << opened.error().detail;
            Store store(store_options_, std::move(opened->shards[0]), disk, time_);
            const Offset end = store.find(key_of(1))->end_offset();
            EXPECT_TRUE(end == Offset(1) || end == Offset(51)) << end.value << " after " << choice.text();
            ++seen;
        }
    }
    EXPECT_GT(seen, 2);
    stop();
}

}  // namespace
}  // namespace penstock::log
