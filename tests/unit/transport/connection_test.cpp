#include "transport/connection.h"

#include <gtest/gtest.h>

#include "transport/pair.h"

namespace penstock::transport {
namespace {

TEST(Connection, streams_are_as_many_as_the_peer_allows) {
    Parameters few = generous();
    few.streams = 2;
    Pair pair(generous(), few);
    EXPECT_EQ(pair.opener.open_stream(), 0u);
    EXPECT_EQ(pair.opener.open_stream(), 1u);
    EXPECT_FALSE(pair.opener.open_stream());
    for (const uint32_t stream : {0u, 1u}) pair.opener.end(stream);
    pair.exchange();
    for (const uint32_t stream : {0u, 1u}) {
        pair.acceptor.end(stream);
        EXPECT_EQ(pair.read(pair.acceptor, stream), "");
        EXPECT_TRUE(pair.acceptor.at_end(stream));
    }
    pair.exchange();
    for (const uint32_t stream : {0u, 1u}) EXPECT_EQ(pair.read(pair.opener, stream), "");
    pair.exchange();
    EXPECT_EQ(pair.acceptor.streams(), 0u);
    EXPECT_EQ(pair.opener.streams(), 0u);
    EXPECT_EQ(pair.opener.open_stream(), 2u);   // those that are over make room
}

TEST(Connection, pushes_are_reported_in_order_and_once) {
    Pair pair;
    pair.opener.open_stream();
    const std::string text(20'000, 'x');
    for (uint64_t token = 0; token < 5; ++token) EXPECT_TRUE(pair.push(pair.opener, 0, text, token));
    pair.exchange();
    uint64_t next = 0;
    for (const Event& event : pair.events(pair.opener)) {
        EXPECT_EQ(event.kind, EventKind::pushed);
        EXPECT_EQ(event.token, next++);
    }
    EXPECT_EQ(next, 5u);
    EXPECT_EQ(pair.read(pair.acceptor, 0).size(), 5 * text.size());
}

TEST(Connection, too_many_pushes_are_refused_until_some_have_arrived) {
    Pair pair;
    pair.opener.open_stream();
    int taken = 0;
    while (taken < 1000 && pair.push(pair.opener, 0, "x")) ++taken;
    EXPECT_EQ(taken, 64);
    pair.exchange();
    EXPECT_TRUE(pair.push(pair.opener, 0, "x"));
    pair.opener.end(0);
    EXPECT_FALSE(pair.push(pair.opener, 0, "x"));
}

TEST(Connection, an_opener_shows_that_it_is_alive) {
    Pair pair;
    pair.exchange();
    const Nanos due = pair.opener.next_deadline();
    EXPECT_GT(due, pair.now + 9 * second_ns);
    EXPECT_LE(due, pair.now + 10 * second_ns);
    pair.now = due;
    pair.opener.on_deadline(pair.now);
    EXPECT_EQ(pair.take(pair.opener).size(), 1u);
}

TEST(Connection, silence_ends_it) {
    Pair pair;
    pair.exchange();
    pair.now += 31 * second_ns;
    pair.acceptor.on_deadline(pair.now);
    EXPECT_EQ(pair.closed(pair.acceptor), CloseCode::idle);
}

TEST(Connection, probes_come_ever_later_up_to_a_second) {
    Pair pair;
    pair.exchange();
    pair.opener.open_stream();
    pair.push(pair.opener, 0, "lost");
    EXPECT_FALSE(pair.take(pair.opener).empty());
    int64_t longest = 0;
    for (int i = 0; i < 12; ++i) {
        const Nanos due = pair.opener.next_deadline();
        const int64_t wait = due - pair.now;
        EXPECT_GE(wait + millisecond_ns, longest);
        EXPECT_LE(wait, second_ns);
        longest = std::max(longest, wait);
        pair.now = due;
        pair.opener.on_deadline(pair.now);
        EXPECT_LE(pair.take(pair.opener).size(), 2u);
    }
    EXPECT_GT(longest, second_ns / 2);
    pair.push(pair.opener, 0, " and found");
    pair.opener.on_deadline(pair.now += second_ns);
    pair.exchange();
    EXPECT_EQ(pair.read(pair.acceptor, 0), "lost and found");
}

TEST(Connection, closing_tells_the_peer_once) {
    Pair pair;
    pair.opener.close(CloseCode::shutting_down);
    EXPECT_EQ(pair.closed(pair.opener), CloseCode::shutting_down);
    const auto packets = pair.take(pair.opener);
    ASSERT_EQ(packets.size(), 1u);
    pair.give(pair.acceptor, packets[0]);
    EXPECT_EQ(pair.closed(pair.acceptor), CloseCode::shutting_down);
    EXPECT_TRUE(pair.take(pair.acceptor).empty());
    EXPECT_EQ(pair.opener.next_deadline(), never);
}

TEST(Connection, cancelled_streams_are_over_at_both_ends) {
    Pair pair;
    pair.opener.open_stream();
    pair.push(pair.opener, 0, "half of it");
    pair.exchange();
    pair.events(pair.acceptor);
    pair.acceptor.cancel(0);
    pair.exchange();
    bool over = false;
    for (const Event& event : pair.events(pair.opener)) over |= event.kind == EventKind::stream_over;
    EXPECT_TRUE(over);
    pair.opener.cancel(0);
    pair.exchange();
    EXPECT_EQ(pair.opener.streams(), 0u);
    EXPECT_EQ(pair.acceptor.streams(), 0u);
    EXPECT_EQ(pair.link.lent(), 0u);
}

}  // namespace
}  // namespace penstock::transport
