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
        {"the next in sync", partition(1, {1, 2, 3}, {1, 2, 3}, 4), {1}, partition(2, {1, 2, 3}, {1, 2, 3}, 5, 1)},
        {"order of replicas", partition(1, {1, 3, 2}, {2, 3, 1}, 4), {1}, partition(3, {1, 3, 2}, {2, 3, 1}, 5, 1)},
        {"not in sync", partition(1, {1, 2, 3}, {1}, 4), {1}, partition(1, {1, 2, 3}, {1}, 4)},
        {"all in sync are away", partition(1, {1, 2, 3}, {1, 2}, 4), {1, 2}, partition(1, {1, 2, 3}, {1, 2}, 4)},
        {"nobody led", partition(-1, {1, 2, 3}, {2}, 4), {1}, partition(2, {1, 2, 3}, {2}, 5, 1)},
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
        {"itself again", partition(1, {1, 2}, {1}, 4), {}, partition(1, {1, 2}, {1}, 5, 1)},
        {"the first in order", partition(2, {1, 2}, {1, 2}, 4), {}, partition(1, {1, 2}, {1, 2}, 5, 1)},
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
    EXPECT_EQ(state.topic("a")->partitions[0], partition(2, {1, 2, 3}, {2}, 5, 1));

    State follower = with(partition(2, {1, 2, 3}, {1, 2}, 4), {});
    leave_in_sync_sets(follower, NodeId{1});
    EXPECT_EQ(follower.topic("a")->partitions[0], partition(2, {1, 2, 3}, {2}, 4, 1));

    State alone = with(partition(1, {1, 2, 3}, {1, 2}, 4), {2});
    leave_in_sync_sets(alone, NodeId{1});  // what is left is away: nobody leads until it returns
    EXPECT_EQ(alone.topic("a")->partitions[0], partition(-1, {1, 2, 3}, {2}, 5, 1));
}

TEST(Election, WhoIsFencedLeavesTheSetsInWhichAnotherLives) {
    const std::vector<Case> table{
        {"a follower", partition(1, {1, 2, 3}, {1, 2, 3}, 4), {2}, partition(1, {1, 2, 3}, {1, 3}, 4, 1)},
        {"the leader", partition(2, {1, 2, 3}, {1, 2, 3}, 4), {2}, partition(1, {1, 2, 3}, {1, 3}, 5, 1)},
        {"the last member", partition(2, {1, 2}, {2}, 4), {2}, partition(2, {1, 2}, {2}, 4)},
        {"the last living member", partition(2, {1, 2}, {1, 2}, 4), {1, 2}, partition(2, {1, 2}, {1, 2}, 4)},
        {"not a member", partition(1, {1, 2, 3}, {1, 3}, 4), {2}, partition(1, {1, 2, 3}, {1, 3}, 4)},
        {"it was to come",
         moving(partition(1, {3, 2, 1}, {1, 3, 2}, 4), {1}, {3, 2}, {1}), {2},
         moving(partition(1, {3, 2, 1}, {1, 3}, 4, 1), {1}, {3, 2}, {1})},
    };
    for (const Case& c : table) {
        State state = with(c.before, c.fenced);
        leave_to_the_living(state, NodeId{2});
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
        EXPECT_EQ(state.dirty_rows() > 0, c.before != c.after) << c.what;
    }
}

TEST(Election, AnUncleanRestartLosesItsPlaceWhereRecordsWereInMemoryOnly) {
    const Partition both = partition(2, {1, 2}, {1, 2}, 4), alone = partition(2, {1, 2}, {2}, 4);
    State state = cluster(2);
    Topic memory = topic(7, "memory", {both, alone});
    memory.configs = {{"durability", "memory"}};
    Topic disk = topic(8, "disk", {both});
    disk.configs = {{"durability", "disk"}};
    state.add_topic(memory);
    state.add_topic(disk);
    state.add_topic(topic(9, "default", {both}));
    leave_memory_sets(state, NodeId{2});
    EXPECT_EQ(state.topic("memory")->partitions[0], partition(1, {1, 2}, {1}, 5, 1));
    EXPECT_EQ(state.topic("memory")->partitions[1], alone);
    EXPECT_EQ(state.topic("disk")->partitions[0], both);
    EXPECT_EQ(state.topic("default")->partitions[0], both);
}

TEST(Election, WhoStopsHandsOverWhatOthersCanTake) {
    const std::vector<Case> table{
        {"it leads", partition(2, {2, 1, 3}, {1, 2, 3}, 4), {}, partition(1, {2, 1, 3}, {1, 3}, 5, 1)},
        {"it follows", partition(1, {1, 2}, {1, 2}, 4), {}, partition(1, {1, 2}, {1}, 4, 1)},
        {"it is alone", partition(2, {2, 1}, {2}, 4), {}, partition(2, {2, 1}, {2}, 4)},
        {"the others are away", partition(2, {2, 1}, {2, 1}, 4), {1}, partition(2, {2, 1}, {2, 1}, 4)},
        {"it has no part", partition(1, {1, 2}, {1}, 4), {}, partition(1, {1, 2}, {1}, 4)},
    };
    for (const Case& c : table) {
        State state = with(c.before, c.fenced);
        state.set_broker(stopping_broker(2));
        state.take_transaction();
        hand_over(state, NodeId{2});
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
        EXPECT_EQ(state.dirty_rows() > 0, c.before != c.after) << c.what;
    }
}

TEST(Election, PreferredLeadersGetTheirPartitionsBack) {
    const std::vector<Case> table{
        {"in sync and alive", partition(2, {1, 2}, {1, 2}, 4), {}, partition(1, {1, 2}, {1, 2}, 5, 1)},
        {"leads already", partition(1, {1, 2}, {1, 2}, 4), {}, partition(1, {1, 2}, {1, 2}, 4)},
        {"not in sync", partition(2, {1, 2}, {2}, 4), {}, partition(2, {1, 2}, {2}, 4)},
        {"away", partition(2, {1, 2}, {1, 2}, 4), {1}, partition(2, {1, 2}, {1, 2}, 4)},
    };
    for (const Case& c : table) {
        State state = with(c.before, c.fenced);
        EXPECT_EQ(return_to_preferred(state, 10), c.before == c.after ? 0u : 1u) << c.what;
        EXPECT_EQ(state.topic("a")->partitions[0], c.after) << c.what;
    }
    State stopping = with(partition(2, {1, 2}, {2, 1}, 4), {});
    stopping.set_broker(stopping_broker(1));
    EXPECT_EQ(return_to_preferred(stopping, 10), 0u);
}

TEST(Election, ARoundGivesBackOnlySoMany) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", std::vector<Partition>(5, partition(2, {1, 2}, {1, 2}))));
    EXPECT_EQ(return_to_preferred(state, 3), 3u);
    EXPECT_EQ(return_to_preferred(state, 3), 2u);
    EXPECT_EQ(return_to_preferred(state, 3), 0u);
}

TEST(Election, CountsSoleReplicas) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(1, {1}, {1}), partition(1, {1, 2}, {1}), partition(1, {1, 2}, {1, 2})}));
    EXPECT_EQ(count_sole_replicas(state, NodeId{1}), 2u);
    EXPECT_EQ(count_sole_replicas(state, NodeId{2}), 0u);
}

}  // namespace
}  // namespace penstock::coordinator
