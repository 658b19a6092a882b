#include "wire/writer.h"

#include <gtest/gtest.h>

#include "golden.h"

namespace penstock::wire {
namespace {

TEST(Writer, numbers_varints_and_bytes) {
    Arena arena(1 << 16);
    Writer writer(arena);
    writer.number(int8_t{-1});
    writer.number(int16_t{0x0102});
    writer.number(int32_t{0x01020304});
    writer.number(int64_t{-2});
    writer.number(true);
    for (uint32_t value : {0u, 127u, 128u, 16384u, UINT32_MAX}) writer.uvarint(value);
    writer.bytes(hex("'abc'"));
    writer.bytes({});
    EXPECT_EQ(writer.size(), 16u + 12u + 3u);
    EXPECT_EQ(text_of(flatten(writer.finish())),
              text_of(hex("ff 0102 01020304 fffffffffffffffe 01  00 7f 8001 808001 ffffffff0f 'abc'")));
    EXPECT_TRUE(writer.ok());
}

TEST(Writer, many_chunks_make_the_same_bytes) {
    Arena arena(1 << 20);
    Writer writer(arena);
    std::vector<std::byte> expected;
    for (int32_t i = 0; i < 20'000; ++i) {
        writer.number(i);
        std::byte number[4];
        store_be(number, i);
        expected.insert(expected.end(), number, number + 4);
    }
    std::vector<std::byte> large(50'000, std::byte{7});
    writer.bytes(large);
    expected.insert(expected.end(), large.begin(), large.end());
    EXPECT_EQ(flatten(writer.finish()), expected);
    EXPECT_EQ(writer.size(), expected.size());
}

TEST(Writer, splices_without_copying) {
    std::vector<std::byte> records(1000, std::byte{5});
    std::vector<Fragment> pieces{{records.data(), 400}, {}, {records.data() + 400, 600}};
    Arena arena(1 << 16);
    Writer writer(arena);
    writer.number(int16_t{1});
    writer.splice(pieces);
    writer.splice({});
    writer.number(int16_t{2});
    writer.splice(std::span(pieces).first(1));
    std::span<const Fragment> chain = writer.finish();
    ASSERT_EQ(chain.size(), 5u);
    EXPECT_EQ(chain[1].data, records.data());
    EXPECT_EQ(chain[2].data, records.data() + 400);
    EXPECT_EQ(chain[4].data, records.data());
    EXPECT_EQ(writer.size(), 2u + 1000 + 2 + 400);
    EXPECT_EQ(total_size(chain), writer.size());
    // What is around the records shares one chunk.
    EXPECT_EQ(chain[3].data, chain[0].data + 2);
}

TEST(Writer, frames_begin_with_their_size) {
    std::vector<std::byte> records(300);
    Fragment piece = fragment_of(records);
    Arena arena(1 << 16);
    Writer writer(arena);
    writer.begin_frame();
    writer.number(int16_t{9});
    writer.splice(std::span(&piece, 1));
    std::vector<std::byte> bytes = flatten(writer.finish());
    ASSERT_EQ(bytes.size(), 306u);
    EXPECT_EQ(text_of(std::span(bytes).first(6)), text_of(hex("0000012e 0009")));
}

TEST(Writer, frames_that_the_size_field_cannot_say_are_too_large) {
    std::byte byte{};
    Fragment huge{&byte, UINT32_MAX / 2};  // named, never touched
    Arena arena(1 << 16);
    Writer writer(arena);
    writer.begin_frame();
    writer.splice(std::span(&huge, 1));
    EXPECT_FALSE(writer.finish().empty());
    writer.number(int8_t{0});
    EXPECT_TRUE(writer.finish().empty());
    EXPECT_EQ(writer.error(), Errc::too_large);
}

TEST(Writer, a_full_arena_sticks) {
    Arena arena(1000);
    Writer writer(arena);
    std::vector<std::byte> bytes(2000);
    writer.number(int32_t{1});
    writer.bytes(bytes);
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(writer.error(), Errc::too_large);
    writer.number(int32_t{1});
    writer.uvarint(1);
    writer.bytes(hex("00"));
    Fragment piece = fragment_of(bytes);
    writer.splice(std::span(&piece, 1));
    EXPECT_TRUE(writer.finish().empty());
}

TEST(Writer, a_full_arena_while_the_list_grows) {
    std::byte byte{};
    Fragment piece{&byte, 1};
    Arena arena(1200);
    Writer writer(arena);
    for (int i = 0; i < 1000; ++i) {
        writer.number(int8_t{1});
        writer.splice(std::span(&piece, 1));
    }
    EXPECT_FALSE(writer.ok());
    EXPECT_TRUE(writer.finish().empty());
}

TEST(Sizer, counts_what_the_writer_writes) {
    Sizer sizer;
    Arena arena(1 << 16);
    Writer writer(arena);
    std::vector<std::byte> bytes(77);
    Fragment piece = fragment_of(bytes);
    auto write = [&](auto& sink) {
        sink.number(int64_t{1});
        for (uint32_t value : {0u, 127u, 128u, 16383u, 16384u, 2097151u, 2097152u, 268435455u, 268435456u}) {
            sink.uvarint(value);
        }
        sink.bytes(bytes);
        sink.splice(std::span<const Fragment>(&piece, 1));
    };
    write(sizer);
    write(writer);
    EXPECT_EQ(sizer.size(), writer.size());
}

}  // namespace
}  // namespace penstock::wire
