// After warm-up, appending, committing, flushing and reading what is hot allocate nothing.
#include <gtest/gtest.h>


#include "counted_heap.h"
#include "instant_disk.h"
#include "store_fixture.h"

namespace penstock::log {
namespace {

class AllocationTest : public testing::Test {
protected:
    void open() {
        auto opened = open_directory(disk_, {1, 16 * mib, 1, 2});
        ASSERT_TRUE(opened.has_value());
        StoreOptions options;
        options.cache_bytes = 32 * mib;
        options.pool_bytes = 256 * mib;
        store_ = std::make_unique<Store>(options, std::move(opened->shards[0]), disk_, time_);
        disk_.make_instant();
        LogConfig config;
        config.retention_bytes = 64 * static_cast<int64_t>(mib);
        config.segment_bytes = 16 * mib;
        for (int i = 0; i < 4; ++i) logs_.push_back(*store_->create(key_of(1, i), config, time_));
        slices_.reserve(256);
    }
    void turn() {
        time_.now += millisecond_ns;
        time_.wall_ms += 1;
        store_->on_turn(time_);
        store_->submit(time_);
    }
    /// One append to each log, then its turn, then a read of what was just made durable.
    void round(BatchToAppend& batch) {
        for (Log* log : logs_) {
            batch.producer = {.producer_id = round_++ % 50, .epoch = 0, .first_sequence = 0,
                              .timestamp = time_.wall_ms};
            refusals_ += !store_->append(*log, batch, time_).has_value();
        }
        turn();
        turn();
        for (Log* log : logs_) {
            ReadRequest request{log->durable_offset() + -1, log->durable_offset(), 1 << 20, true, 1};
            if (store_->read(*log, request, slices_) == ReadStatus::ready) bytes_read_ += slices_.size();
            for (const Slice& slice : slices_) store_->release(slice);
            slices_.clear();
        }
    }

    sim::Directory directory_{sim::DirectoryOptions{}};
    sim::Disk raw_{directory_};
    InstantDisk disk_{raw_};
    Time time_{Nanos(second_ns), 1'700'000'000'000};
    std::unique_ptr<Store> store_;
    std::vector<Log*> logs_;
    std::vector<Slice> slices_;
    uint64_t refusals_ = 0;
    uint64_t bytes_read_ = 0;
    int64_t round_ = 0;
};

TEST_F(AllocationTest, appends_commits_flushes_and_hot_reads_allocate_nothing_when_warm) {
    open();
    TestBatch small(1000, 'a');
    TestBatch large(100'000, 'b');
    for (int i = 0; i < 12'000; ++i) round(i % 4 == 0 ? large.batch : small.batch);
    refusals_ = bytes_read_ = 0;
    {
        const sim::CountHeap counting;
        for (int i = 0; i < 4'000; ++i) round(i % 4 == 0 ? large.batch : small.batch);
    }
    EXPECT_EQ(sim::counted_heap().allocations, 0u);
    EXPECT_LT(refusals_, 100u);
    EXPECT_GT(bytes_read_, 10'000u);
    store_->begin_stop();
    for (int i = 0; i < 1000 && !store_->drained(); ++i) turn();
    EXPECT_TRUE(store_->drained());
}

}  // namespace
}  // namespace penstock::log
