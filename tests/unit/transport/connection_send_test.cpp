// What leaves, and when: src/transport/connection_send.cpp.
#include <gtest/gtest.h>

#include "transport/pair.h"

namespace penstock::transport {
namespace {

TEST(ConnectionSend, no_more_than_the_window_is_under_way) {
    Pair pair;
    pair.exchange();   // the path's MTU is known after this
    pair.opener.open_stream();
    const std::string text(1'000'000, 'x');
    pair.push(pair.opener, 0, text);
    uint64_t bytes = 0;
    for (int i = 0; i < 100; ++i) {
        for (const auto& packet : pair.take(pair.opener)) bytes += packet.size();
        pair.now += microsecond_ns;
    }
    EXPECT_LE(bytes, pair.opener.congestion().window_bytes());
    EXPECT_GT(bytes, 0u);
}

TEST(ConnectionSend, packets_are_as_large_as_the_path_carries) {
    Pair pair;
    pair.exchange();
    EXPECT_EQ(pair.opener.datagram_bytes(), 1472u);
    pair.opener.open_stream();
    const std::string text(20'000, 'x');
    pair.push(pair.opener, 0, text);
    const auto packets = pair.take(pair.opener);
    ASSERT_GE(packets.size(), 2u);
    EXPECT_EQ(packets[0].size(), 1472u);
    EXPECT_EQ(packets[1].size(), 1472u);
}

TEST(ConnectionSend, streams_share_a_packet) {
    Pair pair;
    pair.exchange();
    for (uint32_t stream = 0; stream < 5; ++stream) {
        pair.opener.open_stream();
        pair.push(pair.opener, stream, "hello");
    }
    EXPECT_EQ(pair.take(pair.opener).size(), 1u);
}

TEST(ConnectionSend, acknowledgements_wait_for_something_to_go_with) {
    Pair pair;
    pair.exchange();
    pair.now += second_ns;
    pair.opener.open_stream();
    pair.push(pair.opener, 0, "question");
    for (const auto& packet : pair.take(pair.opener)) pair.give(pair.acceptor, packet);
    EXPECT_TRUE(pair.take(pair.acceptor).empty());
    pair.push(pair.acceptor, 0, "answer");
    const auto answer = pair.take(pair.acceptor);
    ASSERT_EQ(answer.size(), 1u);
    pair.give(pair.opener, answer[0]);
    EXPECT_EQ(pair.opener.pushes(0), 0u);   // it told of the question as well
    EXPECT_TRUE(pair.take(pair.opener).empty());
    pair.now += millisecond_ns;
    EXPECT_EQ(pair.take(pair.opener).size(), 1u);
}

TEST(ConnectionSend, what_was_lost_is_sent_again) {
    Pair pair;
    pair.exchange();
    pair.opener.open_stream();
    const std::string text(15'000, 'x');
    pair.push(pair.opener, 0, text);
    std::vector<std::vector<std::byte>> packets;
    for (int i = 0; i < 100; ++i) {   // they leave at a pace
        for (auto& packet : pair.take(pair.opener)) packets.push_back(std::move(packet));
        pair.now += 100 * microsecond_ns;
    }
    ASSERT_GT(packets.size(), 6u);
    packets.erase(packets.begin() + 1);
    for (const auto& packet : packets) pair.give(pair.acceptor, packet);
    pair.exchange();
    EXPECT_EQ(pair.read(pair.acceptor, 0).size(), text.size());
    EXPECT_EQ(pair.opener.counters().packets_lost, 1u);
    EXPECT_LT(pair.opener.counters().bytes_repeated, 1500u);
}

}  // namespace
}  // namespace penstock::transport
