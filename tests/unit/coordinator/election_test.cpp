#include "coordinator/election.h"

#include <gtest/gtest.h>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

struct Case {
    const char* what;
    Partition before;
    std::vector<int32_t> fenced;
    Partition after;
};

State with(const Partition& partition, const std::vector<int32_t>& fenced) {
    State state = cluster(3);
    state.add_topic(topic(7, "a", {partition}));
    for (int32_t id : fenced) state.set_broker(broker(id, true));
    state.take_transaction();
    return state;
}

TEST(Election, OnlyALivingInSyncReplicaIsElectedAndTheEpochRises) {
    const std::vector<Case> table{
        {"the leader lives", partition(1, {1, 2, 3}, {1, 2}, 4), {2, 3}, partition(1, {1, 2, 3}, {1, 2}, 4)},
        {"the next in sync", partition(1, {1, 2, 3}, {1, 2, 3}, 4), {1}, partition(2, {1, 2, 3}, {1, 2, 3}, 5)},
        {"order of replicas", partition(1, {1, 3, 2}, {2, 3, 1}, 4), {1}, partition(3, {1, 3, 2}, {2, 3, 1}, 5)},
        {"not in sync", partition(1, {1, 2, 3}, {1}, 4), {1}, partition(1, {1, 2, 3}, {1}, 4)},
        {"all in sync are away", partition(1, {1, 2, 3}, {1, 2}, 4), {1, 2}, partition(1, {1, 2, 3}, {1, 2}, 4)},
        {"nobody led", partition(-1, {1, 2, 3}, {2}, 4), {1}, partition(2, {1, 2, 3}, {2}, 5)},
        {"not the preferred one", partition(2, {1, 2}, {1, 2}, 4), {}, partition(2, {1, 2}, {1, 2}, 4)},
    };
    for (const Case& c : table) {
        State state = with(c.before, c.fenced);
        elect_where_needed(state);
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
        EXPECT_EQ(state.dirty_rows() > 0, c.before != c.after) << c.what;
    }
}

TEST(Election, ANewIncarnationNeverGoesOnUnderItsEpoch) {
    const std::vector<Case> table{
        {"itself again", partition(1, {1, 2}, {1}, 4), {}, partition(1, {1, 2}, {1}, 5)},
        {"the first in order", partition(2, {1, 2}, {1, 2}, 4), {}, partition(1, {1, 2}, {1, 2}, 5)},
        {"of others untouched", partition(3, {3, 2}, {3, 2}, 4), {}, partition(3, {3, 2}, {3, 2}, 4)},
    };
    for (const Case& c : table) {
        State state = with(c.before, c.fenced);
        end_leaderships(state, NodeId{c.before.leader == NodeId{3} ? 2 : c.before.leader.value});
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
    }
}

TEST(Election, OtherStorageLeavesTheInSyncSets) {
    State state = with(partition(1, {1, 2, 3}, {1, 2}, 4), {});
    leave_in_sync_sets(state, NodeId{1});
    EXPECT_EQ(state.topic("a")->partitions[0], partition(2, {1, 2, 3}, {2}, 5));

    State follower = with(partition(2, {1, 2, 3}, {1, 2}, 4), {});
    leave_in_sync_sets(follower, NodeId{1});
    EXPECT_EQ(follower.topic("a")->partitions[0], partition(2, {1, 2, 3}, {2}, 4));

    State alone = with(partition(1, {1, 2, 3}, {1, 2}, 4), {2});
    leave_in_sync_sets(alone, NodeId{1});  // what is left is away: nobody leads until it returns
    EXPECT_EQ(alone.topic("a")->partitions[0], partition(-1, {1, 2, 3}, {2}, 5));
}

TEST(Election, CountsSoleReplicas) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(1, {1}, {1}), partition(1, {1, 2}, {1}), partition(1, {1, 2}, {1, 2})}));
    EXPECT_EQ(count_sole_replicas(state, NodeId{1}), 2u);
    EXPECT_EQ(count_sole_replicas(state, NodeId{2}), 0u);
}

}  // namespace
}  // namespace penstock::coordinator
