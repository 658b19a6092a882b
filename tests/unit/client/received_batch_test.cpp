#include "client/received_batch.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::client {
namespace {

std::vector<std::byte> make_batch(int64_t base, int records, wire::Codec codec) {
    wire::BatchBuilder builder;
    const std::string value(100, 'v');
    for (int i = 0; i < records; ++i) builder.add(1000 + i, std::nullopt, std::as_bytes(std::span(value)));
    wire::BatchHeader header;
    header.base_offset = Offset{base};
    std::vector<std::byte> out;
    EXPECT_TRUE(builder.finish(codec, header, out).has_value());
    return out;
}

std::unique_ptr<ReceivedBatch> receive(const std::vector<std::byte>& bytes, int64_t from) {
    auto frame = std::make_shared<std::byte[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), frame.get());
    const auto header = wire::parse_batch_header(std::span(bytes).first<wire::batch_header_bytes>());
    const std::span<const std::byte> inside(frame.get(), bytes.size());
    return std::make_unique<ReceivedBatch>(std::move(frame), inside, header, from);
}

TEST(ReceivedBatch, PassesOverWhatLiesBeforeThePosition) {
    for (const wire::Codec codec : {wire::Codec::none, wire::Codec::lz4}) {
        const auto batch = receive(make_batch(50, 10, codec), 57);
        penstock_record_view record;
        for (int64_t offset = 57; offset < 60; ++offset) {
            ASSERT_EQ(batch->next(record), PENSTOCK_OK);
            EXPECT_EQ(record.offset, offset);
            EXPECT_EQ(record.timestamp, 1000 + offset - 50);
            EXPECT_EQ(record.value.size, 100u);
            EXPECT_EQ(record.key.data, nullptr);
        }
        EXPECT_EQ(batch->next(record), PENSTOCK_EMPTY);
        EXPECT_EQ(batch->next(record), PENSTOCK_EMPTY);
        EXPECT_EQ(batch->next_offset(), 60);
    }
}

TEST(ReceivedBatch, DamageIsAnError) {
    for (const wire::Codec codec : {wire::Codec::none, wire::Codec::gzip, wire::Codec::zstd}) {
        const std::vector<std::byte> good = make_batch(0, 10, codec);
        for (size_t at = wire::batch_header_bytes; at < good.size(); at += 7) {
            std::vector<std::byte> bad = good;
            bad[at] ^= std::byte{0x55};
            EXPECT_FALSE(for_each_batch(bad, true, [](const auto&, auto) {})) << at;
            // Without the checksum whatever happens ends, within the bytes.
            const auto batch = receive(bad, 0);
            penstock_record_view record;
            int records = 0;
            while (batch->next(record) == PENSTOCK_OK) ASSERT_LE(++records, 10);
        }
    }
}

TEST(ReceivedBatch, RowsOfBatchesEndWithTheLastWholeOne) {
    std::vector<std::byte> row = make_batch(0, 3, wire::Codec::none);
    const std::vector<std::byte> second = make_batch(3, 2, wire::Codec::none);
    row.insert(row.end(), second.begin(), second.end());
    for (size_t size = 0; size <= row.size(); ++size) {
        int seen = 0;
        ASSERT_TRUE(for_each_batch(std::span(row).first(size), true, [&](const auto&, auto) { ++seen; }));
        EXPECT_EQ(seen, size == row.size() ? 2 : size >= row.size() - second.size() ? 1 : 0) << size;
    }
    row[8] = std::byte{0xff};   // a length below nothing
    EXPECT_FALSE(for_each_batch(row, true, [](const auto&, auto) {}));
}

}  // namespace
}  // namespace penstock::client
