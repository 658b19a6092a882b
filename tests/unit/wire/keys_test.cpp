#include "wire/keys.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/records.h"

namespace penstock::wire {
namespace {

/// Of a batch with these keys, "-" for none; the body in pieces.
Keys check(const std::vector<std::string>& keys, Codec codec, int32_t& record, int32_t count_changed_by = 0) {
    BatchBuilder builder;
    for (const std::string& key : keys) {
        builder.add(1000, key == "-" ? OptionalBytes() : OptionalBytes(std::as_bytes(std::span(key))),
                    std::as_bytes(std::span(key)));
    }
    std::vector<std::byte> batch;
    EXPECT_TRUE(builder.finish(codec, batch));
    BatchHeader header = parse_batch_header(std::span<const std::byte>(batch).first<batch_header_bytes>());
    header.record_count += count_changed_by;
    const auto size = static_cast<uint32_t>(batch.size() - batch_header_bytes);
    const Fragment pieces[] = {{batch.data() + batch_header_bytes, size / 3},
                               {batch.data() + batch_header_bytes + size / 3, size - size / 3}};
    const Fragment whole{batch.data() + batch_header_bytes, size};
    int32_t again = 0;
    const Keys found = check_keys(header, pieces, record);
    EXPECT_EQ(check_keys(header, {&whole, 1}, again), found);
    EXPECT_EQ(again, record);
    return found;
}

TEST(Keys, the_first_record_without_one_is_named) {
    for (Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        int32_t record = -1;
        EXPECT_EQ(check({"a", "", "c"}, codec, record), Keys::all) << "an empty key is a key";
        EXPECT_EQ(check({"a", "b", "-", "d", "-"}, codec, record), Keys::missing);
        EXPECT_EQ(record, 2);
    }
}

TEST(Keys, records_that_cannot_be_walked_are_told_apart) {
    int32_t record = 0;
    EXPECT_EQ(check({"a", "b"}, Codec::none, record, 1), Keys::broken);
    EXPECT_EQ(check({"a", "b"}, Codec::lz4, record, -1), Keys::broken);
    BatchHeader header;
    header.record_count = 1;
    header.attributes = 4;
    const std::byte noise[20] = {};
    const Fragment body{noise, sizeof noise};
    EXPECT_EQ(check_keys(header, {&body, 1}, record), Keys::broken);
}

}  // namespace
}  // namespace penstock::wire
