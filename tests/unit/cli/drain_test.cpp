#include "cli/drain.h"

#include <gtest/gtest.h>

#include <map>

namespace penstock::cli {
namespace {

/// Brokers 1 to 4, two in each rack; `partitions` with all replicas in sync, led by the first.
BrokerLoads cluster(const std::vector<std::vector<int32_t>>& partitions) {
    BrokerLoads loads;
    TopicInfo topic{.name = "t", .id = {}, .internal = false, .error = ErrorCode::none, .partitions = {}};
    for (size_t i = 0; i < partitions.size(); ++i)
        topic.partitions.push_back({.index = static_cast<int32_t>(i), .leader = partitions[i].front(),
                                    .leader_epoch = 0, .replicas = partitions[i], .in_sync = partitions[i],
                                    .offline = {}});
    loads.cluster.topics.push_back(topic);
    std::vector<BrokerLoad> brokers;
    for (int32_t id = 1; id <= 4; ++id)
        brokers.push_back({.info = {.id = id, .address = {"h", 1}, .rack = id <= 2 ? "east" : "west"}});
    loads.brokers = count_loads(loads.cluster, std::move(brokers));
    return loads;
}

void fence(BrokerLoads& loads, int32_t id) { loads.brokers[static_cast<size_t>(id - 1)].alive = false; }

TEST(Drain, LeadersGoToTheNextReplicaInSync) {
    BrokerLoads loads = cluster({{1, 2, 3}, {2, 1}, {1, 3}});
    loads.cluster.topics[0].partitions[0].in_sync = {1, 3};
    const DrainPlan plan = plan_leaders_away(loads, 1);
    ASSERT_EQ(plan.moves.size(), 2u);
    EXPECT_EQ(plan.moves[0].replicas, (std::vector<int32_t>{3, 2, 1}));
    EXPECT_EQ(plan.moves[1].name.partition, 2);
    EXPECT_EQ(plan.moves[1].replicas, (std::vector<int32_t>{3, 1}));
    EXPECT_TRUE(plan.stuck.empty());
}

TEST(Drain, ALeaderWithoutALivingReplicaInSyncStays) {
    BrokerLoads loads = cluster({{1, 2}, {1}});
    fence(loads, 2);
    const DrainPlan plan = plan_leaders_away(loads, 1);
    EXPECT_TRUE(plan.moves.empty());
    ASSERT_EQ(plan.stuck.size(), 2u);
    EXPECT_EQ(plan.stuck[0], "t:0: no other replica is alive and in sync");
}

TEST(Drain, ReplicasKeepTheirPlaceInTheOrderAndGoToAnotherRack) {
    const DrainPlan plan = plan_replicas_away(cluster({{1, 3}, {3, 1}}), 3);
    ASSERT_EQ(plan.moves.size(), 2u);
    // Broker 4 is where broker 1 is not.
    EXPECT_EQ(plan.moves[0].replicas, (std::vector<int32_t>{1, 4}));
    EXPECT_EQ(plan.moves[1].replicas, (std::vector<int32_t>{4, 1}));
}

TEST(Drain, ReplicasSpreadOverThoseWithTheFewest) {
    std::vector<std::vector<int32_t>> partitions(10, {1});
    partitions.insert(partitions.end(), 2, {2});
    const DrainPlan plan = plan_replicas_away(cluster(partitions), 1);
    std::map<int32_t, int> taken;
    for (const ReplicaMove& move : plan.moves) ++taken[move.replicas->front()];
    EXPECT_EQ(taken, (std::map<int32_t, int>{{2, 2}, {3, 4}, {4, 4}})) << "broker 2 had two";
}

TEST(Drain, AReplicaThatHasNowhereToGoStays) {
    BrokerLoads loads = cluster({{1, 2, 3}});
    fence(loads, 4);
    const DrainPlan plan = plan_replicas_away(loads, 2);
    EXPECT_TRUE(plan.moves.empty());
    ASSERT_EQ(plan.stuck.size(), 1u);
    EXPECT_EQ(plan.stuck[0], "t:0: every other living broker has it already");
}

}  // namespace
}  // namespace penstock::cli
