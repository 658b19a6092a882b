#include "transport/send_stream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"

namespace penstock::transport {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

class SendStreamTest : public testing::Test {
protected:
    void push(SendStream& stream, const std::string& text, uint64_t token = 0, uint32_t piece = 7) {
        std::vector<Fragment> fragments;
        const auto bytes = bytes_of(text);
        for (size_t at = 0; at < bytes.size(); at += piece)
            fragments.push_back({bytes.data() + at, static_cast<uint32_t>(std::min<size_t>(piece, bytes.size() - at))});
        stream.push(fragments, token);
    }
    std::string text(SendStream& stream, const SendStream::Chunk& chunk) {
        std::vector<Fragment> fragments;
        stream.add_fragments(chunk, fragments);
        std::string text;
        for (const Fragment& fragment : fragments)
            text.append(reinterpret_cast<const char*>(fragment.data), fragment.size);
        EXPECT_EQ(text.size(), chunk.length);
        return text;
    }
    const std::string data_ = "the quick brown fox jumps over the lazy dog";
};

TEST_F(SendStreamTest, sends_in_order_and_says_when_all_arrived) {
    SendStream stream(1000);
    EXPECT_FALSE(stream.wants_to_send());
    push(stream, data_, 5);
    push(stream, data_, 6);
    const auto first = stream.next(50, 1000);
    ASSERT_TRUE(first);
    EXPECT_EQ(text(stream, *first), (data_ + data_).substr(0, 50));
    const auto second = stream.next(50, 1000);
    EXPECT_EQ(text(stream, *second), (data_ + data_).substr(50));
    EXPECT_FALSE(second->end);
    EXPECT_FALSE(stream.next(50, 1000));
    EXPECT_FALSE(stream.next_done());
    stream.acknowledged(0, 43, false);
    EXPECT_EQ(stream.next_done(), 5u);
    EXPECT_FALSE(stream.next_done());
    stream.acknowledged(43, 43, false);
    EXPECT_EQ(stream.next_done(), 6u);
    EXPECT_EQ(stream.pushes(), 0u);
    EXPECT_FALSE(stream.finished());
}

TEST_F(SendStreamTest, keeps_to_both_credits) {
    SendStream stream(10);
    push(stream, data_);
    EXPECT_EQ(stream.next(100, 4)->length, 4u);
    EXPECT_FALSE(stream.next(100, 0));
    EXPECT_EQ(stream.next(100, 100)->length, 6u);
    EXPECT_FALSE(stream.next(100, 100));
    EXPECT_FALSE(stream.wants_to_send());
    EXPECT_FALSE(stream.grant(10));
    EXPECT_FALSE(stream.grant(3));
    EXPECT_TRUE(stream.grant(12));
    EXPECT_EQ(stream.new_bytes(), 2u);
    stream.lost(0, 4, false);
    EXPECT_EQ(stream.next(100, 0)->length, 4u);   // what is repeated costs no credit
    EXPECT_FALSE(stream.next(100, 0));
}

TEST_F(SendStreamTest, the_end_is_sent_with_the_last_bytes_or_alone) {
    SendStream stream(1000);
    push(stream, data_);
    stream.end();
    EXPECT_FALSE(stream.next(40, 1000)->end);
    const auto last = stream.next(40, 1000);
    EXPECT_TRUE(last->end);
    EXPECT_FALSE(stream.next(40, 1000));
    stream.lost(last->offset, last->length, true);
    stream.acknowledged(0, 40, false);
    const auto again = stream.next(40, 1000);
    EXPECT_EQ(again->offset, 40u);
    EXPECT_TRUE(again->end);
    EXPECT_FALSE(stream.finished());
    stream.acknowledged(again->offset, again->length, true);
    EXPECT_TRUE(stream.finished());

    SendStream empty(0);
    empty.end();
    EXPECT_TRUE(empty.wants_to_send());
    const auto only = empty.next(40, 0);
    ASSERT_TRUE(only);
    EXPECT_EQ(only->length, 0u);
    EXPECT_TRUE(only->end);
    EXPECT_FALSE(empty.next(40, 0));
    empty.lost(0, 0, true);
    EXPECT_TRUE(empty.next(40, 0)->end);
    empty.acknowledged(0, 0, true);
    EXPECT_TRUE(empty.finished());
    EXPECT_FALSE(empty.wants_to_send());
}

TEST_F(SendStreamTest, what_arrived_after_all_is_not_repeated) {
    SendStream stream(1000);
    push(stream, data_);
    stream.next(10, 1000);
    stream.next(10, 1000);
    stream.next(10, 1000);
    stream.acknowledged(10, 10, false);
    stream.lost(0, 30, false);
    stream.acknowledged(0, 5, false);
    const auto first = stream.next(100, 0);
    EXPECT_EQ(first->offset, 5u);
    EXPECT_EQ(first->length, 5u);
    const auto second = stream.next(100, 0);
    EXPECT_EQ(second->offset, 20u);
    EXPECT_EQ(text(stream, *second), data_.substr(20, 10));
}

TEST_F(SendStreamTest, one_that_reaches_over_an_island_joins_the_next) {
    SendStream stream(1000);
    push(stream, data_, 5);
    stream.next(30, 1000);
    stream.next(13, 1000);
    stream.acknowledged(30, 13, false);
    stream.lost(0, 30, false);       // too early, as it turns out
    stream.next(10, 0);
    stream.next(10, 0);
    stream.acknowledged(10, 10, false);
    stream.acknowledged(0, 30, false);
    EXPECT_EQ(stream.next_done(), 5u);
}

TEST_F(SendStreamTest, everything_arrives_whatever_is_lost) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Random random(seed);
        SendStream stream(0);
        std::vector<std::string> texts;
        uint64_t total = 0;
        for (int i = 0; i < 5; ++i) {
            std::string& text = texts.emplace_back(random.below(300), '\0');
            for (char& letter : text) letter = static_cast<char>('a' + random.below(26));
            total += text.size();
        }
        std::string expected, arrived(total, '\0');
        for (uint64_t i = 0; i < texts.size(); ++i) {
            push(stream, texts[i], i, static_cast<uint32_t>(1 + random.below(40)));
            expected += texts[i];
        }
        stream.end();
        std::vector<SendStream::Chunk> under_way;
        uint64_t limit = 0, done = 0;
        for (int step = 0; !stream.finished(); ++step) {
            ASSERT_LT(step, 100'000);
            if (limit < total && random.chance(1, 3)) stream.grant(limit += random.below(100));
            if (const auto chunk = stream.next(static_cast<uint32_t>(1 + random.below(60)), 1000)) {
                arrived.replace(chunk->offset, chunk->length, text(stream, *chunk));
                under_way.push_back(*chunk);
            }
            if (under_way.empty() || random.chance(1, 2)) continue;
            const size_t which = random.below(under_way.size());
            const SendStream::Chunk chunk = under_way[which];
            under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
            const uint64_t fate = random.below(10);   // some are lost, some only seem so
            if (fate < 5) stream.lost(chunk.offset, chunk.length, chunk.end);
            if (fate >= 4) stream.acknowledged(chunk.offset, chunk.length, chunk.end);
            while (const auto token = stream.next_done()) EXPECT_EQ(*token, done++);
        }
        EXPECT_EQ(done, texts.size());
        EXPECT_EQ(arrived, expected);
        EXPECT_FALSE(stream.wants_to_send());
    }
}

TEST_F(SendStreamTest, one_that_is_given_up_wants_nothing) {
    SendStream stream(1000);
    push(stream, data_);
    stream.next(10, 1000);
    stream.lost(0, 10, false);
    stream.clear();
    EXPECT_FALSE(stream.wants_to_send());
    EXPECT_FALSE(stream.next(100, 1000));
    EXPECT_EQ(stream.pushes(), 0u);
    stream.acknowledged(0, 10, false);
    stream.lost(0, 10, false);
    EXPECT_FALSE(stream.wants_to_send());
}

}  // namespace
}  // namespace penstock::transport
