#include "group/groups.h"

#include "groups_fixture.h"

namespace penstock::group {
namespace {

using broker::ErrorCode;
using GroupsTest = GroupsFixture;

TEST_F(GroupsTest, are_not_served_before_they_are_loaded) {
    EXPECT_EQ(commit("t", 0, 1).call.error, ErrorCode::coordinator_load_in_progress);
    settle();
    EXPECT_EQ(commit("t", 0, 1).call.error, ErrorCode::none);
}

TEST_F(GroupsTest, of_a_partition_led_elsewhere_are_not_served) {
    settle();
    show(1, NodeId(2));
    EXPECT_EQ(commit("t", 0, 1).call.error, ErrorCode::not_coordinator);
}

TEST_F(GroupsTest, a_commit_is_answered_when_it_is_durable) {
    settle();
    Commit& first = commit("t", 0, 5);
    EXPECT_TRUE(first.call.held);
    turn();
    Commit& second = commit("t", 1, 6);
    turn();
    EXPECT_EQ(owner.open.size(), 1u) << "one write at a time";
    settle();
    EXPECT_FALSE(first.call.held);
    EXPECT_FALSE(second.call.held);
    EXPECT_EQ(owner.appends, 2);
    EXPECT_EQ(committed("t", 0), 5);
    EXPECT_EQ(committed("t", 1), 6);
}

TEST_F(GroupsTest, commits_of_a_turn_share_a_write) {
    settle();
    for (int i = 0; i < 100; ++i) commit("t", i, i);
    settle();
    EXPECT_EQ(owner.appends, 1);
}

TEST_F(GroupsTest, nobody_is_told_of_an_offset_that_is_not_durable) {
    settle();
    commit("t", 0, 5);
    turn();
    const broker::FetchOffsetsCall::Wanted wanted{"t", 0};
    broker::FetchOffsetsCall fetch;
    fetch.wanted = {&wanted, 1};
    ask(fetch);
    turn();
    EXPECT_TRUE(fetch.held);
    settle();
    EXPECT_EQ(fetch.offsets.at(0).offset, 5);
    held.pop_back();
}

TEST_F(GroupsTest, come_back_after_a_restart) {
    settle();
    const std::string member = join();
    commit("t", 0, 5, "g", {member, std::nullopt, 1});
    commit("u", 3, 7, "alone");
    settle();
    commit("t", 0, 8, "g", {member, std::nullopt, 1});
    settle();
    restart();
    EXPECT_EQ(committed("t", 0), 8);
    EXPECT_EQ(committed("u", 3, "alone"), 7);
    EXPECT_EQ(heartbeat(member, 1), ErrorCode::none);
}

TEST_F(GroupsTest, keep_what_belongs_to_an_offset) {
    settle();
    commit("t", 2, 5);
    settle();
    restart();
    broker::FetchOffsetsCall fetch;
    fetch.all = true;
    ask(fetch);
    settle();
    held.pop_back();
    ASSERT_EQ(fetch.offsets.size(), 1u);
    EXPECT_EQ(fetch.offsets[0].topic, "t");
    EXPECT_EQ(fetch.offsets[0].partition, 2);
    EXPECT_EQ(fetch.offsets[0].leader_epoch, 3);
    EXPECT_EQ(fetch.offsets[0].metadata, "about t");
    EXPECT_EQ(fetch.offsets[0].topic_id, make_uuid(7, 7));
}

TEST_F(GroupsTest, a_log_whose_start_has_moved_is_loaded_from_there) {
    settle();
    commit("t", 0, 5);
    settle();
    commit("t", 1, 6);
    settle();
    owner.logs[0].start = 1;
    std::erase_if(owner.logs[0].batches, [](const auto& b) { return b.base == 0; });
    restart();
    EXPECT_EQ(committed("t", 0), -1);
    EXPECT_EQ(committed("t", 1), 6);
}

TEST_F(GroupsTest, a_log_that_cannot_be_read_is_tried_again) {
    owner.refuse_fetches = ErrorCode::kafka_storage_error;
    settle();
    EXPECT_EQ(commit("t", 0, 1).call.error, ErrorCode::coordinator_load_in_progress);
    EXPECT_LE(groups->next_deadline(), time.now + second_ns);
    owner.refuse_fetches = ErrorCode::none;
    advance(1'000);
    EXPECT_EQ(commit("t", 0, 1).call.error, ErrorCode::none);
}

TEST_F(GroupsTest, what_cannot_be_written_did_not_happen) {
    settle();
    commit("t", 0, 5);
    settle();
    owner.refuse_appends = ErrorCode::kafka_storage_error;
    Commit& lost = commit("t", 0, 9);
    turn();
    Commit& behind = commit("t", 1, 9);
    settle();
    EXPECT_EQ(lost.call.error, ErrorCode::coordinator_not_available);
    EXPECT_EQ(behind.call.error, ErrorCode::coordinator_not_available);
    owner.refuse_appends = ErrorCode::none;
    advance(1'000);
    EXPECT_EQ(committed("t", 0), 5);
    EXPECT_EQ(committed("t", 1), -1);
}

TEST_F(GroupsTest, losing_the_partition_answers_all_that_wait) {
    settle();
    const std::string member = join();
    Commit& waiting = commit("t", 0, 5, "g", {member, std::nullopt, 1});
    turn();
    ASSERT_TRUE(waiting.call.held);
    show(1, NodeId(2));
    EXPECT_EQ(waiting.call.error, ErrorCode::not_coordinator);
    EXPECT_FALSE(groups->quiet()) << "the write is still under way";
    show(1, NodeId(1));
    settle();
    EXPECT_TRUE(groups->quiet());
    EXPECT_EQ(committed("t", 0), 5) << "it was written all the same, and loaded only behind that";
}

TEST_F(GroupsTest, a_cancelled_call_is_answered_at_once) {
    settle();
    Commit& waiting = commit("t", 0, 5);
    groups->on_cancel(waiting.call, time);
    take_answers();
    EXPECT_FALSE(waiting.call.held);
    EXPECT_EQ(waiting.call.error, ErrorCode::request_timed_out);
    groups->on_cancel(waiting.call, time);
    settle();
    EXPECT_EQ(committed("t", 0), 5);
}

TEST_F(GroupsTest, offsets_expire_when_the_group_has_been_empty_for_long) {
    settle();
    const std::string member = join();
    commit("t", 0, 5, "g", {member, std::nullopt, 1});
    commit("t", 0, 6, "alone");
    settle();
    const int64_t week_ms = options.groups.offsets_retention_ms;
    advance(10'001);  // the member's session; then nobody is left
    advance(10'001);
    advance(week_ms - 60'000);
    commit("t", 1, 7, "alone");
    settle();
    EXPECT_EQ(committed("t", 0), 5);
    advance(600'000);
    EXPECT_EQ(committed("t", 0), -1);
    EXPECT_EQ(committed("t", 0, "alone"), -1);
    EXPECT_EQ(committed("t", 1, "alone"), 7) << "each by itself where there was never a group";
    restart();
    EXPECT_EQ(committed("t", 0), -1);
    EXPECT_EQ(committed("t", 1, "alone"), 7);
}

TEST_F(GroupsTest, offsets_of_a_group_with_members_do_not_expire) {
    settle();
    const std::string member = join();
    commit("t", 0, 5, "g", {member, std::nullopt, 1});
    settle();
    for (int64_t at = 0; at < options.groups.offsets_retention_ms + 3'600'000; at += 3'600'000) {
        for (int k = 0; k < 3; ++k) heartbeat(member, 1);
        time.wall_ms += 3'600'000;
        advance(9'000);
        ASSERT_EQ(heartbeat(member, 1), ErrorCode::none);
    }
    advance(1'000);
    EXPECT_EQ(committed("t", 0), 5);
}

}  // namespace
}  // namespace penstock::group
