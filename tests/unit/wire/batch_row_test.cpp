#include "wire/batch_row.h"

#include <gtest/gtest.h>

#include <vector>

#include "foreign_batches.h"
#include "golden.h"

namespace penstock::wire {
namespace {

using kafka::ErrorCode;

/// A batch as a leader stamped it.
std::vector<std::byte> stamped(int64_t base, int32_t epoch) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    stamp_leader(std::span<std::byte, batch_header_bytes>(bytes.data(), batch_header_bytes), Offset(base),
                 LeaderEpoch(epoch));
    return bytes;
}

int32_t records_of(const std::vector<std::byte>& batch) {
    return parse_batch_header(BatchHeaderBytes(batch.data(), batch_header_bytes)).record_count;
}

std::vector<std::byte> joined(std::initializer_list<std::vector<std::byte>> parts) {
    std::vector<std::byte> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

ErrorCode row_verdict(std::span<const std::byte> bytes) {
    Arena arena(1 << 20);
    Shredded shredded(bytes, 7);
    const auto row = read_batch_row(shredded.chain, arena);
    return row ? ErrorCode::none : row.error();
}

TEST(BatchRow, is_read_wherever_its_bytes_are_cut) {
    const int32_t count = records_of(stamped(0, 0));
    const auto bytes = joined({stamped(100, 3), stamped(100 + count, 3), stamped(500, 4)});
    for (size_t piece = 1; piece < 200; ++piece) {
        Arena arena(1 << 20);
        Shredded shredded(bytes, piece);
        const auto row = read_batch_row(shredded.chain, arena);
        ASSERT_TRUE(row.has_value()) << piece;
        ASSERT_EQ(row->size(), 3u);
        EXPECT_EQ((*row)[1].header.base_offset, Offset(100 + count));
        EXPECT_EQ((*row)[2].header.leader_epoch, LeaderEpoch(4));
        size_t size = 0;
        for (const StampedBatch& batch : *row) size += batch_header_bytes + total_size(batch.body);
        EXPECT_EQ(size, bytes.size());
    }
}

TEST(BatchRow, may_be_empty) { EXPECT_EQ(row_verdict({}), ErrorCode::none); }

TEST(BatchRow, is_refused_when_a_batch_is_cut_off) {
    const auto bytes = joined({stamped(0, 0), stamped(100, 0)});
    for (size_t size = 1; size < bytes.size(); ++size) {
        const bool whole = size == bytes.size() / 2;
        EXPECT_EQ(row_verdict(std::span(bytes).first(size)), whole ? ErrorCode::none : ErrorCode::corrupt_message)
            << size;
    }
}

TEST(BatchRow, is_refused_when_any_byte_that_a_crc_covers_is_another) {
    const auto bytes = stamped(0, 0);
    for (size_t at = 16; at < bytes.size(); ++at) {
        auto damaged = bytes;
        damaged[at] ^= std::byte{0x10};
        EXPECT_EQ(row_verdict(damaged), ErrorCode::corrupt_message) << at;
    }
}

TEST(BatchRow, goes_forward_only) {
    const int32_t count = records_of(stamped(0, 0));
    EXPECT_EQ(row_verdict(joined({stamped(100, 0), stamped(100 + count, 0)})), ErrorCode::none);
    EXPECT_EQ(row_verdict(joined({stamped(100, 0), stamped(100 + count - 1, 0)})), ErrorCode::invalid_record);
    EXPECT_EQ(row_verdict(stamped(-1, 0)), ErrorCode::invalid_record);
    EXPECT_EQ(row_verdict(stamped(0, -1)), ErrorCode::invalid_record);
    EXPECT_EQ(row_verdict(stamped(INT64_MAX - 1, 0)), ErrorCode::invalid_record);
}

TEST(BatchRow, needs_no_more_memory_than_there_is) {
    const auto bytes = joined({stamped(0, 0), stamped(1000, 0), stamped(2000, 0)});
    Shredded shredded(bytes, 1);
    Arena arena(512);
    const auto row = read_batch_row(shredded.chain, arena);
    ASSERT_FALSE(row.has_value());
    EXPECT_EQ(row.error(), ErrorCode::message_too_large);
}

}  // namespace
}  // namespace penstock::wire
