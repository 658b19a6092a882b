#include "group/group.h"

#include "group_fixture.h"

namespace penstock::group {
namespace {

using GroupTest = GroupFixture;

TEST_F(GroupTest, assignments_go_out_when_they_are_durable) {
    const Joining& first = join("");
    const Joining& second = join("");
    finish(first);
    const std::string leader = first.call.member_id, follower = second.call.member_id;
    const Syncing& waiting = sync(follower);
    const Syncing& given = sync(leader, {{leader, "x"}, {follower, "y"}, {"stranger", "z"}});
    EXPECT_TRUE(waiting.waits());
    EXPECT_TRUE(given.waits()) << "not durable yet";
    settle();
    EXPECT_EQ(given.call.assignment, "x");
    EXPECT_EQ(waiting.call.assignment, "y");
    EXPECT_EQ(waiting.call.chosen_protocol, "range");
    EXPECT_EQ(sync(follower).call.assignment, "y") << "again, for whoever lost the answer";
}

TEST_F(GroupTest, a_member_without_an_assignment_gets_an_empty_one) {
    const auto ids = stable(2);
    join(ids[0]);
    const Joining& second = join(ids[1]);
    ASSERT_EQ(second.call.error, ErrorCode::none);
    const Syncing& forgotten = sync(ids[1]);
    sync(ids[0], {{ids[0], "all"}});
    settle();
    EXPECT_EQ(forgotten.call.error, ErrorCode::none);
    EXPECT_EQ(forgotten.call.assignment, "");
}

TEST_F(GroupTest, a_rebalance_ends_the_wait_for_assignments) {
    const Joining& first = join("");
    const Joining& second = join("");
    finish(first);
    const Syncing& waiting = sync(second.call.member_id);
    const Syncing& given = sync(first.call.member_id, {{first.call.member_id, "x"}});
    join("");
    EXPECT_EQ(waiting.call.error, ErrorCode::rebalance_in_progress);
    EXPECT_EQ(given.call.error, ErrorCode::rebalance_in_progress);
    settle();
    EXPECT_EQ(group->state(), GroupState::preparing_rebalance) << "what was stored is of an older generation";
    EXPECT_EQ(sync(second.call.member_id).call.error, ErrorCode::rebalance_in_progress);
}

TEST_F(GroupTest, a_sync_of_another_generation_or_protocol_is_refused) {
    const auto ids = stable(1);
    EXPECT_EQ(sync(ids[0], {}, {}, 7).call.error, ErrorCode::illegal_generation);
    EXPECT_EQ(sync("nobody").call.error, ErrorCode::unknown_member_id);
    broker::SyncGroupCall other;
    other.member = {ids[0], std::nullopt, 1};
    other.protocol = "sticky";
    other.held = true;
    group->sync(other);
    EXPECT_EQ(other.error, ErrorCode::inconsistent_group_protocol);
    broker::SyncGroupCall type;
    type.member = {ids[0], std::nullopt, 1};
    type.protocol_type = "connect";
    type.held = true;
    group->sync(type);
    EXPECT_EQ(type.error, ErrorCode::inconsistent_group_protocol);
}

TEST_F(GroupTest, heartbeats_say_where_the_group_stands) {
    const auto ids = stable(2);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::none);
    EXPECT_EQ(heartbeat("nobody"), ErrorCode::unknown_member_id);
    EXPECT_EQ(heartbeat(ids[0], 7), ErrorCode::illegal_generation);
    join("");
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::rebalance_in_progress);
    advance(60'000);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::unknown_member_id) << "it did not join again";
}

TEST_F(GroupTest, leaving_rebalances_the_others) {
    const auto ids = stable(2);
    EXPECT_EQ(leave("nobody"), ErrorCode::unknown_member_id);
    EXPECT_EQ(group->state(), GroupState::stable);
    EXPECT_EQ(leave(ids[0]), ErrorCode::none);
    EXPECT_EQ(group->state(), GroupState::preparing_rebalance);
    const Joining& other = join(ids[1]);
    EXPECT_FALSE(other.waits());
    EXPECT_EQ(other.call.leader_id, ids[1]);
}

TEST_F(GroupTest, static_members_are_removed_by_their_instance) {
    const auto ids = stable(2, {{.instance = "a"}, {.instance = "b"}});
    EXPECT_EQ(leave("", "c"), ErrorCode::unknown_member_id);
    EXPECT_EQ(leave(ids[0], "b"), ErrorCode::fenced_instance_id);
    EXPECT_EQ(leave("", "b"), ErrorCode::none);
    EXPECT_EQ(heartbeat(ids[1]), ErrorCode::unknown_member_id);
}

TEST_F(GroupTest, one_that_has_only_its_id_may_leave) {
    const auto ids = stable(1);
    const Joining& pending = join("", {.id_required = true});
    const Joining& old = join(ids[0]);
    EXPECT_TRUE(old.waits());
    EXPECT_EQ(leave(pending.call.member_id), ErrorCode::none);
    EXPECT_FALSE(old.waits());
}

TEST_F(GroupTest, who_may_commit) {
    EXPECT_EQ(check_commit("", -1), ErrorCode::none) << "nobody is in the group";
    EXPECT_EQ(check_commit("nobody", 3), ErrorCode::unknown_member_id);
    const auto ids = stable(2);
    EXPECT_EQ(check_commit("", -1), ErrorCode::unknown_member_id);
    EXPECT_EQ(check_commit("nobody", 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(check_commit(ids[0], 2), ErrorCode::illegal_generation);
    EXPECT_EQ(check_commit(ids[0], 1), ErrorCode::none);
    join(ids[0]);
    EXPECT_EQ(check_commit(ids[1], 1), ErrorCode::none) << "what it had read before the rebalance counts";
    join(ids[1]);
    EXPECT_EQ(check_commit(ids[1], 2), ErrorCode::rebalance_in_progress);
}

TEST_F(GroupTest, a_commit_is_a_sign_of_life) {
    const auto ids = stable(1);
    for (int i = 0; i < 5; ++i) {
        advance(9'000);
        EXPECT_EQ(check_commit(ids[0], 1), ErrorCode::none) << i;
    }
}

TEST_F(GroupTest, is_described) {
    const auto ids = stable(2, {{.protocols = {{"range", "sub"}}}, {.instance = "b"}});
    broker::DescribeGroupCall call;
    group->describe(call);
    EXPECT_TRUE(call.found);
    EXPECT_EQ(call.state, "Stable");
    EXPECT_EQ(call.protocol_type, "consumer");
    EXPECT_EQ(call.protocol, "range");
    ASSERT_EQ(call.members.size(), 2u);
    const auto dynamic = std::ranges::find(call.members, ids[0], &broker::DescribeGroupCall::Member::id);
    ASSERT_NE(dynamic, call.members.end());
    EXPECT_EQ(dynamic->metadata, "sub");
    EXPECT_EQ(dynamic->assignment, "of " + ids[0]);
    EXPECT_EQ(dynamic->client_host, "/127.0.0.1");
    EXPECT_FALSE(dynamic->instance_id.has_value());
    join("");
    broker::DescribeGroupCall unsettled;
    group->describe(unsettled);
    EXPECT_EQ(unsettled.state, "PreparingRebalance");
    EXPECT_EQ(unsettled.protocol, "");
    EXPECT_EQ(unsettled.members.front().assignment, "");
}

TEST_F(GroupTest, knows_what_consumers_subscribe_to) {
    // Version 1, the topics "a" and "bc", no user data.
    const std::string subscription("\0\1\0\0\0\2\0\1a\0\2bc\xff\xff\xff\xff", 17);
    EXPECT_FALSE(group->subscribes("a")) << "nobody is there";
    stable(1, {{.protocols = {{"range", subscription}}}});
    EXPECT_TRUE(group->subscribes("a"));
    EXPECT_TRUE(group->subscribes("bc"));
    EXPECT_FALSE(group->subscribes("b"));
}

TEST_F(GroupTest, takes_an_unreadable_subscription_for_everything) {
    stable(1, {{.protocols = {{"range", "nonsense"}}}});
    EXPECT_TRUE(group->subscribes("a"));
}

TEST_F(GroupTest, comes_back_from_its_record) {
    const auto ids = stable(3, {{.protocols = {{"range", "sub"}}}, {.instance = "b", .session_ms = 7'000}, {}});
    Arena arena(1 << 20);
    std::vector<std::byte> bytes;
    ASSERT_TRUE(encode(group->to_record(arena), bytes));
    std::vector<std::byte> key;
    ASSERT_TRUE(encode(GroupKey{"g"}, key));
    StoredRecord stored;
    ASSERT_TRUE(decode(key, bytes, arena, stored));
    ASSERT_TRUE(stored.group.has_value());
    group->disband(ErrorCode::not_coordinator);
    group.emplace("g", host);
    group->load(*stored.group);
    group->start_sessions();
    EXPECT_EQ(group->state(), GroupState::stable);
    EXPECT_EQ(group->generation(), 1);
    for (const std::string& id : ids) EXPECT_EQ(heartbeat(id), ErrorCode::none);
    EXPECT_EQ(sync(ids[1], {}, "b").call.assignment, "of " + ids[1]);
    EXPECT_FALSE(join(ids[1], {.instance = "b"}).waits()) << "nothing changed for it";
    advance(7'001);
    EXPECT_EQ(group->state(), GroupState::preparing_rebalance) << "sessions began with the load";
}

TEST_F(GroupTest, disbanding_answers_all_that_wait) {
    const Joining& waiting = join("");
    group->disband(ErrorCode::not_coordinator);
    EXPECT_EQ(waiting.call.error, ErrorCode::not_coordinator);
    EXPECT_EQ(host.heap.size(), 1u) << "the rebalance's own timer";
}

}  // namespace
}  // namespace penstock::group
