#include "wire/reader.h"

#include <gtest/gtest.h>

#include "golden.h"

namespace penstock::wire {
namespace {

// Every way to cut the bytes: each test runs its check on all of them.
template <class Check>
void for_all_cuts(std::string_view text, Check check) {
    std::vector<std::byte> bytes = hex(text);
    for (size_t piece = 1; piece <= bytes.size() + 1; ++piece) {
        SCOPED_TRACE("pieces of " + std::to_string(piece));
        Shredded shredded(bytes, piece);
        Arena arena(1 << 16);
        Reader reader(shredded.chain, arena);
        check(reader);
    }
}

TEST(Reader, numbers_are_big_endian) {
    for_all_cuts("ff 0102 fffe 01020304 0102030405060708 80", [](Reader& reader) {
        EXPECT_EQ(reader.remaining(), 18u);
        EXPECT_EQ(reader.number<int8_t>(), -1);
        EXPECT_EQ(reader.number<int16_t>(), 0x0102);
        EXPECT_EQ(reader.number<uint16_t>(), 0xfffe);
        EXPECT_EQ(reader.number<int32_t>(), 0x01020304);
        EXPECT_EQ(reader.number<int64_t>(), 0x0102030405060708);
        EXPECT_EQ(reader.number<int8_t>(), -128);
        EXPECT_TRUE(reader.ok());
        EXPECT_EQ(reader.remaining(), 0u);
    });
}

TEST(Reader, varints) {
    for_all_cuts("00 7f 8001 ff7f 808001 ffffffff0f", [](Reader& reader) {
        for (uint32_t expected : {0u, 127u, 128u, 16383u, 16384u, UINT32_MAX}) EXPECT_EQ(reader.uvarint(), expected);
        EXPECT_TRUE(reader.ok());
        EXPECT_EQ(reader.remaining(), 0u);
    });
    for (std::string_view wrong : {"ffffffff10", "8080808080", "808080808000", "ffffffffff0f", "80", "ffffff"}) {
        for_all_cuts(wrong, [](Reader& reader) {
            EXPECT_EQ(reader.uvarint(), 0u);
            EXPECT_FALSE(reader.ok());
            EXPECT_EQ(reader.error(), Errc::malformed);
        });
    }
}

TEST(Reader, views_join_what_straddles) {
    for_all_cuts("01 'hello' 02", [](Reader& reader) {
        EXPECT_EQ(reader.number<int8_t>(), 1);
        EXPECT_EQ(text_of(reader.view(5)), text_of(hex("'hello'")));
        EXPECT_TRUE(reader.view(0).empty());
        EXPECT_EQ(reader.number<int8_t>(), 2);
        EXPECT_TRUE(reader.view(0).empty());
        EXPECT_TRUE(reader.ok());
    });
}

TEST(Reader, views_lend_what_does_not) {
    std::vector<std::byte> bytes = hex("'abcdef'");
    Fragment parts[] = {{bytes.data(), 3}, {bytes.data() + 3, 3}};
    Arena arena(1 << 16);
    Reader reader(parts, arena);
    EXPECT_EQ(reader.view(3).data(), bytes.data());
    EXPECT_EQ(reader.view(3).data(), bytes.data() + 3);
    EXPECT_EQ(arena.used(), 0u);
}

TEST(Reader, fragments_lend_always) {
    for_all_cuts("01 0203040506 07", [](Reader& reader) {
        reader.skip(1);
        size_t used = reader.arena().used();
        std::span<const Fragment> lent = reader.fragments(5);
        EXPECT_EQ(text_of(flatten(lent)), text_of(hex("0203040506")));
        for (const Fragment& f : lent) EXPECT_GT(f.size, 0u);
        EXPECT_LE(reader.arena().used() - used, 16 * (sizeof(Fragment)));
        EXPECT_EQ(reader.number<int8_t>(), 7);
        EXPECT_TRUE(reader.fragments(0).empty());
        EXPECT_TRUE(reader.ok());
    });
}

TEST(Reader, skip_and_copy) {
    for_all_cuts("010203040506", [](Reader& reader) {
        reader.skip(0);
        reader.skip(2);
        std::byte out[3];
        reader.copy(out);
        EXPECT_EQ(text_of(out), text_of(hex("030405")));
        reader.skip(1);
        EXPECT_TRUE(reader.ok());
        EXPECT_EQ(reader.remaining(), 0u);
    });
}

TEST(Reader, too_little_is_malformed_and_sticks) {
    auto expect_failed = [](Reader& reader) {
        EXPECT_FALSE(reader.ok());
        EXPECT_EQ(reader.error(), Errc::malformed);
        EXPECT_EQ(reader.remaining(), 0u);
        EXPECT_EQ(reader.number<int64_t>(), 0);
        EXPECT_EQ(reader.uvarint(), 0u);
        EXPECT_TRUE(reader.view(1).empty());
        EXPECT_TRUE(reader.fragments(1).empty());
        reader.skip(1);
        EXPECT_FALSE(reader.ok());
    };
    for_all_cuts("010203", [&](Reader& reader) { EXPECT_EQ(reader.number<int32_t>(), 0); expect_failed(reader); });
    for_all_cuts("010203", [&](Reader& reader) { EXPECT_TRUE(reader.view(4).empty()); expect_failed(reader); });
    for_all_cuts("010203", [&](Reader& reader) {
        EXPECT_TRUE(reader.fragments(UINT64_MAX).empty());
        expect_failed(reader);
    });
    for_all_cuts("010203", [&](Reader& reader) { reader.skip(UINT64_MAX); expect_failed(reader); });
    for_all_cuts("010203", [&](Reader& reader) {
        std::byte out[4] = {std::byte{9}};
        reader.copy(out);
        EXPECT_EQ(out[0], std::byte{9});
        expect_failed(reader);
    });
    for_all_cuts("", [&](Reader& reader) { EXPECT_EQ(reader.number<int8_t>(), 0); expect_failed(reader); });
}

TEST(Reader, a_full_arena_is_too_large) {
    std::vector<std::byte> bytes(100);
    Shredded shredded(bytes, 10);
    Arena arena(50);
    Reader reader(shredded.chain, arena);
    EXPECT_TRUE(reader.view(60).empty());
    EXPECT_EQ(reader.error(), Errc::too_large);
    reader.fail(Errc::malformed);
    EXPECT_EQ(reader.error(), Errc::too_large);

    arena.reset();
    Reader again(shredded.chain, arena);
    EXPECT_TRUE(again.fragments(95).empty());
    EXPECT_EQ(again.error(), Errc::too_large);
}

}  // namespace
}  // namespace penstock::wire
