#include "coordinator/partition_change.h"

#include <gtest/gtest.h>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

TEST(PartitionChange, TheFirstReplicaThatMayLeadIsTheCandidate) {
    State state = cluster(4);
    state.set_broker(broker(1, true));
    state.set_broker(stopping_broker(2));
    struct Case {
        const char* what;
        Partition partition;
        int32_t candidate;
    };
    const std::vector<Case> table{
        {"fenced, about to stop, fine", partition(1, {1, 2, 3, 4}, {1, 2, 3, 4}), 3},
        {"in the order of the replicas", partition(1, {4, 3}, {3, 4}), 4},
        {"only in sync", partition(1, {4, 3}, {3}), 3},
        {"nobody", partition(1, {1, 2, 3}, {1, 2}), -1},
        {"unknown", partition(9, {9}, {9}), -1},
    };
    for (const Case& c : table) EXPECT_EQ(candidate(state, c.partition), NodeId{c.candidate}) << c.what;
}

TEST(PartitionChange, WhatAChangeBringsAboutByItself) {
    State state = cluster(4);
    state.set_broker(broker(1, true));
    state.set_broker(stopping_broker(2));
    struct Case {
        const char* what;
        Partition before;
        Partition after;
    };
    const std::vector<Case> table{
        {"nothing", partition(3, {3, 4}, {3, 4}, 5), partition(3, {3, 4}, {3, 4}, 5)},
        {"the leader is not in sync", partition(4, {3, 4}, {3}, 5), partition(3, {3, 4}, {3}, 6)},
        {"nobody led", partition(-1, {3, 4}, {3}, 5), partition(3, {3, 4}, {3}, 6)},
        {"nobody may lead", partition(-1, {3, 1}, {1}, 5), partition(-1, {3, 1}, {1}, 5)},
        {"who is not in sync leads no more", partition(3, {3, 1}, {1}, 5), partition(-1, {3, 1}, {1}, 6)},
        {"a fenced leader waits", partition(1, {3, 1}, {1}, 5), partition(1, {3, 1}, {1}, 5)},
        {"who stops leads on alone", partition(2, {2, 3}, {2}, 5), partition(2, {2, 3}, {2}, 5)},
        {"and hands over", partition(2, {2, 3}, {2, 3}, 5), partition(3, {2, 3}, {3}, 6)},
        {"a reassignment is not done", moving(partition(3, {4, 3}, {3}, 5), {3}, {4}, {3}),
         moving(partition(3, {4, 3}, {3}, 5), {3}, {4}, {3})},
        {"it is done, and the leader goes", moving(partition(3, {4, 3}, {3, 4}, 5), {3}, {4}, {3}),
         partition(4, {4}, {4}, 6)},
        {"it is done, and the leader stays", moving(partition(3, {4, 3}, {3, 4}, 5), {3}, {4}, {}),
         partition(3, {4, 3}, {3, 4}, 5)},
    };
    for (const Case& c : table) {
        Partition partition = c.before;
        settle(state, partition);
        EXPECT_EQ(partition, c.after) << c.what;
        settle(state, partition);
        EXPECT_EQ(partition, c.after) << c.what << ", twice";
    }
}

TEST(PartitionChange, OnlyWhatReallyChangesIsStored) {
    State state = cluster(2);
    state.add_topic(topic(7, "a", {partition(1, {1, 2}, {1, 2}), partition(2, {2, 1}, {2, 1})}));
    state.take_transaction();
    change_partitions(state, [](const Topic&, const Partition&) { return true; }, [](Partition&) {});
    EXPECT_EQ(state.dirty_rows(), 0u);
    change_partitions(
        state, [](const Topic&, const Partition& p) { return p.leader == NodeId{2}; },
        [](Partition& p) { std::erase(p.isr, NodeId{1}); });
    EXPECT_EQ(state.dirty_rows(), 1u);
    EXPECT_EQ(state.topic("a")->partitions[1], partition(2, {2, 1}, {2}, 0, 1));
}

}  // namespace
}  // namespace penstock::coordinator
