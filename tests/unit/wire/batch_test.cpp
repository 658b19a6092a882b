#include "wire/batch.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/crc32c.h"
#include "foreign_batches.h"
#include "golden.h"
#include "wire/records.h"

namespace penstock::wire {
namespace {

using kafka::ErrorCode;

constexpr int64_t now_ms = 1'700'000'000'000;

std::span<std::byte, batch_header_bytes> header_of(std::vector<std::byte>& batch) {
    return std::span<std::byte, batch_header_bytes>(batch.data(), batch_header_bytes);
}

BatchLimits limits_at(int64_t now) {
    BatchLimits limits;
    limits.now_ms = now;
    return limits;
}

ErrorCode verdict(std::span<const std::byte> bytes, BatchLimits limits = limits_at(now_ms), size_t piece = 1 << 20) {
    Arena arena(1 << 20);
    Shredded shredded(bytes, piece);
    auto result = validate_batch(shredded.chain, limits, arena);
    return result ? ErrorCode::none : result.error();
}

// The batch with its header changed and the CRC made right again.
std::vector<std::byte> changed(const std::function<void(BatchHeader&)>& change) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    BatchHeader header = parse_batch_header(header_of(bytes));
    change(header);
    write_batch_header(header_of(bytes), header);
    Fragment body = fragment_of(std::span(bytes).subspan(batch_header_bytes));
    header.crc = batch_crc(header_of(bytes), std::span(&body, 1));
    write_batch_header(header_of(bytes), header);
    return bytes;
}

TEST(Batch, header_fields) {
    std::vector<std::byte> bytes = hex(
        "0000000000000011 00000031 00000005 02 89abcdef 0013 00000002 0000018bcfe56800 0000018bcfe56805"
        "0000000000000007 0008 00000009 00000003");
    ASSERT_EQ(bytes.size(), batch_header_bytes);
    BatchHeader header = parse_batch_header(header_of(bytes));
    EXPECT_EQ(header.base_offset, Offset{17});
    EXPECT_EQ(header.length, 49);
    EXPECT_EQ(header.total_bytes(), 61);
    EXPECT_EQ(header.leader_epoch, LeaderEpoch{5});
    EXPECT_EQ(header.magic, 2);
    EXPECT_EQ(header.crc, 0x89abcdefu);
    EXPECT_EQ(header.codec(), Codec::lz4);
    EXPECT_TRUE(header.is_transactional());
    EXPECT_FALSE(header.is_control());
    EXPECT_FALSE(header.is_append_time());
    EXPECT_EQ(header.last_offset(), Offset{19});
    EXPECT_EQ(header.base_timestamp, now_ms);
    EXPECT_EQ(header.max_timestamp, now_ms + 5);
    EXPECT_EQ(header.producer_id, 7);
    EXPECT_EQ(header.producer_epoch, 8);
    EXPECT_EQ(header.base_sequence, 9);
    EXPECT_EQ(header.record_count, 3);

    std::vector<std::byte> again(batch_header_bytes);
    write_batch_header(header_of(again), header);
    EXPECT_EQ(text_of(again), text_of(bytes));
}

TEST(Batch, accepts_what_other_clients_write_however_it_is_cut) {
    for (std::string_view foreign : foreign_batches) {
        std::vector<std::byte> bytes = hex(foreign);
        for (size_t piece : {size_t{1}, size_t{7}, size_t{60}, size_t{61}, size_t{62}, bytes.size()}) {
            Arena arena(1 << 20);
            Shredded shredded(bytes, piece);
            auto batch = validate_batch(shredded.chain, limits_at(now_ms), arena);
            ASSERT_TRUE(batch) << to_string(batch.error()) << " in pieces of " << piece;
            EXPECT_EQ(batch->size, bytes.size());
            EXPECT_EQ(batch->header.record_count, 3);
            std::vector<std::byte> joined(batch->header_bytes.begin(), batch->header_bytes.end());
            std::vector<std::byte> body = flatten(batch->body);
            joined.insert(joined.end(), body.begin(), body.end());
            EXPECT_EQ(text_of(joined), text_of(bytes));
        }
    }
}

TEST(Batch, any_flipped_bit_under_the_crc_is_found) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    for (size_t at = 17; at < bytes.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            bytes[at] ^= std::byte{1} << bit;
            EXPECT_EQ(verdict(bytes), ErrorCode::corrupt_message) << "byte " << at;
            bytes[at] ^= std::byte{1} << bit;
        }
    }
}

TEST(Batch, cut_batches_are_refused) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    EXPECT_EQ(verdict({}), ErrorCode::invalid_record);
    for (size_t size = 1; size < bytes.size(); ++size) {
        EXPECT_EQ(verdict(std::span(bytes).first(size)), ErrorCode::corrupt_message) << size;
    }
}

TEST(Batch, two_batches_or_bytes_behind_it_are_refused) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    std::vector<std::byte> two = bytes;
    two.insert(two.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(verdict(two), ErrorCode::invalid_record);
    bytes.push_back(std::byte{0});
    EXPECT_EQ(verdict(bytes), ErrorCode::invalid_record);
}

TEST(Batch, senseless_lengths_are_refused) {
    for (int32_t length : {-1, 0, 48, INT32_MIN}) {
        EXPECT_EQ(verdict(changed([&](BatchHeader& h) { h.length = length; })), ErrorCode::corrupt_message) << length;
    }
    EXPECT_EQ(verdict(changed([](BatchHeader& h) { h.length = INT32_MAX; })), ErrorCode::corrupt_message);
}

TEST(Batch, what_a_producer_may_not_write) {
    auto code = [](const std::function<void(BatchHeader&)>& change) { return verdict(changed(change)); };
    EXPECT_EQ(code([](BatchHeader&) {}), ErrorCode::none);
    EXPECT_EQ(code([](BatchHeader& h) { h.magic = 1; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.base_offset = Offset{1}; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.record_count = 0, h.last_offset_delta = -1; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.record_count = 4; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.last_offset_delta = 3; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.record_count = INT32_MIN, h.last_offset_delta = INT32_MAX; }),
              ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.record_count = 1'000'000, h.last_offset_delta = 999'999; }),
              ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.attributes = attribute_control; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.attributes = 5; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.attributes = attribute_append_time; }), ErrorCode::invalid_timestamp);
    EXPECT_EQ(code([](BatchHeader& h) { h.attributes = attribute_transactional; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.producer_id = 1, h.producer_epoch = 0; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.producer_id = 1, h.base_sequence = 0; }), ErrorCode::invalid_record);
    EXPECT_EQ(code([](BatchHeader& h) { h.producer_id = 1, h.producer_epoch = 0, h.base_sequence = 0; }),
              ErrorCode::none);
}

TEST(Batch, timestamps_stay_within_the_limits) {
    auto at = [](int64_t timestamp) { return changed([&](BatchHeader& h) { h.max_timestamp = timestamp; }); };
    BatchLimits limits = limits_at(now_ms);
    limits.timestamp_before_max_ms = 1000;
    limits.timestamp_after_max_ms = 500;
    EXPECT_EQ(verdict(at(now_ms + 500), limits), ErrorCode::none);
    EXPECT_EQ(verdict(at(now_ms + 501), limits), ErrorCode::invalid_timestamp);
    EXPECT_EQ(verdict(at(now_ms - 1000), limits), ErrorCode::none);
    EXPECT_EQ(verdict(at(now_ms - 1001), limits), ErrorCode::invalid_timestamp);
    EXPECT_EQ(verdict(at(-1), limits), ErrorCode::none);
    EXPECT_EQ(verdict(at(-2), limits), ErrorCode::invalid_timestamp);
    EXPECT_EQ(verdict(at(INT64_MIN), limits), ErrorCode::invalid_timestamp);
    EXPECT_EQ(verdict(at(INT64_MAX), limits), ErrorCode::invalid_timestamp);
    EXPECT_EQ(verdict(at(0)), ErrorCode::none);
}

TEST(Batch, sizes_stay_within_the_limits) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    BatchLimits limits = limits_at(now_ms);
    limits.batch_bytes_max = static_cast<uint32_t>(bytes.size());
    EXPECT_EQ(verdict(bytes, limits), ErrorCode::none);
    limits.batch_bytes_max -= 1;
    EXPECT_EQ(verdict(bytes, limits), ErrorCode::message_too_large);
    limits = limits_at(now_ms);
    limits.segment_bytes = bytes.size() - 1;
    EXPECT_EQ(verdict(bytes, limits), ErrorCode::record_list_too_large);
    limits = limits_at(now_ms);
    limits.zstd_allowed = false;
    EXPECT_EQ(verdict(bytes, limits), ErrorCode::none);
    EXPECT_EQ(verdict(hex(foreign_batches[4]), limits), ErrorCode::unsupported_compression_type);
}

TEST(Batch, a_full_arena_is_an_answer) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    Shredded shredded(bytes, 7);
    Arena arena(64);
    auto result = validate_batch(shredded.chain, limits_at(now_ms), arena);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), ErrorCode::message_too_large);
}

TEST(Batch, stamping_the_leader_leaves_the_crc_right) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    stamp_leader(header_of(bytes), Offset{123456789012}, LeaderEpoch{42});
    BatchHeader header = parse_batch_header(header_of(bytes));
    EXPECT_EQ(header.base_offset, Offset{123456789012});
    EXPECT_EQ(header.leader_epoch, LeaderEpoch{42});
    EXPECT_EQ(header.magic, 2);
    EXPECT_EQ(crc32c(std::span(bytes).subspan(21)), header.crc);
}

TEST(Batch, stamping_append_time_makes_a_new_crc) {
    std::vector<std::byte> bytes = hex(foreign_batches[0]);
    std::span<const std::byte> whole = bytes;
    Shredded body(whole.subspan(batch_header_bytes), 5);
    stamp_append_time(header_of(bytes), body.chain, now_ms + 77);
    BatchHeader header = parse_batch_header(header_of(bytes));
    EXPECT_TRUE(header.is_append_time());
    EXPECT_EQ(header.max_timestamp, now_ms + 77);
    EXPECT_EQ(header.base_timestamp, now_ms);
    EXPECT_EQ(crc32c(std::span(bytes).subspan(21)), header.crc);
}

}  // namespace
}  // namespace penstock::wire
