#include "group_fixture.h"

namespace penstock::group {
namespace {

using GroupRebalance = GroupFixture;

TEST_F(GroupRebalance, the_first_waits_for_more_members) {
    const Joining& first = join("");
    advance(2'000);
    const Joining& second = join("");
    advance(1'500);
    EXPECT_TRUE(first.waits()) << "somebody came: another three seconds";
    advance(2'500);
    EXPECT_FALSE(first.waits());
    EXPECT_FALSE(second.waits());
    EXPECT_EQ(first.call.members.size(), 2u);
}

TEST_F(GroupRebalance, the_first_waits_no_longer_than_the_rebalance_timeout) {
    const Joining& first = join("", {.rebalance_ms = 7'000});
    for (int i = 0; i < 7; ++i) {
        EXPECT_TRUE(first.waits()) << i;
        advance(1'000);
        join("", {.rebalance_ms = 7'000});
    }
    EXPECT_FALSE(first.waits());
}

TEST_F(GroupRebalance, without_a_delay_the_first_is_at_once) {
    host.settings.initial_rebalance_delay_ms = 0;
    const Joining& first = join("");
    advance(0);
    EXPECT_FALSE(first.waits());
    EXPECT_EQ(first.call.generation, 1);
}

TEST_F(GroupRebalance, a_later_one_ends_when_all_are_there) {
    const auto ids = stable(2);
    const Joining& third = join("");
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::rebalance_in_progress);
    EXPECT_TRUE(join(ids[1]).waits());
    const Joining& first = join(ids[0]);
    EXPECT_FALSE(third.waits());
    EXPECT_EQ(first.call.generation, 2);
    EXPECT_EQ(first.call.leader_id, ids[0]) << "the old leader, though it came last";
    EXPECT_EQ(first.call.members.size(), 3u);
}

TEST_F(GroupRebalance, whoever_does_not_come_back_is_removed) {
    const auto ids = stable(3);
    const Joining& second = join(ids[1], {.protocols = {{"range", "new"}}});
    for (int i = 0; i < 12; ++i) {
        advance(5'000);
        EXPECT_EQ(second.waits(), i < 11) << i;
        if (i < 11) heartbeat(ids[0]), heartbeat(ids[2]);
    }
    EXPECT_EQ(second.call.leader_id, ids[1]) << "the leader did not come";
    EXPECT_EQ(second.call.members.size(), 1u);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::unknown_member_id);
}

TEST_F(GroupRebalance, a_static_member_may_come_back_later) {
    const auto ids = stable(
        2, {{.rebalance_ms = 5'000}, {.instance = "b", .session_ms = 30'000, .rebalance_ms = 5'000}});
    const Joining& first = join(ids[0], {.protocols = {{"range", "new"}}, .rebalance_ms = 5'000});
    advance(5'000);
    EXPECT_FALSE(first.waits());
    EXPECT_EQ(first.call.members.size(), 2u);
    sync(ids[0], {{ids[0], "x"}});
    settle();
    advance(4'999);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::none);
    advance(1);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::rebalance_in_progress) << "but not later than the sync";
}

TEST_F(GroupRebalance, when_all_have_left_the_group_is_empty) {
    const auto ids = stable(2);
    const int stored = host.stored;
    EXPECT_EQ(leave(ids[0]), ErrorCode::none);
    EXPECT_EQ(leave(ids[1]), ErrorCode::none);
    EXPECT_EQ(group->state(), GroupState::empty);
    EXPECT_EQ(host.stored, stored + 1);
    EXPECT_EQ(group->generation(), 2);
    EXPECT_TRUE(join("").waits()) << "the next one waits for others again";
}

TEST_F(GroupRebalance, the_protocol_with_most_votes_that_all_know_is_chosen) {
    const Joining& one = join("", {.protocols = {{"a", ""}, {"b", ""}, {"c", ""}}});
    join("", {.protocols = {{"b", ""}, {"c", ""}}});
    join("", {.protocols = {{"c", ""}, {"b", ""}}});
    advance(60'000);
    EXPECT_EQ(one.call.chosen_protocol, "b");
}

TEST_F(GroupRebalance, whoever_does_not_sync_is_removed) {
    const Joining& first = join("");
    const Joining& second = join("");
    advance(6'000);
    ASSERT_EQ(group->state(), GroupState::completing_rebalance);
    const Syncing& waiting = sync(first.call.member_id, {{first.call.member_id, "x"}});
    settle();
    EXPECT_EQ(waiting.call.error, ErrorCode::none);
    for (int i = 0; i < 13; ++i) {
        heartbeat(first.call.member_id);
        heartbeat(second.call.member_id);
        advance(5'000);
    }
    EXPECT_EQ(heartbeat(second.call.member_id), ErrorCode::unknown_member_id);
    EXPECT_EQ(heartbeat(first.call.member_id), ErrorCode::rebalance_in_progress);
}

TEST_F(GroupRebalance, a_silent_member_is_removed_and_its_share_given_away) {
    const auto ids = stable(2);
    advance(9'999);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::none);
    advance(2);
    EXPECT_EQ(heartbeat(ids[1]), ErrorCode::unknown_member_id);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::rebalance_in_progress);
}

TEST_F(GroupRebalance, who_waits_in_a_join_is_not_taken_for_silent) {
    const auto ids = stable(2, {{.rebalance_ms = 300'000}, {.rebalance_ms = 300'000}});
    const Joining& waiting = join(ids[0], {.protocols = {{"range", "new"}}, .rebalance_ms = 300'000});
    for (int i = 0; i < 30; ++i) {
        heartbeat(ids[1]);
        advance(5'000);
    }
    EXPECT_TRUE(waiting.waits());
}

TEST_F(GroupRebalance, a_first_join_ends_after_five_minutes) {
    const auto ids = stable(1, {{.rebalance_ms = 600'000}});
    const Joining& fresh = join("", {.rebalance_ms = 600'000});
    for (int i = 0; i < 59; ++i) {
        heartbeat(ids[0]);
        advance(5'000);
    }
    EXPECT_TRUE(fresh.waits());
    heartbeat(ids[0]);
    advance(5'001);
    EXPECT_EQ(fresh.call.error, ErrorCode::unknown_member_id);
}

}  // namespace
}  // namespace penstock::group
