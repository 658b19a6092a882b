#include "coordinator/sessions.h"

#include <gtest/gtest.h>

namespace penstock::coordinator {
namespace {

constexpr int64_t timeout = 500 * millisecond_ns;
const Nanos start{1000 * second_ns};
constexpr io::ConnectionId connection{1};
const NodeId one{1}, two{2};

// Turns as often as it must until `to`.
void turn_until(Sessions& sessions, Nanos& now, Nanos to) {
    while (now < to) {
        now = std::min(to, std::max(sessions.next_tick(), now + 1));
        EXPECT_EQ(sessions.on_turn(now), Sessions::Grace::none);
    }
}

TEST(Sessions, SilenceEndsASession) {
    Sessions sessions(timeout, start);
    sessions.open(one, 5, connection, start);
    Nanos now = start;
    turn_until(sessions, now, start + (timeout - 1));
    EXPECT_TRUE(sessions.expired(now).empty());
    turn_until(sessions, now, start + timeout);
    EXPECT_EQ(sessions.expired(now), std::vector<NodeId>{one});
    sessions.end(one);
    EXPECT_EQ(sessions.find(one), nullptr);
    EXPECT_EQ(sessions.next_deadline(), never);
}

TEST(Sessions, AHeartbeatCountsOnlyIfItConfirmsTheLastAnswer) {
    Sessions sessions(timeout, start);
    Session& session = sessions.open(one, 5, connection, start);
    const int64_t first = session.sequence;
    sessions.confirm(session, first, start + 10);
    EXPECT_EQ(session.deadline, start + (10 + timeout));
    EXPECT_NE(session.sequence, first);
    sessions.confirm(session, first, start + 20);  // it has not heard the answer
    EXPECT_EQ(session.deadline, start + (10 + timeout));
    sessions.confirm(session, session.sequence, start + 30);
    EXPECT_EQ(session.deadline, start + (30 + timeout));
}

TEST(Sessions, ACoordinatorThatStoodStillFencesNobody) {
    Sessions sessions(timeout, start);
    sessions.open(one, 5, connection, start);
    sessions.grant(two, start);
    Nanos now = start + 10 * timeout;
    EXPECT_EQ(sessions.on_turn(now), Sessions::Grace::stood_still);
    EXPECT_TRUE(sessions.expired(now).empty());
    const Nanos woke = now;
    Session& back = *sessions.find(one);
    turn_until(sessions, now, woke + timeout / 4 * 3);
    sessions.confirm(back, back.sequence, now);
    turn_until(sessions, now, woke + timeout);
    sessions.confirm(back, back.sequence, now);
    EXPECT_EQ(sessions.expired(now), std::vector<NodeId>{two});
}

TEST(Sessions, ADeafCoordinatorFencesNobody) {
    Sessions sessions(timeout, start);
    Session& first = sessions.open(one, 5, connection, start);
    sessions.open(two, 6, io::ConnectionId{2}, start + 10 * millisecond_ns);
    int said = 0;
    Nanos now = start;
    while (now < start + 10 * timeout) {
        now = sessions.next_deadline();
        said += sessions.on_turn(now) == Sessions::Grace::hears_nobody;
        EXPECT_TRUE(sessions.expired(now).empty());
        ASSERT_GT(sessions.next_deadline(), now) << "turns without an end";
    }
    EXPECT_EQ(said, 1);
    // One is heard again: the other has a session in which to be.
    for (const Nanos until = now + 2 * timeout; now < until && sessions.expired(now).empty();) {
        sessions.confirm(first, first.sequence, now);
        now = now + timeout / 10;
        EXPECT_EQ(sessions.on_turn(now), Sessions::Grace::none);
    }
    EXPECT_EQ(sessions.expired(now), std::vector<NodeId>{two});
}

TEST(Sessions, OnlyTheSilentOneExpires) {
    Sessions sessions(timeout, start);
    sessions.open(one, 5, connection, start);
    Session& session = sessions.open(two, 6, io::ConnectionId{2}, start);
    Nanos now = start;
    for (int i = 0; i < 12; ++i) {
        turn_until(sessions, now, now + timeout / 10);
        sessions.confirm(session, session.sequence, now);
    }
    EXPECT_EQ(sessions.expired(now), std::vector<NodeId>{one});
}

TEST(Sessions, AnotherSessionReplacesTheFirst) {
    Sessions sessions(timeout, start);
    sessions.open(one, 5, connection, start).applied_revision = 9;
    sessions.open(one, 6, io::ConnectionId{2}, start + 1);
    EXPECT_EQ(sessions.find(one)->id, 6);
    EXPECT_EQ(sessions.find(one)->applied_revision, 0u);
    EXPECT_EQ(sessions.find(one)->connection, io::ConnectionId{2});
}

}  // namespace
}  // namespace penstock::coordinator
