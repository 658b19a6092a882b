#include "transport/receive_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "transport/lending_link.h"

namespace penstock::transport {
namespace {

using Taken = ReceiveStream::Taken;
constexpr uint64_t copy_cost = ReceivedBuffers::copy_cost, room = 100'000;

class ReceiveStreamTest : public testing::Test {
protected:
    /// As the connection does: the burst is held while its packets are looked at.
    Taken take(ReceiveStream& stream, uint64_t offset, std::string_view text, bool end = false) {
        const io::IncomingBurst burst = link_.lend(text);
        const uint32_t buffer = buffers_.take(burst);
        const Taken taken = stream.take(offset, {burst.data, burst.size}, end, buffer, buffers_);
        buffers_.release(buffer);
        return taken;
    }
    std::string read(ReceiveStream& stream) {
        std::string text;
        while (const auto slice = stream.next()) {
            EXPECT_FALSE(slice->bytes.empty());
            text.append(reinterpret_cast<const char*>(slice->bytes.data()), slice->bytes.size());
            buffers_.release(slice->buffer);
        }
        return text;
    }

    LendingLink link_;
    ReceivedBuffers buffers_{link_, room};
};

TEST_F(ReceiveStreamTest, in_order_nothing_is_copied) {
    ReceiveStream stream(100);
    EXPECT_EQ(take(stream, 0, "hello "), Taken::kept);
    EXPECT_EQ(take(stream, 6, "world", true), Taken::kept);
    EXPECT_EQ(link_.lent(), 2u);
    EXPECT_EQ(buffers_.copied_bytes(), 0u);
    EXPECT_FALSE(stream.at_end());
    EXPECT_EQ(read(stream), "hello world");
    EXPECT_TRUE(stream.at_end());
    EXPECT_EQ(link_.lent(), 0u);
}

TEST_F(ReceiveStreamTest, what_comes_ahead_waits_in_a_copy) {
    ReceiveStream stream(100);
    EXPECT_EQ(take(stream, 6, "world"), Taken::kept);
    EXPECT_EQ(link_.lent(), 0u);
    EXPECT_EQ(buffers_.copied_bytes(), 5 + copy_cost);
    EXPECT_EQ(read(stream), "");
    EXPECT_EQ(take(stream, 4, "o "), Taken::kept);
    EXPECT_EQ(take(stream, 0, "hell"), Taken::kept);
    EXPECT_EQ(read(stream), "hello world");
    EXPECT_EQ(buffers_.copied_bytes(), 0u);
}

TEST_F(ReceiveStreamTest, when_the_link_runs_low_everything_is_copied) {
    link_.share = 0.4;
    ReceiveStream stream(2 * room);
    EXPECT_EQ(take(stream, 0, "hello"), Taken::kept);
    EXPECT_EQ(link_.lent(), 0u);
    EXPECT_EQ(buffers_.copied_bytes(), 5 + copy_cost);
    const std::string all(room - copy_cost, 'x');
    EXPECT_EQ(take(stream, 5, all), Taken::no_room);
    EXPECT_EQ(read(stream), "hello");
    EXPECT_EQ(take(stream, 5, all), Taken::kept);
    EXPECT_EQ(read(stream).size(), all.size());
}

TEST_F(ReceiveStreamTest, repeated_and_overlapping_bytes_are_kept_once) {
    ReceiveStream stream(100);
    take(stream, 0, "abc");
    take(stream, 0, "abc");
    take(stream, 1, "bcd");
    EXPECT_EQ(read(stream), "abcd");
    take(stream, 0, "abcd");
    EXPECT_EQ(link_.lent(), 0u);
    take(stream, 6, "gh");
    take(stream, 5, "fghi");
    EXPECT_EQ(buffers_.copied_bytes(), 4 + 3 * copy_cost);
    take(stream, 3, "defg");
    EXPECT_EQ(read(stream), "efghi");
    EXPECT_EQ(link_.lent(), 0u);
    EXPECT_EQ(buffers_.copied_bytes(), 0u);
}

TEST_F(ReceiveStreamTest, everything_comes_out_in_order_whatever_the_way_in) {
    std::string text;
    for (int i = 0; i < 500; ++i) text += static_cast<char>('a' + i % 26);
    for (uint64_t seed = 0; seed < 300; ++seed) {
        Random random(seed);
        ReceiveStream stream(text.size());
        std::string out;
        while (!stream.at_end()) {
            const size_t offset = random.chance(1, 3) ? stream.read() : random.below(text.size());
            const size_t length = random.below(std::min<size_t>(60, text.size() - offset) + 1);
            const bool end = offset + length == text.size();
            if (length == 0 && !end) continue;
            ASSERT_EQ(take(stream, offset, std::string_view(text).substr(offset, length), end), Taken::kept);
            if (random.chance(1, 4)) out += read(stream);
        }
        EXPECT_EQ(out, text);
        stream.clear(buffers_);
        ASSERT_EQ(link_.lent(), 0u);
        ASSERT_EQ(buffers_.copied_bytes(), 0u);
    }
}

TEST_F(ReceiveStreamTest, nothing_beyond_the_credit) {
    ReceiveStream stream(10);
    EXPECT_EQ(take(stream, 5, "123456"), Taken::beyond_credit);
    EXPECT_EQ(take(stream, 0, "1234567890"), Taken::kept);
    EXPECT_FALSE(stream.grant());
    EXPECT_EQ(read(stream), "1234567890");
    EXPECT_EQ(stream.grant(), 20u);
    EXPECT_FALSE(stream.grant());
    EXPECT_EQ(take(stream, 10, "1234"), Taken::kept);
    read(stream);
    EXPECT_FALSE(stream.grant());          // less than half of the window
    EXPECT_EQ(take(stream, 14, "5"), Taken::kept);
    read(stream);
    EXPECT_EQ(stream.grant(), 25u);
    EXPECT_EQ(take(stream, 15, "", true), Taken::kept);
    EXPECT_FALSE(stream.grant());          // nothing more will come
}

TEST_F(ReceiveStreamTest, copies_have_a_bound) {
    ReceivedBuffers few(link_, 10 + copy_cost);
    ReceiveStream stream(100);
    const std::string text = "0123456789";
    const auto bytes = std::as_bytes(std::span(text));
    EXPECT_EQ(stream.take(10, bytes, false, 0, few), Taken::kept);
    EXPECT_EQ(stream.take(30, bytes, false, 0, few), Taken::no_room);
    EXPECT_EQ(stream.highest(), 20u);
    const uint32_t buffer = few.take(link_.lend(text));
    EXPECT_EQ(stream.take(0, bytes, false, buffer, few), Taken::kept);   // in order there is room
    few.release(buffer);
    stream.clear(few);
}

TEST_F(ReceiveStreamTest, what_found_room_in_part_counts) {
    ReceivedBuffers few(link_, 2 * (5 + copy_cost));
    ReceiveStream stream(100);
    const std::string text = "0123456789abcdefghijklmnopqrst";
    const auto bytes = std::as_bytes(std::span(text));
    EXPECT_EQ(stream.take(10, bytes.subspan(10, 5), false, 0, few), Taken::kept);
    EXPECT_EQ(stream.take(5, bytes.subspan(5, 15), false, 0, few), Taken::no_room);   // from 15 on
    EXPECT_EQ(stream.take(15, bytes.subspan(15, 5), false, 0, few), Taken::no_room);
    EXPECT_EQ(stream.highest(), 15u);
    const uint32_t buffer = few.take(link_.lend(text.substr(0, 5)));
    EXPECT_EQ(stream.take(0, bytes.first(5), false, buffer, few), Taken::kept);
    few.release(buffer);
    uint64_t read = 0;
    while (const auto slice = stream.next()) {
        read += slice->bytes.size();
        few.release(slice->buffer);
    }
    EXPECT_EQ(read, 15u);
    // The gap behind is filled while there is room for one of its two parts.
    EXPECT_EQ(stream.take(25, bytes.subspan(25, 5), false, 0, few), Taken::kept);
    EXPECT_EQ(stream.take(20, bytes.subspan(20, 5), false, 0, few), Taken::kept);
    EXPECT_EQ(stream.take(18, bytes.subspan(18, 2), false, 0, few), Taken::no_room);
    EXPECT_EQ(stream.highest(), 30u);
    EXPECT_EQ(stream.take(15, {}, true, 0, few), Taken::contradiction) << "more was kept than that";
    stream.clear(few);
}

TEST_F(ReceiveStreamTest, pieces_have_a_bound_whatever_their_size) {
    constexpr uint64_t window = 1 << 20;
    ReceivedBuffers plenty(link_, uint64_t{1} << 30);
    ReceiveStream stream(window);
    const auto byte = std::as_bytes(std::span("x", 1));
    uint64_t kept = 0;
    while (stream.take(2 * kept + 1, byte, false, 0, plenty) == Taken::kept) ++kept;
    EXPECT_EQ(kept, window / 1024 + 64);
    // And in order, as long as nobody reads.
    const uint32_t buffer = plenty.take(link_.lend("x"));
    ReceiveStream other(window);
    for (kept = 0; other.take(kept, byte, false, buffer, plenty) == Taken::kept;) ++kept;
    EXPECT_EQ(kept, window / 64 + 64);
    const auto slice = other.next();
    ASSERT_TRUE(slice);
    plenty.release(slice->buffer);
    EXPECT_EQ(other.take(kept, byte, false, buffer, plenty), Taken::kept);
    other.clear(plenty);
    stream.clear(plenty);
    plenty.release(buffer);
    EXPECT_EQ(link_.lent(), 0u);
}

TEST_F(ReceiveStreamTest, the_end_cannot_move) {
    ReceiveStream stream(100);
    take(stream, 0, "abc");
    EXPECT_EQ(take(stream, 0, "ab", true), Taken::contradiction);
    EXPECT_EQ(take(stream, 3, "def", true), Taken::kept);
    EXPECT_EQ(take(stream, 3, "def", true), Taken::kept);
    EXPECT_EQ(take(stream, 6, "g"), Taken::contradiction);
    EXPECT_EQ(take(stream, 3, "defg", true), Taken::contradiction);
    EXPECT_EQ(take(stream, 3, "de", true), Taken::contradiction);
    stream.clear(buffers_);
    EXPECT_EQ(link_.lent(), 0u);
}

TEST_F(ReceiveStreamTest, a_reset_forgets_what_was_not_read) {
    ReceiveStream stream(100);
    take(stream, 0, "abc");
    take(stream, 5, "fgh");
    EXPECT_EQ(stream.reset(7, buffers_), Taken::contradiction);
    EXPECT_EQ(stream.reset(101, buffers_), Taken::beyond_credit);
    EXPECT_EQ(stream.reset(20, buffers_), Taken::kept);
    EXPECT_TRUE(stream.was_reset());
    EXPECT_TRUE(stream.at_end());
    EXPECT_EQ(stream.highest(), 20u);
    EXPECT_EQ(read(stream), "");
    EXPECT_EQ(link_.lent(), 0u);
    EXPECT_EQ(buffers_.copied_bytes(), 0u);
    EXPECT_EQ(take(stream, 8, "ijk"), Taken::kept);      // still under way when it was given up
    EXPECT_EQ(read(stream), "");
}

}  // namespace
}  // namespace penstock::transport
