#include "cli/batch_walk.h"

#include <gtest/gtest.h>

#include "wire/records.h"

namespace penstock::cli {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A batch of records "v<offset>" from `base` on.
std::vector<std::byte> make_batch(int64_t base, int count, wire::Codec codec = wire::Codec::none,
                                  int16_t attributes = 0) {
    wire::BatchBuilder builder;
    for (int i = 0; i < count; ++i) {
        const std::string value = "v" + std::to_string(base + i);
        const wire::RecordHeader header{.key = "h", .value = {}};
        builder.add(1000 + i, bytes_of("key"), bytes_of(value), {&header, 1});
    }
    wire::BatchHeader header;
    header.base_offset = Offset(base);
    header.attributes = attributes;
    std::vector<std::byte> out;
    EXPECT_TRUE(builder.finish(codec, header, out));
    return out;
}

std::vector<std::byte> join(std::initializer_list<std::vector<std::byte>> parts) {
    std::vector<std::byte> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

struct Walked {
    Outcome<BatchWalk::Result> result;
    std::vector<std::string> seen;
};

Walked walk(std::span<const std::byte> bytes, int64_t from, size_t enough = SIZE_MAX) {
    BatchWalk walk;
    std::vector<std::string> seen;
    auto result = walk.visit(bytes, "games", 3, from, [&](const ShownRecord& r) {
        EXPECT_EQ(r.value, "v" + std::to_string(r.offset));
        EXPECT_EQ(r.key, "key");
        EXPECT_EQ(r.headers.size(), 1u);
        EXPECT_EQ(r.topic, "games");
        EXPECT_EQ(r.partition, 3);
        seen.emplace_back(*r.value);
        return seen.size() < enough;
    });
    return {std::move(result), std::move(seen)};
}

TEST(BatchWalk, VisitsEveryCodec) {
    for (const auto codec : {wire::Codec::none, wire::Codec::gzip, wire::Codec::snappy, wire::Codec::lz4,
                             wire::Codec::zstd}) {
        const auto walked = walk(make_batch(10, 3, codec), 10);
        ASSERT_TRUE(walked.result) << walked.result.error().message;
        EXPECT_EQ(walked.seen, (std::vector<std::string>{"v10", "v11", "v12"}));
        EXPECT_EQ(walked.result->next_offset, 13);
    }
}

TEST(BatchWalk, BeginsInsideABatchAndGoesOn) {
    const auto walked = walk(join({make_batch(10, 3), make_batch(13, 2)}), 12);
    ASSERT_TRUE(walked.result);
    EXPECT_EQ(walked.seen, (std::vector<std::string>{"v12", "v13", "v14"}));
    EXPECT_EQ(walked.result->next_offset, 15);
    EXPECT_EQ(walked.result->whole_batches, 2u);
}

TEST(BatchWalk, StopsWhereTheVisitorHasEnough) {
    const auto walked = walk(join({make_batch(0, 3), make_batch(3, 3)}), 0, 4);
    ASSERT_TRUE(walked.result);
    EXPECT_TRUE(walked.result->stopped);
    EXPECT_EQ(walked.result->next_offset, 4);
    EXPECT_EQ(walked.seen.size(), 4u);
}

TEST(BatchWalk, LeavesACutOffBatchForTheNextFetch) {
    const auto first = make_batch(0, 2);
    const auto all = join({first, make_batch(2, 2)});
    for (size_t n = 0; n < all.size(); ++n) {
        const auto walked = walk(std::span(all).first(n), 0);
        ASSERT_TRUE(walked.result) << n;
        EXPECT_EQ(walked.result->next_offset, n < first.size() ? 0 : 2) << n;
    }
}

TEST(BatchWalk, PassesOverControlBatches) {
    const auto walked = walk(join({make_batch(0, 1), make_batch(1, 1, wire::Codec::none, wire::attribute_control),
                                   make_batch(2, 1)}), 0);
    ASSERT_TRUE(walked.result);
    EXPECT_EQ(walked.seen, (std::vector<std::string>{"v0", "v2"}));
    const auto at_end = walk(make_batch(7, 1, wire::Codec::none, wire::attribute_control), 7);
    EXPECT_EQ(at_end.result->next_offset, 8);
}

TEST(BatchWalk, EveryFlippedByteBehindTheEpochIsFound) {
    const auto good = make_batch(0, 2);
    for (size_t i = 16; i < good.size(); ++i) {  // base offset, length and epoch are outside the checksum
        auto bad = good;
        bad[i] ^= std::byte{0x40};
        const auto walked = walk(bad, 0);
        ASSERT_FALSE(walked.result) << i;
        EXPECT_NE(walked.result.error().message.find("games/3"), std::string::npos);
    }
}

TEST(BatchWalk, HostileLengthsAreFailuresOrNothing) {
    for (const int32_t length : {-1, 0, 10, 48, INT32_MIN}) {
        auto bad = make_batch(0, 1);
        store_be<int32_t>(&bad[8], length);
        EXPECT_FALSE(walk(bad, 0).result) << length;
    }
    auto huge = make_batch(0, 1);
    store_be<int32_t>(&huge[8], INT32_MAX);
    EXPECT_EQ(walk(huge, 0).result->whole_batches, 0u);
}

}  // namespace
}  // namespace penstock::cli
