#include "client/batch_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "client/received_batch.h"
#include "wire/records.h"

namespace penstock::client {
namespace {

penstock_bytes view(const std::string& text) { return {text.data(), text.size()}; }

/// A batch that takes what it is given, whole.
BatchWriter writer_for(uint64_t bytes) {
    BatchWriter writer({});
    writer.grow(bytes, static_cast<uint32_t>(bytes));
    return writer;
}

TEST(BatchWriter, WritesTheBytesThatTheFormatsOwnBuilderWrites) {
    const std::string key = "key", long_value(300, 'v'), name = "name", header_value = "value";
    const penstock_header headers[] = {{name.data(), name.size(), view(header_value)},
                                       {name.data(), name.size(), {nullptr, 0}}};
    const wire::RecordHeader same_headers[] = {
        {name, std::as_bytes(std::span(header_value))}, {name, std::nullopt}};
    BatchWriter writer = writer_for(4096);
    wire::BatchBuilder builder;
    const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    struct Case {
        const std::string* key;
        const std::string* value;
        int64_t timestamp;
        bool headers;
    };
    for (const Case& one : {Case{&key, &long_value, 1000, true}, Case{nullptr, &key, 900, false},
                            Case{&key, nullptr, 1'000'000'000'000, true},
                            Case{nullptr, nullptr, INT64_MIN + 1, false}}) {
        penstock_record record = PENSTOCK_RECORD_INIT;
        if (one.key != nullptr) record.key = view(*one.key);
        if (one.value != nullptr) record.value = view(*one.value);
        if (one.headers) {
            record.headers = headers;
            record.header_count = 2;
        }
        writer.add(record, one.timestamp);
        builder.add(one.timestamp, one.key ? wire::OptionalBytes(bytes(*one.key)) : std::nullopt,
                    one.value ? wire::OptionalBytes(bytes(*one.value)) : std::nullopt,
                    one.headers ? std::span<const wire::RecordHeader>(same_headers)
                                : std::span<const wire::RecordHeader>());
    }
    wire::BatchHeader stamped;
    stamped.producer_id = 7;
    stamped.producer_epoch = 2;
    stamped.base_sequence = 9;
    std::vector<std::byte> expected;
    ASSERT_TRUE(builder.finish(wire::Codec::none, stamped, expected).has_value());
    writer.finish(wire::Codec::none);
    writer.stamp({.id = 7, .epoch = 2, .sequence = 9});
    const Fragment made = writer.bytes();
    EXPECT_EQ(std::vector<std::byte>(made.data, made.data + made.size), expected);
}

TEST(BatchWriter, EveryLengthOfAReservedValueReadsBack) {
    // Around the lengths at which the numbers before the value take a byte more.
    for (const size_t reserved : {size_t{70}, size_t{130}, size_t{8200}, size_t{16500}}) {
        for (size_t used = 0; used <= reserved; used += used < 140 ? 1 : 97) {
            BatchWriter writer = writer_for(20'000);
            penstock_record record = PENSTOCK_RECORD_INIT;
            std::string key = "the key";
            record.key = view(key);
            std::byte* value = writer.reserve(record, 5, false, reserved);
            key = "changed";   // the caller's again
            std::memset(value, 'v', reserved);
            writer.commit(used);
            record = PENSTOCK_RECORD_INIT;
            writer.add(record, 6);
            writer.finish(wire::Codec::none);
            writer.stamp({});
            const Fragment made = writer.bytes();
            std::vector<std::pair<std::string, size_t>> found;
            ASSERT_TRUE(for_each_batch({made.data, made.size}, true, [&](const auto& header, auto bytes) {
                wire::RecordCursor cursor(bytes.subspan(wire::batch_header_bytes), header.record_count);
                wire::Record one;
                while (cursor.next(one)) {
                    found.emplace_back(one.key ? std::string(reinterpret_cast<const char*>(one.key->data()),
                                                             one.key->size()) : "", one.value ? one.value->size() : 0);
                }
                EXPECT_FALSE(cursor.failed());
            }));
            ASSERT_EQ(found, (std::vector<std::pair<std::string, size_t>>{{"the key", used}, {"", 0}}));
        }
    }
}

TEST(BatchWriter, GrowsToItsBoundAndForOneLargeRecord) {
    BatchWriter writer({});
    writer.grow(100, 64 * 1024);
    EXPECT_EQ(writer.capacity(), 4096u);
    penstock_record record = PENSTOCK_RECORD_INIT;
    const std::string value(3000, 'x');
    record.value = view(value);
    for (int i = 0; i < 21; ++i) {
        writer.grow(BatchWriter::record_bytes_max(record, value.size()), 64 * 1024);
        writer.add(record, 1);
    }
    EXPECT_EQ(writer.capacity(), 64u * 1024);
    EXPECT_EQ(writer.count(), 21);
    BatchWriter large({});
    large.grow(1'000'000, 64 * 1024);
    EXPECT_GE(large.capacity(), 1'000'000u);
}

TEST(BatchWriter, WhatCompressionWouldGrowStaysAsItIs) {
    BatchWriter writer = writer_for(1000);
    penstock_record record = PENSTOCK_RECORD_INIT;
    record.value = {"x", 1};
    writer.add(record, 1);
    const uint32_t before = writer.size();
    writer.finish(wire::Codec::gzip);
    writer.stamp({});
    const Fragment made = writer.bytes();
    EXPECT_LE(made.size, std::max(before, writer.capacity()));
    EXPECT_TRUE(for_each_batch({made.data, made.size}, true, [](const auto&, auto) {}));
}

}  // namespace
}  // namespace penstock::client
