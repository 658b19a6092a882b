// What a peer may not do, and what frames do: src/transport/connection_receive.cpp.
#include <gtest/gtest.h>

#include <array>

#include "transport/pair.h"

namespace penstock::transport {
namespace {

TEST(ConnectionReceive, credit_is_kept_or_the_connection_ends) {
    Parameters little = generous();
    little.stream_credit = 100;
    little.connection_credit = 150;
    little.streams = 3;
    {
        Pair pair(generous(), little);
        pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.stream(0, 101, 0, true); });
        EXPECT_EQ(pair.closed(pair.acceptor), CloseCode::credit_exceeded);
    }
    {
        Pair pair(generous(), little);
        pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.stream(0, 100, 0, true); });
        EXPECT_FALSE(pair.closed(pair.acceptor));
        pair.give_frames(pair.acceptor, 1, [](FrameWriter& w) { w.stream(1, 51, 0, true); });
        EXPECT_EQ(pair.closed(pair.acceptor), CloseCode::credit_exceeded);
    }
    {
        Pair pair(generous(), little);
        pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.stream_credit(2, 10); });
        EXPECT_FALSE(pair.closed(pair.acceptor));
        pair.give_frames(pair.acceptor, 1, [](FrameWriter& w) { w.stream_credit(3, 10); });
        EXPECT_EQ(pair.closed(pair.acceptor), CloseCode::credit_exceeded);
    }
}

TEST(ConnectionReceive, what_cannot_be_ends_it) {
    const auto ends_with = [](bool opener, const std::function<void(FrameWriter&)>& write) {
        Pair pair;
        Connection& to = opener ? pair.opener : pair.acceptor;
        pair.give_frames(to, 0, write);
        return pair.closed(to);
    };
    const auto violation = CloseCode::protocol_violation;
    const std::array<NumberRange, 1> never_sent{NumberRange{5, 5}};
    EXPECT_EQ(ends_with(false, [&](FrameWriter& w) { w.acknowledgement(never_sent, 0); }), violation);
    EXPECT_EQ(ends_with(false, [](FrameWriter& w) { w.streams_credit(9); }), violation);
    EXPECT_EQ(ends_with(true, [](FrameWriter& w) { w.stream(0, 0, 0, true); }), violation);   // never opened
    EXPECT_EQ(ends_with(true, [](FrameWriter& w) { w.stream_stop(0, 0); }), violation);
    EXPECT_EQ(ends_with(false, [](FrameWriter& w) { w.stream(0, 5, 0, true), w.stream(0, 6, 0, true); }), violation);
    EXPECT_EQ(ends_with(false, [](FrameWriter& w) { w.stream(0, 5, 0, true), w.stream_reset(0, 4, 8); }), violation);
    EXPECT_EQ(ends_with(false, [](FrameWriter& w) { w.stream(0, 0, 9, false); }), violation);   // cut off
    EXPECT_EQ(ends_with(false, [](FrameWriter& w) { w.close(4); }), CloseCode::not_proven);
    EXPECT_FALSE(ends_with(false, [](FrameWriter& w) { w.ping(); }));
}

TEST(ConnectionReceive, a_number_counts_once) {
    Pair pair;
    for (int i = 0; i < 3; ++i) pair.give_frames(pair.acceptor, 7, [](FrameWriter& w) { w.stream_credit(0, 1); });
    EXPECT_EQ(pair.acceptor.counters().packets_repeated, 2u);
    EXPECT_EQ(pair.events(pair.acceptor).size(), 1u);   // the stream, opened once
}

TEST(ConnectionReceive, a_frame_opens_its_stream_and_those_below) {
    Pair pair;
    pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.stream_credit(3, 1); });
    const auto events = pair.events(pair.acceptor);
    ASSERT_EQ(events.size(), 4u);
    for (uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(events[i].kind, EventKind::stream_opened);
        EXPECT_EQ(events[i].stream, i);
    }
}

TEST(ConnectionReceive, readable_is_told_once_until_all_was_read) {
    Pair pair;
    pair.opener.open_stream();
    pair.push(pair.opener, 0, "a");
    pair.exchange();
    pair.push(pair.opener, 0, "b");
    pair.exchange();
    int told = 0;
    for (const Event& event : pair.events(pair.acceptor)) told += event.kind == EventKind::readable;
    EXPECT_EQ(told, 1);
    EXPECT_EQ(pair.read(pair.acceptor, 0), "ab");
    pair.push(pair.opener, 0, "c");
    pair.exchange();
    EXPECT_EQ(pair.events(pair.acceptor).size(), 1u);
}

TEST(ConnectionReceive, what_is_not_read_is_not_granted_again) {
    Parameters little = generous();
    little.stream_credit = 1000;
    Pair pair(generous(), little);
    pair.opener.open_stream();
    const std::string text(5000, 'x');
    pair.push(pair.opener, 0, text);
    pair.exchange();
    size_t read = 0;
    for (int i = 0; i < 20 && read < text.size(); ++i) {
        const size_t got = pair.read(pair.acceptor, 0).size();
        EXPECT_LE(got, 1000u);
        read += got;
        pair.exchange();
    }
    EXPECT_EQ(read, text.size());
}

}  // namespace
}  // namespace penstock::transport
