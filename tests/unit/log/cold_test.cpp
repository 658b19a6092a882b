#include <algorithm>

#include "log/format.h"
#include "store_fixture.h"

namespace penstock::log {
namespace {

class ColdTest : public StoreFixture {
protected:
    /// Many batches of 60 KB on disk and nothing of them in memory.
    Log& on_disk() {
        open();
        Log& log = **store_->create(key_of(1), {}, time_);
        for (int i = 0; i < 200; ++i) append(log, 60'000, static_cast<char>('a' + i % 26));
        settle(log);
        stop();
        open();
        turns(100);
        return *store_->find(key_of(1));
    }
    ReadStatus ask(Log& log, int64_t offset, uint64_t waiter) {
        return store_->read(log, {Offset(offset), log.durable_offset(), 1, true, waiter}, slices_);
    }
    void give_back() {
        for (const Slice& slice : slices_) store_->release(slice);
        slices_.clear();
    }
    /// The block of a file that holds byte `at` of the log's first file.
    io::FileId first_file() {
        for (const io::FileEntry& entry : directory_->files()) {
            if (entry.file.kind != io::FileKind::pool_1m) continue;
            FileHeader header;
            auto bytes = directory_->contents(entry.file);
            if (read_file_header(std::span<const std::byte>(bytes).first(io::block_size), header) &&
                header.start_position == 0 && header.key == key_of(1)) {
                return entry.file;
            }
        }
        ADD_FAILURE();
        return {};
    }
    std::vector<Slice> slices_;
};

TEST_F(ColdTest, readers_of_one_range_share_one_read) {
    Log& log = on_disk();
    while (ask(log, 5, 1) == ReadStatus::pending && store_->counters().cache_misses == 0) turn();
    uint64_t misses = store_->counters().cache_misses;
    for (uint64_t waiter = 2; waiter < 20; ++waiter) EXPECT_EQ(ask(log, 5, waiter), ReadStatus::pending);
    EXPECT_EQ(store_->counters().cache_misses, misses);
    std::vector<uint64_t> woken;
    for (int i = 0; i < 100 && woken.size() < 19; ++i) {
        turn();
        for (uint64_t waiter : store_->readable()) woken.push_back(waiter);
    }
    std::ranges::sort(woken);
    ASSERT_EQ(woken.size(), 19u);
    for (uint64_t i = 0; i < 19; ++i) EXPECT_EQ(woken[i], i + 1);
    EXPECT_EQ(ask(log, 5, 1), ReadStatus::ready);
    give_back();
    stop();
}

TEST_F(ColdTest, every_waiter_for_an_index_is_woken_or_told_to_come_again) {
    Log& log = on_disk();
    uint64_t pending = 0;
    uint64_t busy = 0;
    for (uint64_t waiter = 1; waiter <= 6000; ++waiter) {
        ReadStatus status = ask(log, 0, waiter);
        pending += status == ReadStatus::pending;
        busy += status == ReadStatus::busy;
    }
    EXPECT_EQ(pending + busy, 6000u);
    EXPECT_GT(busy, 0u);
    uint64_t woken = 0;
    for (int i = 0; i < 100; ++i) {
        turn();
        woken += store_->readable().size();
    }
    EXPECT_EQ(woken, pending);
    stop();
}

TEST_F(ColdTest, rot_is_told_and_never_served) {
    Log& log = on_disk();
    ASSERT_TRUE(directory_->rot(first_file(), 40, 7));
    std::vector<Slice> slices;
    EXPECT_EQ(read_slices(log, Offset(2), slices), ReadStatus::corrupt);
    EXPECT_TRUE(slices.empty());
    EXPECT_GT(store_->counters().corrupt_ranges, 0u);
    expect_batch(log, 10, 60'000, 'k');
    EXPECT_FALSE(log.failed());
    stop();
}

TEST_F(ColdTest, a_refused_read_fails_and_may_be_tried_again) {
    Log& log = on_disk();
    expect_batch(log, 0, 60'000, 'a');
    directory_->inject({sim::fault_kind(io::DiskOpKind::read), {}, 0, 1000});
    std::vector<Slice> slices;
    EXPECT_EQ(read_slices(log, Offset(30), slices), ReadStatus::failed);
    directory_->clear_faults();
    turns(5);
    ReadStatus status = ReadStatus::failed;
    for (int i = 0; i < 3 && status == ReadStatus::failed; ++i) status = read_slices(log, Offset(30), slices);
    EXPECT_EQ(status, ReadStatus::ready);
    for (const Slice& slice : slices) store_->release(slice);
    stop();
}

TEST_F(ColdTest, reading_ahead_is_bounded_and_saves_waits) {
    Log& log = on_disk();
    expect_batch(log, 0, 60'000, 'a');
    EXPECT_LE(disk_->in_flight(), 9u);
    turns(20);
    uint64_t misses = store_->counters().cache_misses;
    EXPECT_GT(misses, 1u);
    EXPECT_LE(misses, 9u);
    EXPECT_EQ(ask(log, 1, 1), ReadStatus::ready) << "was read ahead";
    give_back();
    stop();
}

}  // namespace
}  // namespace penstock::log
