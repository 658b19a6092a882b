#include "log/store.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "log/recover.h"
#include "sim/directory.h"
#include "sim/disk.h"

namespace penstock::log {
namespace {

LogKey key_of(uint8_t n) {
    LogKey key;
    key.topic_id.bytes[0] = n;
    return key;
}

/// A batch of one record whose value is `size` bytes of `fill`; only the header fields that the store reads are real.
struct TestBatch {
    explicit TestBatch(size_t size, char fill) : value(size, fill) {
        std::memset(batch.header, 0, sizeof batch.header);
        store_be<int32_t>(batch.header + 8, static_cast<int32_t>(batch_header_size - 12 + size));
        store_be<int64_t>(batch.header + 35, 1000);
        batch.max_timestamp = 1000;
        body = {reinterpret_cast<const std::byte*>(value.data()), static_cast<uint32_t>(size)};
        batch.body = {&body, 1};
    }
    std::string value;
    Fragment body;
    BatchToAppend batch;
};

class StoreTest : public testing::Test {
protected:
    void open(uint32_t shards = 1) {
        disk_ = std::make_unique<sim::Disk>(directory_);
        OpenOptions options;
        options.shard_count = shards;
        options.journal_bytes = 8 * mib;
        options.random_high = 7;
        auto opened = open_directory(*disk_, options);
        ASSERT_TRUE(opened.has_value()) << opened.error().detail;
        report_ = opened->report;
        StoreOptions store_options;
        store_options.cache_bytes = 16 * mib;
        store_options.pool_bytes = 24 * mib;
        store_ = std::make_unique<Store>(store_options, std::move(opened->shards[0]), *disk_, time_);
    }
    void turn() {
        time_.now += millisecond_ns;
        time_.wall_ms += 1;
        store_->on_turn(time_);
        store_->submit(time_);
        if (disk_->in_flight() > 0) disk_->wait();
    }
    Offset append(Log& log, size_t size, char fill) {
        TestBatch batch(size, fill);
        for (int i = 0; i < 1000; ++i) {
            auto offset = store_->append(log, batch.batch, time_);
            if (offset) return *offset;
            EXPECT_EQ(offset.error().code, Errc::would_block);
            turn();
        }
        ADD_FAILURE() << "append never had room";
        return Offset(-1);
    }
    void settle(Log& log) {
        for (int i = 0; i < 1000 && log.durable_offset() < log.end_offset(); ++i) turn();
        ASSERT_EQ(log.durable_offset(), log.end_offset());
    }
    std::string read(Log& log, Offset from) {
        std::vector<Slice> slices;
        ReadStatus status = ReadStatus::pending;
        for (int i = 0; i < 1000 && (status == ReadStatus::pending || status == ReadStatus::busy); ++i) {
            status = store_->read(log, {from, log.durable_offset(), 1 << 20, true, 1}, slices);
            if (status == ReadStatus::pending) turn();
        }
        EXPECT_EQ(status, ReadStatus::ready);
        std::string bytes;
        for (const Slice& slice : slices) {
            bytes.append(reinterpret_cast<const char*>(slice.data), slice.size);
            store_->release(slice);
        }
        return bytes;
    }
    void stop() {
        store_->begin_stop();
        for (int i = 0; i < 10000 && !store_->drained(); ++i) turn();
        ASSERT_TRUE(store_->drained());
        EXPECT_TRUE(directory_.violations().empty()) << directory_.violations().front();
        store_.reset();
    }

    sim::Directory directory_{sim::DirectoryOptions{}};
    Time time_{Nanos(second_ns), 1'700'000'000'000};
    std::unique_ptr<sim::Disk> disk_;
    std::unique_ptr<Store> store_;
    OpenReport report_;
};

TEST_F(StoreTest, appended_batches_become_durable_and_readable) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_);
    EXPECT_EQ(append(*log, 100, 'a'), Offset(0));
    EXPECT_EQ(append(*log, 70'000, 'b'), Offset(1));
    EXPECT_EQ(log->durable_offset(), Offset(0));
    settle(*log);
    std::string bytes = read(*log, Offset(1));
    ASSERT_EQ(bytes.size(), 70'000 + batch_header_size);
    EXPECT_EQ(load_be<int64_t>(reinterpret_cast<const std::byte*>(bytes.data())), 1);
    EXPECT_EQ(bytes.back(), 'b');
    stop();
}

TEST_F(StoreTest, a_clean_stop_keeps_everything) {
    open();
    Log* log = *store_->create(key_of(1), {}, time_);
    for (int i = 0; i < 300; ++i) append(*log, 5'000, static_cast<char>('a' + i % 26));
    settle(*log);
    stop();
    open();
    log = store_->find(key_of(1));
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->end_offset(), Offset(300));
    for (int i = 0; i < 300; i += 7) EXPECT_EQ(read(*log, Offset(i))[200], static_cast<char>('a' + i % 26));
    EXPECT_EQ(append(*log, 10, 'z'), Offset(300));
    settle(*log);
    EXPECT_EQ(read(*log, Offset(300)).back(), 'z');
    stop();
}

}  // namespace
}  // namespace penstock::log
