#include "group_fixture.h"
#include "limits.h"

namespace penstock::group {
namespace {

using GroupJoin = GroupFixture;

TEST_F(GroupJoin, a_session_timeout_out_of_bounds_is_refused) {
    EXPECT_EQ(join("", {.session_ms = 5'999}).call.error, ErrorCode::invalid_session_timeout);
    EXPECT_EQ(join("", {.session_ms = 1'800'001}).call.error, ErrorCode::invalid_session_timeout);
    EXPECT_TRUE(join("", {.session_ms = 6'000}).waits());
}

TEST_F(GroupJoin, a_new_member_is_given_an_id_first) {
    const Joining& asked = join("", {.id_required = true});
    EXPECT_EQ(asked.call.error, ErrorCode::member_id_required);
    EXPECT_EQ(asked.call.member_id, "client-1");
    EXPECT_TRUE(group->has_members());
    const Joining& again = join("client-1", {.id_required = true});
    EXPECT_TRUE(again.waits());
    advance(3'000);
    EXPECT_EQ(again.call.error, ErrorCode::none);
    EXPECT_EQ(again.call.member_id, "client-1");
    EXPECT_EQ(again.call.generation, 1);
}

TEST_F(GroupJoin, an_id_that_is_not_used_expires) {
    join("", {.id_required = true});
    advance(10'001);
    EXPECT_FALSE(group->has_members());
    EXPECT_EQ(join("client-1").call.error, ErrorCode::unknown_member_id);
}

TEST_F(GroupJoin, a_rebalance_waits_for_those_that_were_given_an_id) {
    const auto ids = stable(1);
    join("", {.session_ms = 8'000, .id_required = true});
    const Joining& old = join(ids[0]);
    EXPECT_TRUE(old.waits());
    advance(8'001);
    EXPECT_FALSE(old.waits()) << "the one with the id did not come";
    EXPECT_EQ(old.call.members.size(), 1u);
}

TEST_F(GroupJoin, unknown_members_and_strange_protocols_are_refused) {
    EXPECT_EQ(join("nobody").call.error, ErrorCode::unknown_member_id);
    EXPECT_EQ(join("", {.protocols = {}}).call.error, ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(join("", {.type = ""}).call.error, ErrorCode::inconsistent_group_protocol);
    EXPECT_TRUE(join("").waits());
    EXPECT_EQ(join("", {.type = "connect"}).call.error, ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(join("", {.protocols = {{"sticky", ""}}}).call.error, ErrorCode::inconsistent_group_protocol);
    EXPECT_TRUE(join("", {.protocols = {{"sticky", ""}, {"range", ""}}}).waits());
}

TEST_F(GroupJoin, a_full_group_takes_nobody_else) {
    host.settings.initial_rebalance_delay_ms = 100'000'000;
    for (size_t i = 0; i < limits::group_members; ++i) ASSERT_TRUE(join("").waits()) << i;
    EXPECT_EQ(join("").call.error, ErrorCode::group_max_size_reached);
}

TEST_F(GroupJoin, members_take_a_bounded_amount_of_memory) {
    const std::string subscription(120 * mib, 's');
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(join("", {.protocols = {{"range", subscription}}}).waits()) << i;
    EXPECT_EQ(join("", {.protocols = {{"range", subscription}}}).call.error, ErrorCode::group_max_size_reached);
    EXPECT_TRUE(join("").waits()) << "a small one has room";
}

TEST_F(GroupJoin, only_the_leader_learns_of_the_members) {
    const Joining& first = join("", {.protocols = {{"range", "one"}}});
    const Joining& second = join("", {.protocols = {{"range", "two"}}});
    advance(60'000);
    EXPECT_EQ(first.call.leader_id, first.call.member_id);
    EXPECT_EQ(second.call.leader_id, first.call.member_id);
    ASSERT_EQ(first.call.members.size(), 2u);
    EXPECT_EQ(first.call.members[0].metadata, "one");
    EXPECT_EQ(first.call.members[1].metadata, "two");
    EXPECT_TRUE(second.call.members.empty());
    EXPECT_EQ(second.call.chosen_protocol, "range");
    EXPECT_EQ(second.call.chosen_protocol_type, "consumer");
}

TEST_F(GroupJoin, a_follower_that_joins_again_unchanged_disturbs_nobody) {
    const auto ids = stable(2);
    const Joining& again = join(ids[1]);
    EXPECT_FALSE(again.waits());
    EXPECT_EQ(again.call.generation, 1);
    EXPECT_EQ(group->state(), GroupState::stable);
    EXPECT_TRUE(join(ids[1], {.protocols = {{"range", "changed"}}}).waits());
    EXPECT_EQ(group->state(), GroupState::preparing_rebalance);
}

TEST_F(GroupJoin, a_leader_that_joins_again_rebalances) {
    const auto ids = stable(2);
    EXPECT_TRUE(join(ids[0]).waits());
    EXPECT_EQ(group->state(), GroupState::preparing_rebalance);
}

TEST_F(GroupJoin, whoever_lost_the_answer_gets_it_again_before_the_sync) {
    const Joining& first = join("");
    advance(3'000);
    const Joining& again = join(first.call.member_id);
    EXPECT_FALSE(again.waits());
    EXPECT_EQ(again.call.generation, first.call.generation);
    EXPECT_EQ(again.call.members.size(), 1u) << "it leads";
}

TEST_F(GroupJoin, the_last_of_several_joins_of_a_member_counts) {
    const auto ids = stable(2);
    const Joining& first = join(ids[0]);
    const Joining& second = join(ids[0]);
    EXPECT_EQ(first.call.error, ErrorCode::rebalance_in_progress);
    EXPECT_TRUE(second.waits());
}

TEST_F(GroupJoin, a_cancelled_join_leaves_a_member_that_does_not_wait) {
    const auto ids = stable(2);
    Joining& given_up = join(ids[0]);
    group->forget(given_up.call);
    EXPECT_EQ(given_up.call.error, ErrorCode::rebalance_in_progress);
    EXPECT_TRUE(join(ids[1]).waits());
    advance(60'000);
    EXPECT_EQ(heartbeat(ids[0]), ErrorCode::unknown_member_id);
}

TEST_F(GroupJoin, a_static_member_that_starts_again_keeps_its_place) {
    const auto ids = stable(2, {{.instance = "a"}, {.instance = "b"}});
    EXPECT_EQ(ids[1], "b-2");
    const int stored = host.stored;
    const Joining& again = join("", {.instance = "b"});
    EXPECT_FALSE(again.waits());
    EXPECT_EQ(again.call.member_id, "b-3");
    EXPECT_EQ(again.call.generation, 1);
    EXPECT_EQ(again.call.leader_id, ids[0]);
    EXPECT_EQ(group->state(), GroupState::stable);
    EXPECT_EQ(host.stored, stored + 1);
    EXPECT_EQ(sync("b-3", {}, "b").call.assignment, "of b-2");
    EXPECT_EQ(sync("b-2", {}, "b").call.error, ErrorCode::fenced_instance_id);
    EXPECT_EQ(heartbeat("b-2"), ErrorCode::unknown_member_id);
}

TEST_F(GroupJoin, a_static_leader_that_starts_again_does_not_assign_anew) {
    const auto ids = stable(2, {{.instance = "a"}, {.instance = "b"}});
    const Joining& old_client = join("", {.instance = "a"});
    EXPECT_EQ(old_client.call.leader_id, ids[0]) << "not itself";
    EXPECT_TRUE(old_client.call.members.empty());
    const Joining& new_client = join("", {.instance = "a", .may_skip = true});
    EXPECT_EQ(new_client.call.leader_id, new_client.call.member_id);
    EXPECT_TRUE(new_client.call.skip_assignment);
    EXPECT_EQ(new_client.call.members.size(), 2u);
    EXPECT_EQ(group->state(), GroupState::stable);
}

TEST_F(GroupJoin, a_static_member_with_another_subscription_rebalances) {
    stable(2, {{.instance = "a"}, {.instance = "b"}});
    EXPECT_TRUE(join("", {.instance = "b", .protocols = {{"range", "other"}}}).waits());
    EXPECT_EQ(group->state(), GroupState::preparing_rebalance);
}

TEST_F(GroupJoin, a_static_member_that_starts_again_before_the_sync_rebalances) {
    const Joining& first = join("", {.instance = "a"});
    advance(3'000);
    EXPECT_EQ(first.call.error, ErrorCode::none);
    EXPECT_EQ(group->state(), GroupState::completing_rebalance);
    const Joining& again = join("", {.instance = "a"});
    EXPECT_FALSE(again.waits()) << "it is alone: all are there";
    EXPECT_EQ(again.call.generation, 2);
}

TEST_F(GroupJoin, what_the_replaced_one_waits_for_is_fenced) {
    stable(2, {{.instance = "a"}, {.instance = "b"}});
    const Joining& waiting = join("", {.instance = "b", .protocols = {{"range", "other"}}});
    ASSERT_TRUE(waiting.waits());
    const Joining& again = join("", {.instance = "b"});
    EXPECT_EQ(waiting.call.error, ErrorCode::fenced_instance_id);
    EXPECT_TRUE(again.waits());
}

}  // namespace
}  // namespace penstock::group
