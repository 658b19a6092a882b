#include "broker/owner.h"

#include <gtest/gtest.h>

#include "broker/owner_rig.h"
#include "limits.h"

namespace penstock::broker {
namespace {

using OwnerTest = OwnerRig;

TEST_F(OwnerTest, makes_the_logs_of_a_view_in_bounded_steps) {
    open();
    const int32_t count = 3 * static_cast<int32_t>(limits::log_changes_per_turn);
    TopicView topic;
    topic.id = topic_id_;
    topic.partitions.resize(static_cast<size_t>(count));
    for (PartitionView& partition : topic.partitions) partition.leader = NodeId(1);
    topic_.view = std::make_shared<const TopicView>(topic);
    const Topic* changed = &topic_;
    owner_->apply(view_, {&changed, 1});
    EXPECT_TRUE(owner_->applying());
    store_turn();
    EXPECT_LE(store_->logs().size(), limits::log_changes_per_turn);
    run_until([&] { return !owner_->applying(); });
    EXPECT_EQ(store_->logs().size(), static_cast<size_t>(count));
}

TEST_F(OwnerTest, takes_only_the_partitions_of_its_shard_that_this_broker_leads) {
    options_.shard_count = 4;
    options_.shard = 2;
    open();
    apply(64);
    EXPECT_GT(store_->logs().size(), 4u);
    EXPECT_LT(store_->logs().size(), 40u);
    for (const log::Log* log : store_->logs()) EXPECT_EQ(log::shard_of(log->key(), 4), 2u);
}

TEST_F(OwnerTest, has_no_log_for_what_others_lead) {
    open();
    apply(3, NodeId(9));
    EXPECT_TRUE(store_->logs().empty());
    AppendCall& call = append_call(10);
    owner_->on_call(call, time_);
    EXPECT_EQ(owner_->poll_answer(), &call);
    EXPECT_EQ(call.error, ErrorCode::unknown_topic_or_partition);
}

TEST_F(OwnerTest, begins_the_epoch_of_the_view_and_never_an_older_one) {
    open();
    apply(1, NodeId(1), 5);
    EXPECT_EQ(log().leader_epoch(), LeaderEpoch(5));
    apply(1, NodeId(1), 4);
    EXPECT_EQ(log().leader_epoch(), LeaderEpoch(5));
    apply(1, NodeId(1), 6);
    EXPECT_EQ(log().leader_epoch(), LeaderEpoch(6));
}

TEST_F(OwnerTest, refuses_everything_once_another_broker_leads) {
    open();
    apply(1);
    append(100);
    Fetch& waiting = fetch({{0, 3}});
    apply(1, NodeId(9), 1);
    EXPECT_TRUE(answered(waiting.call));
    EXPECT_EQ(waiting.parts[0].error, ErrorCode::not_leader_or_follower);
    AppendCall& call = append_call(10);
    owner_->on_call(call, time_);
    turns(1);
    EXPECT_EQ(call.error, ErrorCode::not_leader_or_follower);
}

TEST_F(OwnerTest, removes_only_what_is_listed_as_deleted) {
    open();
    apply(2);
    append(100, 0);
    owner_->apply(view_, {});
    turns(3);
    EXPECT_EQ(store_->logs().size(), 2u) << "a topic that merely vanishes stays";
    delete_topic();
    EXPECT_TRUE(store_->logs().empty());
}

TEST_F(OwnerTest, answers_all_who_wait_when_a_topic_is_deleted) {
    open();
    apply(2);
    append(100, 0);
    directory_.stall_until(time_.now + second_ns);
    AppendCall& undurable = append_call(100, 1);
    owner_->on_call(undurable, time_);
    Fetch& watching = fetch({{0, 3}, {1, 0}});
    store_turn();
    delete_topic();
    EXPECT_TRUE(answered(undurable));
    EXPECT_EQ(undurable.error, ErrorCode::unknown_topic_or_partition);
    EXPECT_TRUE(answered(watching.call));
    EXPECT_EQ(watching.parts[0].error, ErrorCode::unknown_topic_or_partition);
}

TEST_F(OwnerTest, finds_deleted_logs_that_it_never_used) {
    open();
    log::LogConfig config;
    ASSERT_TRUE(store_->create(key(7), config, time_).has_value());
    delete_topic();
    EXPECT_TRUE(store_->logs().empty());
}

}  // namespace
}  // namespace penstock::broker
