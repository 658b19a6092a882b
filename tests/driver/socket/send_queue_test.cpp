#include "socket/send_queue.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace penstock::socket {
namespace {

Fragment fragment(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), static_cast<uint32_t>(text.size())};
}

std::string text(std::span<const iovec> vectors) {
    std::string all;
    for (const iovec& v : vectors) all.append(static_cast<const char*>(v.iov_base), v.iov_len);
    return all;
}

TEST(SendQueue, puts_sends_in_a_row_and_reports_them_in_order) {
    SendQueue queue;
    const Fragment first[] = {fragment("ab"), fragment(""), fragment("cd")}, second[] = {fragment("efg")};
    queue.push(first, 1);
    queue.push(second, 2);
    EXPECT_EQ(text(queue.front(10, 100)), "abcdefg");
    uint64_t token = 0;
    EXPECT_FALSE(queue.take_finished(token));
    queue.consume(5);
    ASSERT_TRUE(queue.take_finished(token));
    EXPECT_EQ(token, 1u);
    EXPECT_FALSE(queue.take_finished(token));
    EXPECT_EQ(text(queue.front(10, 100)), "fg");
    queue.consume(2);
    ASSERT_TRUE(queue.take_finished(token));
    EXPECT_EQ(token, 2u);
    EXPECT_TRUE(queue.empty());
}

TEST(SendQueue, keeps_within_what_one_sendmsg_takes) {
    SendQueue queue;
    const Fragment pieces[] = {fragment("aaaa"), fragment("bbbb"), fragment("cccc")};
    queue.push(pieces, 1);
    EXPECT_EQ(text(queue.front(2, 100)), "aaaabbbb");
    EXPECT_EQ(text(queue.front(10, 5)), "aaaabbbb") << "the piece that reaches the bound is whole";
    EXPECT_EQ(text(queue.front(10, 4)), "aaaa");
}

TEST(SendQueue, sends_without_bytes_wait_their_turn) {
    SendQueue queue;
    const Fragment one[] = {fragment("x")};
    queue.push(one, 1);
    queue.push({}, 2);
    uint64_t token = 0;
    EXPECT_FALSE(queue.take_finished(token));
    queue.consume(1);
    EXPECT_TRUE(queue.take_finished(token) && queue.take_finished(token));
    EXPECT_EQ(token, 2u);
    EXPECT_TRUE(queue.front(1, 1).empty());
}

TEST(SendQueue, agrees_with_a_string_however_it_is_cut) {
    SendQueue queue;
    Random random(1);
    std::string alphabet;
    for (int i = 0; i < 4096; ++i) alphabet += static_cast<char>('a' + i % 26);
    uint64_t pushed = 0, consumed = 0, next_token = 0, expected_token = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (!queue.full() && random.chance(1, 2)) {
            std::vector<Fragment> pieces;
            for (uint64_t n = random.below(5); n > 0; --n) {
                const uint64_t size = random.below(30);
                pieces.push_back(fragment(std::string_view(alphabet).substr(pushed % 26, size)));
                pushed += size;
            }
            queue.push(pieces, next_token++);
        }
        const std::string next = text(queue.front(1 + random.below(8), 1 + random.below(100)));
        ASSERT_EQ(next, alphabet.substr(consumed % 26, next.size()));
        const uint64_t taken = random.below(next.size() + 1);
        queue.consume(taken);
        consumed += taken;
        for (uint64_t token = 0; queue.take_finished(token);) ASSERT_EQ(token, expected_token++);
    }
    while (consumed < pushed) {
        const std::string next = text(queue.front(4, 50));
        queue.consume(next.size());
        consumed += next.size();
    }
    for (uint64_t token = 0; queue.take_finished(token);) ASSERT_EQ(token, expected_token++);
    EXPECT_EQ(expected_token, next_token);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace penstock::socket
