#include "wire/records.h"

#include <gtest/gtest.h>

#include <string>

#include "foreign_batches.h"
#include "golden.h"
#include "wire/compression.h"

namespace penstock::wire {
namespace {

constexpr int64_t now_ms = 1'700'000'000'000;

std::string text(const OptionalBytes& value) {
    return value ? std::string(reinterpret_cast<const char*>(value->data()), value->size()) : "(null)";
}

std::vector<std::byte> records_of(std::span<const std::byte> batch, BatchHeader& header) {
    header = parse_batch_header(batch.first<batch_header_bytes>());
    std::vector<std::byte> records;
    EXPECT_TRUE(decompress(header.codec(), batch.subspan(batch_header_bytes), 1 << 20, records));
    return records;
}

void expect_the_three_records(std::span<const std::byte> batch) {
    BatchHeader header;
    std::vector<std::byte> records = records_of(batch, header);
    RecordCursor cursor(records, header.record_count);
    Record record;
    RecordHeader entry;

    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.offset_delta, 0);
    EXPECT_EQ(header.base_timestamp + record.timestamp_delta, now_ms);
    EXPECT_EQ(text(record.key), "k1");
    EXPECT_EQ(text(record.value), "hello hello hello hello");
    EXPECT_EQ(record.headers.count(), 2u);
    ASSERT_TRUE(record.headers.next(entry));
    EXPECT_EQ(entry.key, "h");
    EXPECT_EQ(text(entry.value), "x");
    ASSERT_TRUE(record.headers.next(entry));
    EXPECT_EQ(entry.key, "n");
    EXPECT_EQ(text(entry.value), "(null)");
    EXPECT_FALSE(record.headers.next(entry));

    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.offset_delta, 1);
    EXPECT_EQ(header.base_timestamp + record.timestamp_delta, now_ms + 5);
    EXPECT_EQ(text(record.key), "(null)");
    EXPECT_EQ(record.headers.count(), 0u);

    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.offset_delta, 2);
    EXPECT_EQ(header.base_timestamp + record.timestamp_delta, now_ms - 1);
    EXPECT_EQ(text(record.key), "");
    EXPECT_EQ(text(record.value), "(null)");
    EXPECT_FALSE(cursor.next(record));
    EXPECT_FALSE(cursor.failed());
}

void add_the_three_records(BatchBuilder& builder) {
    std::vector<RecordHeader> headers{{"h", bytes("x")}, {"n", std::nullopt}};
    builder.add(now_ms, bytes("k1"), bytes("hello hello hello hello"), headers);
    builder.add(now_ms + 5, std::nullopt, bytes("hello hello hello hello"));
    builder.add(now_ms - 1, bytes(""), std::nullopt);
}

TEST(Records, reads_what_other_clients_write_in_every_codec) {
    for (std::string_view foreign : foreign_batches) {
        SCOPED_TRACE(foreign.substr(0, 60));
        expect_the_three_records(hex(foreign));
    }
}

TEST(Records, builds_the_same_bytes_as_another_client) {
    BatchBuilder builder;
    add_the_three_records(builder);
    EXPECT_EQ(builder.count(), 3);
    EXPECT_EQ(builder.size(), hex(foreign_batches[0]).size());
    BatchHeader given;
    given.leader_epoch = LeaderEpoch{0};
    std::vector<std::byte> batch;
    ASSERT_TRUE(builder.finish(Codec::none, given, batch));
    EXPECT_EQ(text_of(batch), text_of(hex(foreign_batches[0])));
}

TEST(Records, builds_valid_batches_in_every_codec_again_and_again) {
    BatchBuilder builder;
    std::vector<std::byte> batch;
    for (int codec = 0; codec <= 4; ++codec) {
        add_the_three_records(builder);
        BatchHeader given;
        given.producer_id = 4000;
        given.producer_epoch = 2;
        given.base_sequence = 17;
        ASSERT_TRUE(builder.finish(static_cast<Codec>(codec), given, batch));
        EXPECT_EQ(builder.count(), 0);
        Fragment whole = fragment_of(batch);
        Arena arena(4096);
        BatchLimits limits;
        limits.now_ms = now_ms;
        auto valid = validate_batch(std::span(&whole, 1), limits, arena);
        ASSERT_TRUE(valid) << to_string(valid.error());
        EXPECT_EQ(valid->header.codec(), static_cast<Codec>(codec));
        EXPECT_EQ(valid->header.producer_id, 4000);
        EXPECT_EQ(valid->header.base_sequence, 17);
        EXPECT_EQ(valid->header.max_timestamp, now_ms + 5);
        expect_the_three_records(batch);
    }
}

TEST(Records, extreme_numbers_survive) {
    BatchBuilder builder;
    std::string large(100'000, 'v');
    builder.add(0, std::nullopt, bytes(large));
    builder.add(INT64_MAX, std::nullopt, std::nullopt);
    builder.add(-1, std::nullopt, std::nullopt);
    std::vector<std::byte> batch;
    ASSERT_TRUE(builder.finish(Codec::none, batch));
    BatchHeader header;
    std::vector<std::byte> records = records_of(batch, header);
    RecordCursor cursor(records, 3);
    Record record;
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(text(record.value), large);
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.timestamp_delta, INT64_MAX);
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(record.timestamp_delta, -1);
    EXPECT_EQ(header.max_timestamp, INT64_MAX);
}

TEST(Records, cut_anywhere_is_a_failure) {
    BatchHeader header;
    std::vector<std::byte> records = records_of(hex(foreign_batches[0]), header);
    for (size_t size = 0; size < records.size(); ++size) {
        std::vector<std::byte> part(records.begin(), records.begin() + static_cast<ptrdiff_t>(size));
        RecordCursor cursor(part, header.record_count);
        Record record;
        while (cursor.next(record)) {}
        EXPECT_TRUE(cursor.failed()) << size;
    }
}

void expect_failure(std::string_view records, int32_t count) {
    std::vector<std::byte> held = hex(records);
    RecordCursor cursor(held, count);
    Record record;
    while (cursor.next(record)) {}
    EXPECT_TRUE(cursor.failed()) << records;
}

TEST(Records, hostile_bytes_are_failures) {
    expect_failure("", 1);
    expect_failure("0c 00 00 00 01 01 00 00", 1);                    // a byte behind the last record
    expect_failure("0c 00 00 00 01 01 00", -1);                      // fewer than none
    expect_failure("0e 00 00 00 01 01 00 00", 1);                    // a byte behind the headers
    expect_failure("0a 00 00 00 01 01 00", 1);                       // ends before its header count
    expect_failure("01 00 00 00 01 01 00", 1);                       // negative length
    expect_failure("feffffff0f 00 00 00 01 01 00", 1);               // far beyond the end
    expect_failure("0c 00 00 00 03 01 00", 1);                       // key length -2
    expect_failure("0c 00 00 00 01 03 00", 1);                       // value length -2
    expect_failure("0c 00 00 00 01 01 01", 1);                       // header count -1
    expect_failure("14 00 00 00 01 01 feffffff0f", 1);               // two billion headers
    expect_failure("10 00 00 00 01 01 02 01 01", 1);                 // header key null
    expect_failure("10 00 00 00 01 01 02 00 03", 1);                 // header value length -2
    expect_failure("ffffffff1f 00 00 00 01 01 00", 1);               // a varint of 33 bits
    expect_failure("808080808000 00", 1);                            // a varint of six bytes
    expect_failure("20 00 ffffffffffffffffff03 00 01 01 00", 1);     // a varlong of 65 bits
    expect_failure("8c80808020 00 00 00 01 01 00", 1);               // a good length, were its bits above 32 dropped
    expect_failure("1e 00 80808080808080808002 00 01 01 00", 1);     // a good delta, were its bit 64 dropped
    std::vector<std::byte> good = hex("0c 00 00 00 01 01 00");
    RecordCursor cursor(good, 1);
    Record record;
    EXPECT_TRUE(cursor.next(record));
    EXPECT_FALSE(cursor.next(record));
    EXPECT_FALSE(cursor.failed());
}

}  // namespace
}  // namespace penstock::wire
