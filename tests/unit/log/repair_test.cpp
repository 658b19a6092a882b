#include "repair_fixture.h"

namespace penstock::log {
namespace {

using RepairTest = RepairFixture;

TEST_F(RepairTest, what_has_rotted_is_had_from_a_replica_before_anybody_reads_it) {
    Log& log = on_disk();
    rot_batch(50);
    const auto rotten = rotten_at(log, 50);
    ASSERT_TRUE(rotten.has_value());
    EXPECT_EQ(rotten->key, key_of(1));
    EXPECT_LE(rotten->from, Offset(50));
    EXPECT_FALSE(store_->poll_rotten().has_value()) << "is asked for once";
    ASSERT_TRUE(answer(*rotten, bytes_of(*rotten)));
    ASSERT_TRUE(turn_until([&] { return woken(); }));
    EXPECT_EQ(store_->counters().repaired, 1u);
    expect_all_for_good(log);
}

TEST_F(RepairTest, other_bytes_are_not_taken) {
    Log& log = on_disk();
    rot_batch(50);
    const auto rotten = rotten_at(log, 50);
    ASSERT_TRUE(rotten.has_value());
    const std::string right = bytes_of(*rotten);
    std::string wrong = right;
    wrong[right.size() / 2] ^= 1;
    EXPECT_FALSE(answer(*rotten, wrong));
    EXPECT_FALSE(answer(*rotten, right.substr(0, 1)));
    EXPECT_FALSE(answer(*rotten, right + replica_[0]));
    EXPECT_FALSE(answer(*rotten, ""));
    EXPECT_TRUE(answer(*rotten, right));
    EXPECT_FALSE(answer(*rotten, right)) << "is wanted no more";
    ASSERT_TRUE(turn_until([&] { return woken(); }));
    expect_all(log);
    stop();
}

/// Appended after it had rotted, or never sent to the replica: the range has both.
TEST_F(RepairTest, the_end_of_a_range_may_be_on_this_disk_alone) {
    Log& log = on_disk();
    rot_batch(50);
    const auto rotten = rotten_at(log, 50);
    ASSERT_TRUE(rotten.has_value());
    const std::string right = bytes_of(*rotten);
    const size_t batch = replica_[0].size();
    const auto before = static_cast<size_t>(50 - rotten->from.value) * batch;
    ASSERT_GT(before, batch) << "it is not the first of its range";
    ASSERT_GT(right.size(), before + batch) << "nor the last";
    EXPECT_FALSE(answer(*rotten, right.substr(0, before - batch))) << "the replica ends before what has rotted";
    std::string other = right.substr(0, before + batch);
    other[before + batch - 1] ^= 1;
    EXPECT_FALSE(answer(*rotten, other));
    EXPECT_TRUE(answer(*rotten, right.substr(0, before + batch)));
    ASSERT_TRUE(turn_until([&] { return woken(); }));
    expect_all_for_good(log);
}

/// They share a block, which both write. The disk says if both do at once.
TEST_F(RepairTest, neighbours_are_repaired_one_after_the_other) {
    Log& log = on_disk();
    constexpr int64_t from = 30, to = 80;
    for (int64_t offset = from; offset < to; ++offset) rot_batch(offset);
    const auto count_ready = [&] {
        int64_t ready = 0;
        for (int64_t offset = from; offset < to; ++offset) ready += ask(log, offset) == ReadStatus::ready;
        return ready;
    };
    for (int i = 0; i < 20; ++i) {   // so that all are found before the first is repaired
        EXPECT_EQ(count_ready(), 0);
        turn();
    }
    ASSERT_TRUE(turn_until([&] {
        serve_repairs();
        return count_ready() == to - from;
    }));
    expect_all_for_good(log);
}

TEST_F(RepairTest, what_nobody_has_is_corrupt_and_asked_for_again_later) {
    Log& log = on_disk();
    rot_batch(50);
    const auto rotten = rotten_at(log, 50);
    ASSERT_TRUE(rotten.has_value());
    store_->give_up(rotten->id);
    turn();
    EXPECT_TRUE(woken());
    EXPECT_EQ(ask(log, 50), ReadStatus::corrupt);
    EXPECT_FALSE(store_->poll_rotten().has_value());
    expect_batch(log, 200, body_size, fill_of(200));
    time_.now += 31 * second_ns;
    turn();
    EXPECT_EQ(ask(log, 50), ReadStatus::pending);
    serve_repairs();
    ASSERT_TRUE(turn_until([&] { return woken(); }));
    expect_all(log);
    stop();
}

TEST_F(RepairTest, a_log_without_replicas_is_not_waited_for) {
    Log& log = on_disk();
    store_->set_replicated(log, false);
    rot_batch(50);
    std::vector<Slice> slices;
    EXPECT_EQ(read_slices(log, Offset(50), slices), ReadStatus::corrupt);
    EXPECT_FALSE(store_->poll_rotten().has_value());
    stop();
}

TEST_F(RepairTest, who_asks_for_a_replica_is_not_kept_waiting) {
    Log& log = on_disk();
    rot_batch(50);
    std::vector<Slice> slices;
    ReadStatus status = ReadStatus::pending;
    for (int i = 0; i < 100 && status == ReadStatus::pending; ++i) {
        status = store_->read(log, {Offset(50), log.durable_offset(), 1, true, waiter, true}, slices);
        turn();
    }
    EXPECT_EQ(status, ReadStatus::corrupt);
    serve_repairs();
    ASSERT_TRUE(turn_until([&] { return store_->counters().repaired == 1; }));
    expect_all(log);
    stop();
}

/// The block where the log ends is the log's own to write.
TEST_F(RepairTest, the_end_of_a_log_is_repaired_and_appended_to) {
    constexpr int64_t end = 9;
    Log& log = on_disk(end);
    ASSERT_GT(position_of(end) % io::block_size, 3584u) << "all but one sector of the last block hold something";
    const io::FileId file = file_at(position_of(end) - 1);
    ASSERT_TRUE(directory_->rot(file, 1 + (position_of(end) - 1 - start_of_file_) / io::block_size, 7));
    const auto rotten = rotten_at(log, end - 1);
    ASSERT_TRUE(rotten.has_value());
    ASSERT_TRUE(answer(*rotten, bytes_of(*rotten)));
    // Appends may come at any moment.
    for (int i = end; i < 40; ++i) {
        append(log, body_size, fill_of(i));
        turn();
    }
    settle(log);
    ASSERT_TRUE(turn_until([&] { return store_->counters().repaired > 0; }));
    for (int i = end; i < 40; ++i) replica_.push_back(read(log, Offset(i), 1));
    for (int i = 0; i < 2; ++i) {
        Log& now = again();
        for (int64_t offset = 0; offset < 40; ++offset) {
            std::vector<Slice> slices;
            ReadStatus status = ReadStatus::pending;
            for (int t = 0; t < 1000 && (status == ReadStatus::pending || status == ReadStatus::busy); ++t) {
                status = store_->read(now, {Offset(offset), now.durable_offset(), 1, true, waiter}, slices);
                if (status == ReadStatus::pending) serve_repairs();
                turn();
            }
            ASSERT_EQ(status, ReadStatus::ready) << "at offset " << offset;
            for (const Slice& slice : slices) store_->release(slice);
        }
    }
    stop();
}

TEST_F(RepairTest, an_index_is_made_anew_from_the_batches_of_its_file) {
    Log& log = on_disk();
    rot_index_of(50);
    store_->set_replicated(log, false);
    expect_all(log);
    EXPECT_GT(store_->counters().corrupt_ranges, 0u);
    EXPECT_GT(store_->counters().repaired, 0u);
    expect_all(again());
    EXPECT_EQ(store_->counters().corrupt_ranges, 0u);
    stop();
}

TEST_F(RepairTest, all_indexes_and_batches_of_every_file_at_once) {
    Log& log = on_disk();
    for (const int64_t offset : {0, 100, 200}) rot_index_of(offset);
    for (const int64_t offset : {30, 31, 105, 150, 180}) rot_batch(offset);
    for (size_t i = 0; i < replica_.size(); ++i) {
        const auto offset = static_cast<int64_t>(i);
        const bool came = static_cast<bool>(turn_until([&] {
            serve_repairs();
            return ask(log, offset) == ReadStatus::ready;
        }, 2000));
        ASSERT_TRUE(came) << "at offset " << offset;
    }
    expect_all_for_good(log);
}

TEST_F(RepairTest, a_removal_ends_what_is_being_repaired) {
    Log& log = on_disk();
    rot_batch(50);
    const auto rotten = rotten_at(log, 50);
    ASSERT_TRUE(rotten.has_value());
    ASSERT_TRUE(store_->remove(log).has_value());
    turns(50);
    EXPECT_FALSE(answer(*rotten, bytes_of(*rotten)));
    stop();
}

/// What is to be cut no replica has, and it has the same checksum as what stays.
TEST_F(RepairTest, a_range_that_rotted_is_cut_all_the_same) {
    Log& log = on_disk();
    rot_batch(292);
    const auto whole = rotten_at(log, 292);
    ASSERT_TRUE(whole.has_value());
    ASSERT_GE(whole->bytes, 4 * replica_[0].size());
    const int64_t end = whole->from.value + 2;
    store_->give_up(whole->id);
    time_.now += 31 * second_ns;
    ASSERT_TRUE(store_->truncate(log, Offset(end)).has_value());
    std::optional<RottenBatches> wanted;
    ASSERT_TRUE(turn_until([&] {
        if (!wanted) wanted = store_->poll_rotten();
        return wanted.has_value();
    }));
    // A replica whose records part from ours at the cut; and one whose epochs are others.
    std::string parted = bytes_of(*wanted).substr(0, 2 * replica_[0].size());
    TestBatch other(body_size, 'Z');
    store_be<int64_t>(other.batch.header, end);
    parted += std::string(reinterpret_cast<const char*>(other.batch.header), batch_header_size) + other.value;
    std::string older = parted;
    older[12] ^= 1;   // the epoch of the first batch, which its checksum leaves out
    EXPECT_FALSE(answer(*wanted, older));
    EXPECT_FALSE(answer(*wanted, parted.substr(0, replica_[0].size() + 100)));
    EXPECT_TRUE(answer(*wanted, parted));
    ASSERT_TRUE(turn_until([&] { return !store_->truncating(log); }));
    EXPECT_FALSE(log.failed());
    EXPECT_EQ(log.end_offset(), Offset(end));
    replica_.resize(static_cast<size_t>(end));
    expect_all_for_good(log);
}

TEST_F(RepairTest, a_cut_waits_for_what_it_must_read) {
    Log& log = on_disk();
    rot_batch(290);
    ASSERT_TRUE(store_->truncate(log, Offset(290)).has_value());
    ASSERT_TRUE(turn_until([&] {
        serve_repairs();
        return !store_->truncating(log);
    }));
    EXPECT_FALSE(log.failed());
    EXPECT_EQ(log.end_offset(), Offset(290));
    replica_.resize(290);
    expect_all(log);
    stop();
}

}  // namespace
}  // namespace penstock::log
