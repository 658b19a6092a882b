#include "groups_fixture.h"

namespace penstock::group {
namespace {

using broker::ErrorCode;

class Serve : public GroupsFixture {
protected:
    Serve() { settle(); }
    template <class C>
    ErrorCode error_of(C&& call, std::string_view group_id = "g") {
        ask(call, group_id);
        settle();
        held.pop_back();
        EXPECT_FALSE(call.held);
        return call.error;
    }
};

TEST_F(Serve, what_an_unknown_group_is_answered) {
    broker::JoinGroupCall join;
    join.member.member_id = "m";
    EXPECT_EQ(error_of(join), ErrorCode::unknown_member_id);
    EXPECT_EQ(error_of(broker::SyncGroupCall{}), ErrorCode::unknown_member_id);
    EXPECT_EQ(error_of(broker::HeartbeatCall{}), ErrorCode::unknown_member_id);
    EXPECT_EQ(error_of(broker::DeleteGroupCall{}), ErrorCode::group_id_not_found);
    EXPECT_EQ(error_of(broker::DeleteOffsetsCall{}), ErrorCode::group_id_not_found);
    broker::LeaveGroupCall::Member who{"m", {}};
    broker::LeaveGroupCall leave;
    leave.members = {&who, 1};
    EXPECT_EQ(error_of(leave), ErrorCode::none);
    EXPECT_EQ(who.error, ErrorCode::unknown_member_id);
    broker::DescribeGroupCall describe;
    ask(describe);
    held.pop_back();
    EXPECT_FALSE(describe.found);
    EXPECT_EQ(committed("t", 0), -1);
}

TEST_F(Serve, a_commit_of_a_generation_of_an_unknown_group_is_refused) {
    EXPECT_EQ(commit("t", 0, 1, "g", {"m", std::nullopt, 1}).call.error, ErrorCode::illegal_generation);
    broker::CommitOffsetsCall newer;
    newer.member = {"m", std::nullopt, 1};
    newer.unknown_group_is_not_found = true;
    EXPECT_EQ(error_of(newer), ErrorCode::group_id_not_found);
}

TEST_F(Serve, a_refused_join_leaves_no_group) {
    broker::JoinGroupCall join;
    join.session_timeout_ms = 1;
    EXPECT_EQ(error_of(join), ErrorCode::invalid_session_timeout);
    broker::ListGroupsCall list;
    ask(list);
    held.pop_back();
    EXPECT_TRUE(list.groups.empty());
}

TEST_F(Serve, only_members_commit_while_there_are_some) {
    const std::string member = join();
    EXPECT_EQ(commit("t", 0, 1).call.error, ErrorCode::unknown_member_id);
    EXPECT_EQ(commit("t", 0, 1, "g", {member, std::nullopt, 2}).call.error, ErrorCode::illegal_generation);
    EXPECT_EQ(commit("t", 0, 1, "g", {member, std::nullopt, 1}).call.error, ErrorCode::none);
}

TEST_F(Serve, a_group_is_deleted_for_good) {
    commit("t", 0, 5);
    commit("t", 1, 6);
    settle();
    EXPECT_EQ(error_of(broker::DeleteGroupCall{}), ErrorCode::none);
    EXPECT_EQ(error_of(broker::DeleteGroupCall{}), ErrorCode::group_id_not_found);
    EXPECT_EQ(committed("t", 0), -1);
    restart();
    EXPECT_EQ(committed("t", 0), -1);
    EXPECT_EQ(error_of(broker::DeleteGroupCall{}), ErrorCode::group_id_not_found);
}

TEST_F(Serve, a_group_with_members_is_not_deleted) {
    join();
    EXPECT_EQ(error_of(broker::DeleteGroupCall{}), ErrorCode::non_empty_group);
}

TEST_F(Serve, offsets_are_deleted_one_by_one) {
    commit("t", 0, 5);
    commit("t", 1, 6);
    settle();
    broker::DeleteOffsetsCall::Wanted wanted[] = {{"t", 0}, {"unknown", 0}};
    broker::DeleteOffsetsCall call;
    call.wanted = wanted;
    EXPECT_EQ(error_of(call), ErrorCode::none);
    EXPECT_EQ(wanted[0].error, ErrorCode::none);
    EXPECT_EQ(committed("t", 0), -1);
    EXPECT_EQ(committed("t", 1), 6);
    restart();
    EXPECT_EQ(committed("t", 0), -1);
    EXPECT_EQ(committed("t", 1), 6);
}

TEST_F(Serve, offsets_of_a_topic_that_somebody_reads_are_not_deleted) {
    const std::string member = join();
    commit("t", 0, 5, "g", {member, std::nullopt, 1});
    settle();
    broker::DeleteOffsetsCall::Wanted wanted{"t", 0};
    broker::DeleteOffsetsCall call;
    call.wanted = {&wanted, 1};
    EXPECT_EQ(error_of(call), ErrorCode::none);
    EXPECT_EQ(wanted.error, ErrorCode::group_subscribed_to_topic) << "its subscription cannot be read";
    EXPECT_EQ(committed("t", 0), 5);
}

TEST_F(Serve, all_groups_are_listed_with_their_state) {
    join("reading");
    commit("t", 0, 5, "alone");
    settle();
    broker::ListGroupsCall list;
    ask(list);
    held.pop_back();
    EXPECT_EQ(list.error, ErrorCode::none);
    ASSERT_EQ(list.groups.size(), 2u);
    EXPECT_EQ(list.groups[0].id, "alone");
    EXPECT_EQ(list.groups[0].state, "Empty");
    EXPECT_EQ(list.groups[0].protocol_type, "");
    EXPECT_EQ(list.groups[1].id, "reading");
    EXPECT_EQ(list.groups[1].state, "Stable");
    EXPECT_EQ(list.groups[1].protocol_type, "consumer");
}

TEST_F(Serve, a_list_says_that_it_is_not_complete_yet) {
    show(0, NodeId(1));
    settle();
    show(1, NodeId(1));
    broker::ListGroupsCall list;
    ask(list);
    held.pop_back();
    EXPECT_EQ(list.error, ErrorCode::coordinator_load_in_progress);
}

}  // namespace
}  // namespace penstock::group
