// The codec on a message of our own: every type, and every way in which bytes from outside can be wrong.
#include "wire/codec.h"

#include <gtest/gtest.h>

#include "golden.h"

namespace penstock::wire {
namespace test_messages {

enum class Key : int16_t { sample = 30'000 };
inline constexpr Api sample_api{30'000, "Sample", 0, 9, 2, 2};
constexpr const Api& api_of(Key) { return sample_api; }

enum class Colour : int8_t { red = 1, blue = 2 };

struct Sample {
    static constexpr Key key = Key::sample;

    struct Item {
        int16_t number = 5;
        NullableString note;
        friend bool operator==(const Item&, const Item&) = default;
        template <class C>
        void fields(C& c) {
            c.field(number);
            c.field(note, from(0), nullable_from(1));
        }
    };

    bool flag = false;
    Colour colour = Colour::red;
    uint16_t port = 0;
    Uuid id;
    std::string_view name;
    Bytes blob;
    Nullable<Bytes> maybe_blob;
    Array<Item> items;
    Nullable<Array<Item>> maybe_items;
    Array<int32_t> numbers;
    Array<std::string_view> names;
    Item item;
    int64_t late = 9;
    Nullable<Item> maybe_item;
    int32_t tagged_number = 0;
    Item tagged_item;
    NullableString tagged_note;

    template <class C>
    void fields(C& c) {
        c.field(flag);
        c.field(colour);
        c.field(port);
        c.field(id, versions(1, 1));
        c.field(name);
        c.field(blob);
        c.field(maybe_blob, from(0), nullable_from(1));
        c.field(items);
        c.field(maybe_items);
        c.field(numbers);
        c.field(names);
        c.field(item);
        c.field(late, from(1));
        c.field(maybe_item, from(4));
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, tagged_number, from(2));
        c.tag(3, tagged_item, from(2));
        c.tag(200, tagged_note, from(3));
    }
};

}  // namespace test_messages

namespace {

using test_messages::Colour;
using test_messages::Sample;

struct Filled {
    std::vector<std::byte> blob = hex("c1c2");
    std::vector<Sample::Item> items{{7, "x"}};
    std::vector<int32_t> numbers{1, -1};
    std::vector<std::string_view> names{"a", ""};
    Sample message;

    Filled() {
        message.flag = true;
        message.colour = Colour::blue;
        message.port = 0xffee;
        message.id.bytes.fill(0x11);
        message.name = "nm";
        message.blob = blob;
        message.maybe_blob = Bytes();
        message.items = items;
        message.maybe_items = items;
        message.numbers = numbers;
        message.names = names;
        message.item = {8, "y"};
        message.late = 10;
    }
};

TEST(Codec, every_type_in_both_encodings) {
    Filled filled;
    expect_golden(filled.message, 0,
                  "01 02 ffee 0002 'nm' 00000002 c1c2 00000000"
                  "00000001 0007 0001 'x'  00000001 0007 0001 'x'"
                  "00000002 00000001 ffffffff  00000002 0001 'a' 0000  0008 0001 'y'");
    filled.message.maybe_blob.reset();
    filled.message.maybe_items.reset();
    filled.items[0].note.reset();
    expect_golden(filled.message, 1,
                  "01 02 ffee 11111111111111111111111111111111 0002 'nm' 00000002 c1c2 ffffffff"
                  "00000001 0007 ffff  ffffffff"
                  "00000002 00000001 ffffffff  00000002 0001 'a' 0000  0008 0001 'y' 000000000000000a");
    expect_golden(filled.message, 2,
                  "01 02 ffee 03 'nm' 03 c1c2 00"
                  "02 0007 00 00  00"
                  "03 00000001 ffffffff  03 02 'a' 01  0008 02 'y' 00 000000000000000a 00");
    filled.message.tagged_number = 4;
    filled.message.tagged_item.number = 6;
    filled.message.tagged_note = "note";
    expect_golden(filled.message, 3,
                  "01 02 ffee 03 'nm' 03 c1c2 00"
                  "02 0007 00 00  00"
                  "03 00000001 ffffffff  03 02 'a' 01  0008 02 'y' 00 000000000000000a"
                  "03 00 04 00000004  03 04 0006 00 00  c801 05 05 'note'");
    expect_all_versions(filled.message, 1, 9);
}

TEST(Codec, a_struct_that_may_be_null_says_so_in_a_byte) {
    Sample message;
    const std::string before = "00 01 0000 01 01 00 01 00 01 01 0005 00 00 0000000000000009";
    expect_golden(message, 4, before + "ff 00");
    message.maybe_item = Sample::Item{8, "z"};
    expect_golden(message, 4, before + "01 0008 02 'z' 00 00");
}

TEST(Codec, members_out_of_range_keep_their_defaults) {
    Filled filled;
    std::vector<std::byte> bytes = encoded(filled.message, 0);
    Fragment frame = fragment_of(bytes);
    Arena arena(4096);
    Reader reader(std::span(&frame, 1), arena);
    Sample message;
    ASSERT_TRUE(decode(reader, message, 0));
    EXPECT_TRUE(message.id.is_zero());
    EXPECT_EQ(message.late, 9);
    EXPECT_EQ(message.colour, Colour::blue);
    EXPECT_EQ(message.items.size(), 1u);
    EXPECT_EQ(message.item, (Sample::Item{8, "y"}));
}

Errc decode_error(std::string_view text, int16_t version, size_t arena_limit = 1 << 16) {
    std::vector<std::byte> bytes = hex(text);
    Fragment frame = fragment_of(bytes);
    Arena arena(arena_limit);
    Reader reader(std::span(&frame, 1), arena);
    Sample message;
    EXPECT_FALSE(decode(reader, message, version)) << text;
    EXPECT_LE(arena.used(), arena_limit);
    return reader.error();
}

TEST(Codec, nulls_and_negative_lengths_where_none_may_be) {
    const std::string start = "00 01 0000 ";
    EXPECT_EQ(decode_error(start + "ffff", 0), Errc::malformed);                              // name null
    EXPECT_EQ(decode_error(start + "fffe 0000000000000000000000000000", 0), Errc::malformed); // name -2
    EXPECT_EQ(decode_error(start + "0000 ffffffff 00000000", 0), Errc::malformed);            // blob null
    EXPECT_EQ(decode_error(start + "0000 80000000 00000000", 0), Errc::malformed);            // blob hugely negative
    EXPECT_EQ(decode_error(start + "0000 00000000 ffffffff 00000000", 0), Errc::malformed);   // maybe_blob null in 0
    EXPECT_EQ(decode_error(start + "0000 00000000 00000000 ffffffff", 0), Errc::malformed);   // items null
    EXPECT_EQ(decode_error(start + "0000 00000000 00000000 fffffffe", 0), Errc::malformed);   // items -2
    EXPECT_EQ(decode_error(start + "0000 00000000 00000000 00000000 fffffffe" + std::string(40, '0'), 0),
              Errc::malformed);                                                               // maybe_items -2
    EXPECT_EQ(decode_error(start + "00", 2), Errc::malformed);                                // compact name null
    EXPECT_EQ(decode_error(start + "01 01 01 00", 2), Errc::malformed);                       // compact items null
}

TEST(Codec, hostile_counts_allocate_nothing) {
    const std::string start = "00 01 0000 0000 00000000 00000000 ";
    std::vector<std::byte> bytes = hex(start + "7fffffff" + std::string(1000, '0'));
    Fragment frame = fragment_of(bytes);
    Arena arena(1 << 30);
    Reader reader(std::span(&frame, 1), arena);
    Sample message;
    EXPECT_FALSE(decode(reader, message, 0));
    EXPECT_EQ(reader.error(), Errc::malformed);
    EXPECT_EQ(arena.used(), 0u);
    // 500 bytes remain and an item takes four at least: 126 cannot be.
    EXPECT_EQ(decode_error(start + "0000007e" + std::string(1000, '0'), 0), Errc::malformed);
    EXPECT_EQ(decode_error("00 01 0000 01 01 00 ffffffff0f 00000000", 2), Errc::malformed);
}

TEST(Codec, memory_is_bounded_by_the_arena) {
    const std::string start = "00 01 0000 0000 00000000 00000000 ";
    EXPECT_EQ(decode_error(start + "00000064" + std::string(1000, '0'), 0, 1000), Errc::too_large);
}

TEST(Codec, long_strings) {
    const std::string end = "01 00 01 00 01 01 0005 00 00 0000000000000009 00";
    auto decodes = [&](const std::string& length, size_t size) {
        std::vector<std::byte> bytes = hex("00 01 0000 " + length + std::string(2 * size, '7') + end);
        Fragment frame = fragment_of(bytes);
        Arena arena(4096);
        Reader reader(std::span(&frame, 1), arena);
        Sample message;
        return decode(reader, message, 2) && reader.remaining() == 0;
    };
    EXPECT_TRUE(decodes("808002", 0x7fff));
    EXPECT_FALSE(decodes("818002", 0x8000));
    std::string text(40'000, 'x');
    Sample message;
    message.name = text;
    for (int16_t version : {int16_t{0}, int16_t{2}}) {
        Arena arena(1 << 20);
        Writer writer(arena);
        EXPECT_FALSE(encode(writer, message, version));
        EXPECT_EQ(writer.error(), Errc::too_large);
    }
}

TEST(Codec, nulls_that_a_version_cannot_write) {
    Sample message;  // maybe_blob is null
    Arena arena(4096);
    Writer writer(arena);
    EXPECT_FALSE(encode(writer, message, 0));
    EXPECT_EQ(writer.error(), Errc::malformed);
}

TEST(Codec, tag_sections) {
    const std::string body = "00 01 0000 01 01 00 01 00 01 01 0005 00 00 0000000000000009 ";
    auto decoded = [&](const std::string& tags, Sample& message) {
        static std::vector<std::byte> bytes;
        bytes = hex(body + tags);
        Fragment frame = fragment_of(bytes);
        static Arena arena(4096);
        Reader reader(std::span(&frame, 1), arena);
        message = {};
        return decode(reader, message, 2) && reader.remaining() == 0;
    };
    Sample message;
    EXPECT_TRUE(decoded("00", message));
    EXPECT_TRUE(decoded("01 00 04 00000007", message));
    EXPECT_EQ(message.tagged_number, 7);
    EXPECT_TRUE(decoded("02 01 00 02 01 ff", message));         // unknown
    EXPECT_TRUE(decoded("01 c801 02 02 'n'", message));         // not in version 2: unknown
    EXPECT_FALSE(message.tagged_note);
    EXPECT_FALSE(decoded("01 00 05 0000000700", message));      // longer than its content
    EXPECT_FALSE(decoded("01 00 03 00000007", message));        // shorter
    EXPECT_FALSE(decoded("01 00 7f 00000007", message));        // beyond the frame
    EXPECT_FALSE(decoded("02 00 04 00000007", message));        // fewer than announced
    EXPECT_FALSE(decoded("ffffffff0f", message));
    EXPECT_FALSE(decoded("01 01 ffffffff0f", message));
}

TEST(Codec, any_non_zero_byte_is_true) {
    std::vector<std::byte> bytes = hex("40 01 0000 01 01 00 01 00 01 01 0005 00 00 0000000000000009 00");
    Fragment frame = fragment_of(bytes);
    Arena arena(4096);
    Reader reader(std::span(&frame, 1), arena);
    Sample message;
    ASSERT_TRUE(decode(reader, message, 2));
    EXPECT_TRUE(message.flag);
}

}  // namespace
}  // namespace penstock::wire
