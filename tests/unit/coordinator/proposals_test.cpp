#include "coordinator/proposals.h"

#include <gtest/gtest.h>

#include <functional>

#include "cluster.h"
#include "limits.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using wire::node::InSyncMember;
using wire::node::ProposedPartition;

// Brokers 1 to 5 of which 4 is fenced and 5 about to stop; 1 leads under epoch 4, and the record has changed twice.
State five_brokers() {
    State state = cluster(5);
    state.set_broker(broker(4, true));
    state.set_broker(stopping_broker(5));
    state.add_topic(topic(7, "a", {partition(1, {3, 1, 2, 4, 5}, {1, 2}, 4, 2)}));
    state.take_transaction();
    return state;
}

InSyncMember member(int32_t id) { return {id, broker(id).incarnation}; }

struct Proposal {
    std::vector<InSyncMember> isr{member(1), member(2)};
    ProposedPartition fields{.topic = numbered(7), .partition = 0, .leader_epoch = 4, .partition_epoch = 2, .isr = {}};
    int32_t proposer = 1;

    ProposalOutcome take(State& state) {
        fields.isr = isr;
        return take_proposals(state, NodeId{proposer}, std::span(&fields, 1)).at(0);
    }
};

TEST(Proposals, ALeaderThatResignsIsFollowedByAnotherOfTheSet) {
    State state = five_brokers();
    Proposal proposal{.isr = {member(2)}};
    const ProposalOutcome outcome = proposal.take(state);
    EXPECT_EQ(outcome.error, ErrorCode::none) << outcome.message;
    ASSERT_TRUE(outcome.record.has_value());
    EXPECT_EQ(outcome.record->leader, NodeId{2});
    EXPECT_EQ(outcome.record->leader_epoch, LeaderEpoch{5});
    EXPECT_EQ(outcome.record->isr, ids({2}));
}

TEST(Proposals, ALeaderThatResignsMustLeaveSomebodyWhoMayLead) {
    State state = five_brokers();
    state.set_broker(stopping_broker(2));
    state.take_transaction();
    Proposal proposal{.isr = {member(2)}};
    const ProposalOutcome outcome = proposal.take(state);
    EXPECT_EQ(outcome.error, ErrorCode::ineligible_replica);
    EXPECT_NE(outcome.message.find("may lead"), std::string::npos);
    EXPECT_EQ(outcome.record->leader, NodeId{1});
}

TEST(Proposals, WhatIsTaken) {
    struct Case {
        const char* what;
        std::vector<InSyncMember> isr;
        std::vector<NodeId> record;
        int32_t partition_epoch;
    };
    const std::vector<Case> table{
        {"it shrinks", {member(1)}, ids({1}), 3},
        {"it grows", {member(2), member(1), member(3)}, ids({3, 1, 2}), 3},
        {"both", {member(1), member(3)}, ids({3, 1}), 3},
        {"it stays, in another order", {member(2), member(1)}, ids({1, 2}), 2},
    };
    for (const Case& c : table) {
        State state = five_brokers();
        Proposal proposal{.isr = c.isr};
        const ProposalOutcome outcome = proposal.take(state);
        EXPECT_EQ(outcome.error, ErrorCode::none) << c.what << outcome.message;
        ASSERT_TRUE(outcome.record.has_value());
        EXPECT_EQ(*outcome.record, state.topic("a")->partitions[0]);
        EXPECT_EQ(outcome.record->isr, c.record) << c.what;
        EXPECT_EQ(outcome.record->partition_epoch, c.partition_epoch) << c.what;
        EXPECT_EQ(outcome.record->leader, NodeId{1}) << "a better candidate changes nothing";
        EXPECT_EQ(outcome.record->leader_epoch, LeaderEpoch{4});
        EXPECT_EQ(state.dirty_rows() > 0, c.partition_epoch > 2) << c.what;
    }
}

TEST(Proposals, WhatIsRefusedChangesNothing) {
    struct Case {
        const char* what;
        std::function<void(Proposal&)> change;
        ErrorCode error;
        const char* message;
    };
    const std::vector<Case> table{
        {"another topic", [](auto& p) { p.fields.topic = numbered(8); }, ErrorCode::unknown_topic_id, ""},
        {"no topic", [](auto& p) { p.fields.topic = {}; }, ErrorCode::unknown_topic_id, ""},
        {"beyond", [](auto& p) { p.fields.partition = 1; }, ErrorCode::unknown_topic_or_partition, ""},
        {"negative", [](auto& p) { p.fields.partition = INT32_MIN; }, ErrorCode::unknown_topic_or_partition, ""},
        {"not the leader", [](auto& p) { p.proposer = 2; }, ErrorCode::fenced_leader_epoch, "not the leader"},
        {"an old leader epoch", [](auto& p) { p.fields.leader_epoch = 3; }, ErrorCode::fenced_leader_epoch, "4, not 3"},
        {"a later leader epoch", [](auto& p) { p.fields.leader_epoch = 5; }, ErrorCode::fenced_leader_epoch, ""},
        {"an old record", [](auto& p) { p.fields.partition_epoch = 1; }, ErrorCode::invalid_update_version, "2, not 1"},
        {"a later record", [](auto& p) { p.fields.partition_epoch = 3; }, ErrorCode::invalid_update_version, ""},
        {"nobody", [](auto& p) { p.isr.clear(); }, ErrorCode::invalid_request, "empty"},
        {"a leader that leaves and brings somebody", [](auto& p) { p.isr = {member(2), member(3)}; },
         ErrorCode::invalid_request, "adds none"},
        {"twice", [](auto& p) { p.isr.push_back(member(2)); }, ErrorCode::invalid_request, "twice"},
        {"too many", [](auto& p) { p.isr.assign(limits::replication_factor_max + 1, member(1)); },
         ErrorCode::invalid_request, "at most"},
        {"fenced", [](auto& p) { p.isr.push_back(member(4)); }, ErrorCode::ineligible_replica, "not alive"},
        {"about to stop", [](auto& p) { p.isr.push_back(member(5)); }, ErrorCode::ineligible_replica, "stop"},
        {"not a replica", [](auto& p) { p.isr.push_back(member(6)); }, ErrorCode::ineligible_replica, "not a replica"},
        {"negative id", [](auto& p) { p.isr.push_back({-1, {}}); }, ErrorCode::ineligible_replica, "not a replica"},
        {"restarted", [](auto& p) { p.isr.back().incarnation = numbered(5); }, ErrorCode::ineligible_replica,
         "restarted"},
        {"no incarnation", [](auto& p) { p.isr[1].incarnation = {}; }, ErrorCode::ineligible_replica, "incarnation"},
        {"the leader's own is old", [](auto& p) { p.isr[0].incarnation = numbered(5); }, ErrorCode::ineligible_replica,
         "incarnation"},
    };
    for (const Case& c : table) {
        State state = five_brokers();
        Proposal proposal;
        proposal.isr.push_back(member(3));
        c.change(proposal);
        const ProposalOutcome outcome = proposal.take(state);
        EXPECT_EQ(outcome.error, c.error) << c.what << ": " << outcome.message;
        EXPECT_NE(outcome.message.find(c.message), std::string::npos) << c.what << ": " << outcome.message;
        EXPECT_EQ(state.dirty_rows(), 0u) << c.what;
        const bool known = c.error != ErrorCode::unknown_topic_id && c.error != ErrorCode::unknown_topic_or_partition;
        ASSERT_EQ(outcome.record.has_value(), known) << c.what;
        if (known) {
            EXPECT_EQ(*outcome.record, state.topic("a")->partitions[0]) << c.what;
        }
    }
}

TEST(Proposals, TheSecondUnderTheSameEpochIsLate) {
    State state = five_brokers();
    Proposal first{.isr = {member(1)}}, second{.isr = {member(1), member(2), member(3)}};
    EXPECT_EQ(first.take(state).error, ErrorCode::none);
    const ProposalOutcome late = second.take(state);
    EXPECT_EQ(late.error, ErrorCode::invalid_update_version);
    second.fields.partition_epoch = late.record->partition_epoch;
    EXPECT_EQ(second.take(state).error, ErrorCode::none);
}

TEST(Proposals, WhoIsAboutToStopMayStayUntilAnotherIsThere) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1}, 4, 2)}));
    state.set_broker(stopping_broker(1));
    Proposal alone{.isr = {member(1)}}, both;
    EXPECT_EQ(alone.take(state).error, ErrorCode::none);
    const ProposalOutcome outcome = both.take(state);
    EXPECT_EQ(outcome.error, ErrorCode::none) << outcome.message;
    EXPECT_EQ(*outcome.record, partition(2, {1, 2}, {2}, 5, 3)) << "it hands over at once";
}

TEST(Proposals, TheLastReplicaThatComesInEndsAReassignment) {
    State state = cluster(3);
    state.add_topic(topic(7, "a", {moving(partition(1, {2, 3, 1}, {1, 2}, 4, 2), {1}, {2, 3}, {1})}));
    Proposal proposal{.isr = {member(1), member(2), member(3)}};
    const ProposalOutcome outcome = proposal.take(state);
    EXPECT_EQ(outcome.error, ErrorCode::none) << outcome.message;
    EXPECT_EQ(*outcome.record, partition(2, {2, 3}, {2, 3}, 5, 3));
}

TEST(Proposals, EachIsJudgedByItself) {
    State state = five_brokers();
    const std::vector<InSyncMember> isr{member(1)};
    const std::vector<ProposedPartition> proposals{
        {numbered(9), 0, 4, 2, isr}, {numbered(7), 0, 4, 2, isr}, {numbered(7), 0, 4, 2, isr}};
    const auto outcomes = take_proposals(state, NodeId{1}, proposals);
    ASSERT_EQ(outcomes.size(), 3u);
    EXPECT_EQ(outcomes[0].error, ErrorCode::unknown_topic_id);
    EXPECT_EQ(outcomes[1].error, ErrorCode::none);
    EXPECT_EQ(outcomes[2].error, ErrorCode::invalid_update_version);
}

}  // namespace
}  // namespace penstock::coordinator
