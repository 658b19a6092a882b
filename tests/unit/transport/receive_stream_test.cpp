#include "transport/receive_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "transport/lending_link.h"

namespace penstock::transport {
namespace {

using Taken = ReceiveStream::Taken;

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
    ReceivedBuffers buffers_{link_, 1000};
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
    EXPECT_EQ(buffers_.copied_bytes(), 5u);
    EXPECT_EQ(read(stream), "");
    EXPECT_EQ(take(stream, 4, "o "), Taken::kept);
    EXPECT_EQ(take(stream, 0, "hell"), Taken::kept);
    EXPECT_EQ(read(stream), "hello world");
    EXPECT_EQ(buffers_.copied_bytes(), 0u);
}

TEST_F(ReceiveStreamTest, when_the_link_runs_low_everything_is_copied) {
    link_.share = 0.4;
    ReceiveStream stream(10'000);
    EXPECT_EQ(take(stream, 0, "hello"), Taken::kept);
    EXPECT_EQ(link_.lent(), 0u);
    EXPECT_EQ(buffers_.copied_bytes(), 5u);
    EXPECT_EQ(take(stream, 5, std::string(996, 'x')), Taken::no_room);
    EXPECT_EQ(read(stream), "hello");
    EXPECT_EQ(take(stream, 5, std::string(996, 'x')), Taken::kept);
    EXPECT_EQ(read(stream).size(), 996u);
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
    EXPECT_EQ(buffers_.copied_bytes(), 4u);
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
    ReceivedBuffers few(link_, 10);
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
