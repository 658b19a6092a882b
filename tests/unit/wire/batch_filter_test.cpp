#include "wire/batch_filter.h"

#include <gtest/gtest.h>

#include <string>

#include "golden.h"
#include "wire/compression.h"

namespace penstock::wire {
namespace {

constexpr int64_t first_ms = 1'700'000'000'000;

/// `count` records "k<i>" -> "value <i>", a millisecond apart, at offset 1000.
std::vector<std::byte> batch_of(int count, Codec codec, BatchHeader header = {}) {
    BatchBuilder builder;
    for (int i = 0; i < count; ++i) {
        const std::string key = "k" + std::to_string(i), value = "value " + std::to_string(i);
        const RecordHeader trace{"trace", bytes("x")};
        builder.add(first_ms + i, bytes(key), bytes(value), {&trace, 1});
    }
    header.base_offset = Offset(1000);
    std::vector<std::byte> out;
    EXPECT_TRUE(builder.finish(codec, header, out));
    return out;
}

std::vector<std::string> keys_of(const BatchFilter& filter) {
    std::vector<std::string> keys;
    RecordCursor cursor = filter.records();
    Record record;
    while (cursor.next(record)) {
        keys.push_back(std::to_string(record.offset_delta) + ":" +
                       std::string(reinterpret_cast<const char*>(record.key->data()), record.key->size()));
    }
    return keys;
}

TEST(BatchFilter, what_is_kept_keeps_its_offsets_and_its_times) {
    for (Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        BatchHeader given;
        given.producer_id = 77;
        given.producer_epoch = 3;
        given.base_sequence = 12;
        const auto batch = batch_of(5, codec, given);
        BatchFilter filter;
        ASSERT_TRUE(filter.open(batch));
        const uint8_t kept[] = {0, 1, 0, 1, 0};
        std::vector<std::byte> out;
        ASSERT_TRUE(filter.write(kept, out));

        ASSERT_TRUE(filter.open(out)) << to_string(codec) << ": CRC, length, counts";
        EXPECT_EQ(keys_of(filter), (std::vector<std::string>{"1:k1", "3:k3"}));
        const BatchHeader& header = filter.header();
        EXPECT_EQ(header.codec(), codec);
        EXPECT_EQ(header.base_offset, Offset(1000));
        EXPECT_EQ(header.last_offset(), Offset(1004));
        EXPECT_EQ(header.record_count, 2);
        EXPECT_EQ(header.base_timestamp, first_ms);
        EXPECT_EQ(header.max_timestamp, first_ms + 3) << "of the records that are left";
        EXPECT_EQ(header.producer_id, 77);
        EXPECT_EQ(header.producer_epoch, 3);
        EXPECT_EQ(header.base_sequence, 12);
        RecordCursor cursor = filter.records();
        Record record;
        ASSERT_TRUE(cursor.next(record));
        EXPECT_EQ(record.timestamp_delta, 1);
        EXPECT_EQ(record.headers.count(), 1u);
    }
}

TEST(BatchFilter, append_time_counts_for_all_records_and_stays) {
    BatchHeader given;
    given.attributes = attribute_append_time;
    auto batch = batch_of(2, Codec::lz4, given);
    BatchFilter filter;
    ASSERT_TRUE(filter.open(batch));
    const uint8_t kept[] = {1, 0};
    std::vector<std::byte> out;
    ASSERT_TRUE(filter.write(kept, out));
    ASSERT_TRUE(filter.open(out));
    EXPECT_TRUE(filter.header().is_append_time());
    EXPECT_EQ(filter.header().max_timestamp, first_ms + 1);
}

TEST(BatchFilter, an_empty_batch_stands_for_the_same_offsets) {
    const auto batch = batch_of(3, Codec::zstd);
    BatchFilter filter;
    ASSERT_TRUE(filter.open(batch));
    std::vector<std::byte> out;
    filter.write_empty(out);
    EXPECT_EQ(out.size(), batch_header_bytes);
    ASSERT_TRUE(filter.open(out));
    EXPECT_EQ(filter.header().record_count, 0);
    EXPECT_EQ(filter.header().last_offset(), Offset(1002));
    EXPECT_EQ(filter.header().codec(), Codec::none) << "there is nothing to decompress";
    EXPECT_TRUE(keys_of(filter).empty());
}

TEST(BatchFilter, what_cannot_be_judged_is_refused) {
    const auto good = batch_of(3, Codec::none);
    BatchFilter filter;
    for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(filter.open(std::span(good).first(size))) << size;
    for (size_t at = 16; at < good.size(); ++at) {
        auto damaged = good;
        damaged[at] ^= std::byte{1};
        EXPECT_FALSE(filter.open(damaged)) << at;
    }
    // Its checksum is right, its records are not.
    auto reseal = [](std::vector<std::byte> batch, auto change) {
        BatchHeader header = parse_batch_header(std::span<const std::byte>(batch).first<batch_header_bytes>());
        change(header);
        std::span<std::byte, batch_header_bytes> head(batch.data(), batch_header_bytes);
        write_batch_header(head, header);
        const auto size = static_cast<uint32_t>(batch.size() - batch_header_bytes);
        const Fragment body{batch.data() + batch_header_bytes, size};
        header.crc = batch_crc(head, {&body, 1});
        write_batch_header(head, header);
        return batch;
    };
    EXPECT_TRUE(filter.open(reseal(good, [](BatchHeader&) {})));
    EXPECT_FALSE(filter.open(reseal(good, [](BatchHeader& h) { h.record_count = 2; })));
    EXPECT_FALSE(filter.open(reseal(good, [](BatchHeader& h) { h.record_count = 4; })));
    EXPECT_FALSE(filter.open(reseal(good, [](BatchHeader& h) { h.record_count = -1; })));
    EXPECT_FALSE(filter.open(reseal(good, [](BatchHeader& h) { h.last_offset_delta = 1; }))) << "a delta beyond it";
    EXPECT_FALSE(filter.open(reseal(good, [](BatchHeader& h) { h.attributes = 4; }))) << "no zstd";
    EXPECT_FALSE(filter.open(reseal(good, [](BatchHeader& h) { h.attributes = 7; }))) << "no codec";
}

}  // namespace
}  // namespace penstock::wire
