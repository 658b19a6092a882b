// A log that has rotted on disk, and a replica that has all of it.
#pragma once

#include <algorithm>
#include <optional>

#include "log/format.h"
#include "store_fixture.h"

namespace penstock::log {

inline constexpr size_t body_size = 9'000;
inline constexpr int batches = 300;

/// A log on disk, nothing of it in memory, and what a replica has of it.
class RepairFixture : public StoreFixture {
protected:
    char fill_of(int64_t offset) const { return static_cast<char>('a' + offset % 26); }
    Log& on_disk(int count = batches) {
        open();
        Log& log = **store_->create(key_of(1), {}, time_);
        for (int i = 0; i < count; ++i) {
            append(log, body_size, fill_of(i));
            if (i % 10 == 9) settle(log);   // so that what is full is seen to be
        }
        settle(log);
        for (int i = 0; i < count; ++i) replica_.push_back(read(log, Offset(i), 1));
        return again();
    }
    /// After a stop and a start.
    Log& again() {
        stop();
        open();
        Log& log = *store_->find(key_of(1));
        store_->set_replicated(log, true);
        log.owner = this;
        return log;
    }
    io::FileId file_at(uint64_t position) {
        for (const io::FileEntry& entry : directory_->files()) {
            FileHeader header;
            if (!is_pool(entry.file.kind)) continue;
            const auto bytes = directory_->contents(entry.file);
            if (!read_file_header(std::span<const std::byte>(bytes).first(io::block_size), header)) continue;
            if (header.key != key_of(1) || header.start_position > position) continue;
            if (position < header.start_position + geometry(entry.file.kind).data_bytes()) {
                start_of_file_ = header.start_position;
                return entry.file;
            }
        }
        ADD_FAILURE() << "no file holds position " << position;
        return {};
    }
    static uint64_t position_of(int64_t offset) {
        return static_cast<uint64_t>(offset) * (body_size + batch_header_size);
    }
    /// The block in which the body of this batch begins.
    void rot_batch(int64_t offset) {
        const uint64_t position = position_of(offset) + batch_header_size;
        const io::FileId file = file_at(position);
        ASSERT_TRUE(directory_->rot(file, 1 + (position - start_of_file_) / io::block_size, 7));
    }
    void rot_index_of(int64_t offset) {
        const io::FileId file = file_at(position_of(offset));
        const FileGeometry shape = geometry(file.kind);
        std::vector<IndexRange> ranges;
        for (uint64_t seed = 1;; ++seed) {   // not in the part that holds nothing
            ASSERT_TRUE(directory_->rot(file, shape.index_offset() / io::block_size, seed));
            const auto bytes = directory_->contents(file);
            const auto index = std::span<const std::byte>(bytes).subspan(shape.index_offset(), shape.index_bytes);
            FileHeader header;
            ASSERT_TRUE(read_file_header(std::span<const std::byte>(bytes).first(io::block_size), header));
            if (!read_index(index, header.log_id, header.start_position, ranges)) break;
        }
    }
    ReadStatus ask(Log& log, int64_t offset) {
        std::vector<Slice> slices;
        const ReadStatus status = store_->read(log, {Offset(offset), log.durable_offset(), 1, true, waiter}, slices);
        for (const Slice& slice : slices) store_->release(slice);
        return status;
    }
    std::optional<RottenBatches> rotten_at(Log& log, int64_t offset) {
        std::optional<RottenBatches> rotten;
        for (int i = 0; i < 100 && !rotten; ++i) {
            EXPECT_EQ(ask(log, offset), ReadStatus::pending);
            turn();
            rotten = store_->poll_rotten();
        }
        return rotten;
    }
    std::string bytes_of(const RottenBatches& rotten) const {
        std::string bytes;
        for (auto i = static_cast<size_t>(rotten.from.value); i < replica_.size(); ++i) {
            if (!bytes.empty() && bytes.size() + replica_[i].size() > rotten.bytes) break;
            bytes += replica_[i];
        }
        return bytes;
    }
    bool answer(const RottenBatches& rotten, const std::string& bytes) {
        return store_->repair(rotten.id, std::as_bytes(std::span(bytes)));
    }
    /// Gives the replica's bytes for whatever is wanted.
    void serve_repairs() {
        while (const auto rotten = store_->poll_rotten()) EXPECT_TRUE(answer(*rotten, bytes_of(*rotten)));
    }
    bool woken() const { return std::ranges::count(store_->readable(), waiter) > 0; }
    void expect_all(Log& log) {
        for (size_t i = 0; i < replica_.size(); ++i)
            ASSERT_EQ(read(log, Offset(static_cast<int64_t>(i)), 1), replica_[i]) << "at offset " << i;
    }
    /// Also after a start, which reads it from the disk. The end of a case.
    void expect_all_for_good(Log& log) {
        expect_all(log);
        expect_all(again());
        EXPECT_EQ(store_->counters().corrupt_ranges, 0u);
        stop();
    }

    static constexpr uint64_t waiter = 9;
    std::vector<std::string> replica_;
    uint64_t start_of_file_ = 0;
};

}  // namespace penstock::log
