#include "coordinator/reassignment.h"

#include <gtest/gtest.h>

#include "cluster.h"
#include "limits.h"

namespace penstock::coordinator {
namespace {

using wire::kafka::ErrorCode;
using wire::node::ReassignedPartition;

using Target = std::optional<std::vector<int32_t>>;
const Target cancel;

PartitionOutcome reassign(State& state, const Target& target, std::string_view topic = "a", int32_t partition = 0) {
    ReassignedPartition wanted{.topic = topic, .partition = partition, .replicas = {}};
    if (target) wanted.replicas = *target;
    wire::node::AlterReassignmentsRequest request;
    request.partitions = std::span(&wanted, 1);
    return alter_reassignments(state, request).at(0);
}

// Brokers 1 to 20, of which 5 is fenced and 6 about to stop.
State with(const Partition& partition) {
    State state = cluster(20);
    state.set_broker(broker(5, true));
    state.set_broker(stopping_broker(6));
    state.add_topic(topic(7, "a", {partition}));
    state.take_transaction();
    return state;
}

TEST(Reassignment, BeginsAndEnds) {
    const Partition two = partition(1, {1, 2}, {1, 2}, 4);
    struct Case {
        const char* what;
        Partition before;
        Target target;
        Partition after;
    };
    const std::vector<Case> table{
        {"one more", two, {{1, 2, 3}}, moving(partition(1, {1, 2, 3}, {1, 2}, 4, 1), {1, 2}, {3}, {})},
        {"elsewhere", two, {{3, 4}}, moving(partition(1, {3, 4, 1, 2}, {1, 2}, 4, 1), {1, 2}, {3, 4}, {1, 2})},
        {"one for another", two, {{1, 3}}, moving(partition(1, {1, 3, 2}, {1, 2}, 4, 1), {1, 2}, {3}, {2})},
        {"one less", two, {{2}}, partition(2, {2}, {2}, 5, 1)},
        {"another order", two, {{2, 1}}, partition(1, {2, 1}, {1, 2}, 4, 1)},
        {"as it is", two, {{1, 2}}, two},
        {"one less that is not in sync", partition(1, {1, 2}, {1}, 4), {{1}}, partition(1, {1}, {1}, 4, 1)},
        {"one more of which one was there", partition(1, {1, 2}, {1}, 4), {{2}},
         moving(partition(1, {2, 1}, {1}, 4, 1), {1, 2}, {}, {1})},
        {"a second one counts from the first's begin", moving(partition(1, {3, 1, 2}, {1, 2, 3}, 4), {1, 2}, {3}, {2}),
         {{4, 2}}, moving(partition(1, {4, 2, 1}, {1, 2}, 4, 1), {1, 2}, {4}, {1})},
        {"a second one back", moving(partition(1, {3, 1, 2}, {1, 2}, 4), {1, 2}, {3}, {2}), {{2, 1}},
         partition(1, {2, 1}, {1, 2}, 4, 1)},
        {"cancelled", moving(partition(1, {3, 4, 2, 1}, {1, 2, 3}, 4), {1, 2}, {3, 4}, {2, 1}), cancel,
         partition(1, {1, 2}, {1, 2}, 4, 1)},
        {"cancelled under who was to come", moving(partition(3, {3, 4, 1}, {3, 1}, 4), {1}, {3, 4}, {1}), cancel,
         partition(1, {1}, {1}, 5, 1)},
    };
    for (const Case& c : table) {
        State state = with(c.before);
        const PartitionOutcome outcome = reassign(state, c.target);
        EXPECT_EQ(outcome.error, ErrorCode::none) << c.what << ": " << outcome.message;
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
        EXPECT_EQ(state.dirty_rows() > 0, c.before != c.after) << c.what;
    }
}

TEST(Reassignment, WhatIsRefusedChangesNothing) {
    const Partition two = partition(1, {1, 2}, {1, 2}, 4);
    std::vector<int32_t> many, others;
    for (int32_t id = 1; id <= 17; ++id) many.push_back(id);
    for (int32_t id = 7; id <= 20; ++id) others.push_back(id);
    others.push_back(3);
    struct Case {
        const char* what;
        Partition before;
        Target target;
        ErrorCode error;
        const char* message;
    };
    const ErrorCode wrong = ErrorCode::invalid_replica_assignment;
    const std::vector<Case> table{
        {"nowhere", two, {std::vector<int32_t>{}}, wrong, "at least one"},
        {"twice", two, {{1, 3, 1}}, wrong, "twice"},
        {"unknown", two, {{1, 99}}, wrong, "99 is not alive"},
        {"negative", two, {{-1}}, wrong, "not alive"},
        {"fenced", two, {{1, 5}}, wrong, "not alive"},
        {"about to stop", two, {{1, 6}}, wrong, "about to stop"},
        {"too many", two, many, wrong, "at most 16"},
        {"too many with those that go", two, others, wrong, "meanwhile"},
        {"nobody in sync would be left", moving(partition(3, {3, 1, 2}, {3}, 4), {1, 2}, {3}, {1, 2}), cancel, wrong,
         "in sync"},
        {"the same with a second one", moving(partition(3, {3, 1, 2}, {3}, 4), {1, 2}, {3}, {1, 2}), {{1, 4}}, wrong,
         "in sync"},
        {"nothing to cancel", two, cancel, ErrorCode::no_reassignment_in_progress, "in progress"},
    };
    for (const Case& c : table) {
        State state = with(c.before);
        const PartitionOutcome outcome = reassign(state, c.target);
        EXPECT_EQ(outcome.error, c.error) << c.what << ": " << outcome.message;
        EXPECT_NE(outcome.message.find(c.message), std::string::npos) << c.what << ": " << outcome.message;
        EXPECT_EQ(state.dirty_rows(), 0u) << c.what;
        EXPECT_EQ(state.topic("a")->partitions[0], c.before) << c.what;
    }
    State state = with(two);
    for (const auto& [name, index] : std::vector<std::pair<const char*, int32_t>>{{"b", 0}, {"a", 1}, {"a", -1}}) {
        EXPECT_EQ(reassign(state, cancel, name, index).error, ErrorCode::unknown_topic_or_partition) << name << index;
        EXPECT_EQ(reassign(state, {{1}}, name, index).error, ErrorCode::unknown_topic_or_partition) << name << index;
    }
}

TEST(Reassignment, WhoIsAboutToStopMayKeepItsReplica) {
    State state = with(partition(1, {1, 6}, {1}, 4));
    EXPECT_EQ(reassign(state, {{6, 1, 2}}).error, ErrorCode::none);
}

}  // namespace
}  // namespace penstock::coordinator
