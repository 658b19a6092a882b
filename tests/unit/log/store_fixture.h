// A store on a simulated directory that a test can open, turn, crash, stop and open again.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "log/recover.h"
#include "log/store.h"
#include "sim/directory.h"
#include "sim/disk.h"
#include "wire/batch.h"

namespace penstock::log {

inline LogKey key_of(uint8_t n, int32_t partition = 0) {
    LogKey key;
    key.topic_id.bytes[0] = n;
    key.partition = partition;
    return key;
}

/// A batch whose body is `size` bytes of `fill`: no records, but whole to whoever does not look for them.
struct TestBatch {
    explicit TestBatch(size_t size, char fill, int64_t timestamp = 1000) : value(size, fill) {
        std::memset(batch.header, 0, sizeof batch.header);
        store_be<int32_t>(batch.header + 8, static_cast<int32_t>(batch_header_size - 12 + size));
        store_be<int64_t>(batch.header + 35, timestamp);
        store_be<int32_t>(batch.header + 57, 1);
        batch.max_timestamp = timestamp;
        body = {reinterpret_cast<const std::byte*>(value.data()), static_cast<uint32_t>(size)};
        batch.body = {&body, 1};
        seal();
    }
    /// After a change of the header.
    void seal() {
        store_be<int8_t>(batch.header + 16, wire::batch_magic);
        store_be<uint32_t>(batch.header + 17, wire::batch_crc(batch.header, batch.body));
    }
    TestBatch(const TestBatch&) = delete;
    TestBatch& operator=(const TestBatch&) = delete;
    std::string value;
    Fragment body;
    BatchToAppend batch;
};

class StoreFixture : public testing::Test {
protected:
    /// What the next open() asks for.
    OpenOptions open_options_ = [] {
        OpenOptions options;
        options.journal_bytes = 8 * mib;
        options.random_high = 7;
        return options;
    }();
    StoreOptions store_options_ = [] {
        StoreOptions options;
        options.cache_bytes = 16 * mib;
        options.pool_bytes = 24 * mib;
        return options;
    }();

    std::expected<OpenedDirectory, OpenFailure> try_open() {
        disk_ = std::make_unique<sim::Disk>(*directory_);
        return open_directory(*disk_, open_options_);
    }
    void open() {
        auto opened = try_open();
        ASSERT_TRUE(opened.has_value()) << opened.error().detail;
        report_ = opened->report;
        store_ = std::make_unique<Store>(store_options_, std::move(opened->shards[0]), *disk_, time_);
    }
    /// One turn of the shard; the disk finishes at least one operation.
    void turn() {
        time_.now += millisecond_ns;
        time_.wall_ms += 1;
        store_->on_turn(time_);
        store_->submit(time_);
        if (disk_->in_flight() > 0 && !disk_->has_completions()) disk_->wait();
    }
    void turns(int count) {
        for (int i = 0; i < count; ++i) turn();
    }
    template <class Condition>
    ::testing::AssertionResult turn_until(Condition condition, int turns_max = 20'000) {
        for (int i = 0; i < turns_max; ++i) {
            if (condition()) return ::testing::AssertionSuccess();
            turn();
        }
        return ::testing::AssertionFailure() << "did not happen in " << turns_max << " turns";
    }
    Result<Offset> try_append(Log& log, size_t size, char fill, int64_t timestamp = 1000) {
        TestBatch batch(size, fill, timestamp);
        return store_->append(log, batch.batch, time_);
    }
    Offset append(Log& log, size_t size, char fill, int64_t timestamp = 1000) {
        for (int i = 0; i < 1000; ++i) {
            auto offset = try_append(log, size, fill, timestamp);
            if (offset) return *offset;
            EXPECT_TRUE(offset.error().code == Errc::would_block || offset.error().code == Errc::not_ready);
            turn();
        }
        ADD_FAILURE() << "append never had room";
        return Offset(-1);
    }
    void settle(Log& log) {
        ASSERT_TRUE(turn_until([&] { return log.durable_offset() >= log.end_offset(); }));
    }
    /// Waits out `pending`; anything but `ready` is returned as it is.
    ReadStatus read_slices(Log& log, Offset from, std::vector<Slice>& slices, uint32_t bytes_max = 1 << 20) {
        ReadStatus status = ReadStatus::pending;
        for (int i = 0; i < 1000 && (status == ReadStatus::pending || status == ReadStatus::busy); ++i) {
            status = store_->read(log, {from, log.durable_offset(), bytes_max, true, 1}, slices);
            if (status == ReadStatus::pending || status == ReadStatus::busy) turn();
        }
        return status;
    }
    std::string read(Log& log, Offset from, uint32_t bytes_max = 1 << 20) {
        std::vector<Slice> slices;
        EXPECT_EQ(read_slices(log, from, slices, bytes_max), ReadStatus::ready);
        std::string bytes;
        for (const Slice& slice : slices) {
            bytes.append(reinterpret_cast<const char*>(slice.data), slice.size);
            store_->release(slice);
        }
        return bytes;
    }
    /// Reads one batch and checks that it is the one that was appended.
    void expect_batch(Log& log, int64_t offset, size_t size, char fill) {
        std::string bytes = read(log, Offset(offset), 1);
        ASSERT_EQ(bytes.size(), size + batch_header_size) << "at offset " << offset;
        EXPECT_EQ(load_be<int64_t>(reinterpret_cast<const std::byte*>(bytes.data())), offset);
        EXPECT_EQ(bytes.substr(batch_header_size), std::string(size, fill)) << "at offset " << offset;
    }
    void stop() {
        store_->begin_stop();
        ASSERT_TRUE(turn_until([&] { return store_->drained(); }));
        EXPECT_TRUE(directory_->violations().empty()) << directory_->violations().front();
        store_.reset();
    }
    /// An empty directory for the next open(), after stop().
    void start_over(const sim::DirectoryOptions& options) {
        disk_.reset();  // it refers to the directory
        directory_ = std::make_unique<sim::Directory>(options);
    }
    /// The power goes; the next open() finds what `choice` left of what was not durable.
    void crash(const sim::CrashChoice& choice = {}) {
        auto left = directory_->crash(choice);
        // The store that died must let go of its operations: it goes on, on the directory that nobody will see again.
        store_->begin_stop();
        for (int i = 0; i < 20'000 && !store_->drained(); ++i) turn();
        EXPECT_TRUE(directory_->violations().empty()) << directory_->violations().front();
        store_.reset();
        disk_.reset();
        directory_ = std::move(left);
    }

    std::unique_ptr<sim::Directory> directory_ = std::make_unique<sim::Directory>(sim::DirectoryOptions{});
    Time time_{Nanos(second_ns), 1'700'000'000'000};
    std::unique_ptr<sim::Disk> disk_;
    std::unique_ptr<Store> store_;
    OpenReport report_;
};

}  // namespace penstock::log
