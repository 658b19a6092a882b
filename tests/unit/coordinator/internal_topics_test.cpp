#include "coordinator/internal_topics.h"

#include <gtest/gtest.h>

#include <set>

#include "cluster.h"

namespace penstock::coordinator {
namespace {

// The internal topic as the first broker makes it, and another one beside it.
State with_brokers(int32_t count) {
    State state = cluster(count);
    state.add_topic(topic(7, "__consumer_offsets", std::vector<Partition>(6, partition(1, {1}, {1}))));
    state.add_topic(topic(8, "games", {partition(1, {1}, {1})}));
    state.take_transaction();
    return state;
}

TEST(InternalTopics, AreKnownByName) {
    EXPECT_TRUE(is_internal_topic("__consumer_offsets"));
    EXPECT_TRUE(is_internal_topic("__transaction_state"));
    EXPECT_FALSE(is_internal_topic("__consumer_offsets2"));
    EXPECT_FALSE(is_internal_topic("games"));
}

TEST(InternalTopics, GetReplicasAsFarAsThereAreBrokers) {
    for (int32_t brokers = 1; brokers <= 5; ++brokers) {
        State state = with_brokers(brokers);
        const uint32_t raises = raise_internal_topics(state, 3, 100);
        EXPECT_EQ(raises, brokers == 1 ? 0u : 6u);
        std::map<NodeId, int> held;
        for (const Partition& p : state.topic("__consumer_offsets")->partitions) {
            EXPECT_EQ(p.replicas.size(), std::min<size_t>(static_cast<size_t>(brokers), 3));
            EXPECT_EQ(p.isr, ids({1})) << "the others count when they are in sync";
            EXPECT_EQ(p.adding.size(), p.replicas.size() - 1);
            EXPECT_EQ(p.leader_epoch, LeaderEpoch{0});
            for (NodeId id : p.adding) ++held[id];
        }
        for (const auto& [id, number] : held) EXPECT_EQ(number, brokers == 2 ? 6 : 12 / (brokers - 1)) << brokers;
        EXPECT_EQ(state.topic("games")->partitions[0].replicas.size(), 1u);
        if (raises > 0) state.take_transaction();
        EXPECT_EQ(raise_internal_topics(state, 3, 100), 0u) << "it is under way";
    }
}

TEST(InternalTopics, AStepIsBounded) {
    State state = with_brokers(3);
    EXPECT_EQ(raise_internal_topics(state, 3, 4), 4u);
    EXPECT_EQ(raise_internal_topics(state, 3, 4), 2u);
    EXPECT_EQ(raise_internal_topics(state, 3, 4), 0u);
}

TEST(InternalTopics, AReassignmentUnderWayIsLeftAlone) {
    State state = cluster(3);
    const Partition under_way = moving(partition(1, {2, 1}, {1}), {1}, {2}, {1});
    state.add_topic(topic(7, "__consumer_offsets", {under_way}));
    EXPECT_EQ(raise_internal_topics(state, 3, 10), 0u);
    EXPECT_EQ(state.topic("__consumer_offsets")->partitions[0], under_way);
}

TEST(InternalTopics, WhatIsNotNeededIsNotBegun) {
    State state = with_brokers(3);
    EXPECT_EQ(raise_internal_topics(state, 1, 10), 0u);
    EXPECT_EQ(raise_internal_topics(state, 0, 10), 0u);
    state.set_broker(broker(2, true));
    state.set_broker(stopping_broker(3));
    state.take_transaction();
    EXPECT_EQ(raise_internal_topics(state, 3, 10), 0u);
    EXPECT_EQ(state.dirty_rows(), 0u);
    state.set_broker(broker(3));
    EXPECT_EQ(raise_internal_topics(state, 3, 10), 6u);
    // A replica that is away counts all the same: it comes back with its log.
    State away = cluster(3);
    away.set_broker(broker(2, true));
    away.add_topic(topic(7, "__consumer_offsets", {partition(1, {1, 2}, {1})}));
    EXPECT_EQ(raise_internal_topics(away, 2, 10), 0u);
    EXPECT_EQ(raise_internal_topics(away, 3, 10), 1u);
    EXPECT_EQ(away.topic("__consumer_offsets")->partitions[0].replicas, ids({1, 2, 3}));
}

}  // namespace
}  // namespace penstock::coordinator
