#include "wire/kafka/alter_partition_reassignments.h"

#include <gtest/gtest.h>

#include "scenario/partition_calls.h"
#include "scenario/peer_broker.h"

namespace penstock::scenario {
namespace {

std::vector<NodeId> nodes(const Replicas& ids) {
    std::vector<NodeId> out;
    for (const int32_t id : ids) out.push_back(NodeId{id});
    return out;
}

TEST(AlterPartitionReassignments, leaves_replicas_where_they_are) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(reassign(client, "t", 0, Replicas{1}).error_code, ErrorCode::none);
    EXPECT_FALSE(reassign(client, "t", 0, Replicas{1}, false).error_message.has_value());
    EXPECT_EQ(reassign(client, "t", 0, {}).error_code, ErrorCode::no_reassignment_in_progress);
}

// The leader lets the new ones in, then the old one goes; every shard knew of the beginning before it was answered.
TEST(AlterPartitionReassignments, moves_replicas_to_other_brokers) {
    BrokerWorld world({.shards = 3});
    PeerBroker second(world, 2), third(world, 3);
    second.proposes = false;
    make_assigned_topic(world, "t", {{2}});
    Client& client = world.connect();
    ASSERT_EQ(reassign(client, "t", 0, Replicas{3, 1}).error_code, ErrorCode::none);
    for (const auto& shard : world.shards) {
        const broker::PartitionView& moving = shard->view().topic("t")->partitions[0];
        EXPECT_EQ(moving.replicas, nodes({3, 1, 2}));
        EXPECT_EQ(moving.adding, nodes({3, 1}));
        EXPECT_EQ(moving.removing, nodes({2}));
    }
    second.proposes = true;
    ASSERT_TRUE(world.run_until([&] { return partition_of(world, "t").replicas == nodes({3, 1}); }));
    EXPECT_EQ(partition_of(world, "t").leader, NodeId{3});
    EXPECT_TRUE(partition_of(world, "t").adding.empty());
}

TEST(AlterPartitionReassignments, cancels_what_is_under_way) {
    BrokerWorld world;
    PeerBroker second(world, 2), third(world, 3);
    second.proposes = false;
    make_assigned_topic(world, "t", {{2}, {2}});
    Client& client = world.connect();
    ASSERT_EQ(reassign(client, "t", 0, Replicas{3}).error_code, ErrorCode::none);
    ASSERT_EQ(reassign(client, "t", 0, {}).error_code, ErrorCode::none);
    EXPECT_EQ(partition_of(world, "t").replicas, nodes({2}));
    EXPECT_EQ(reassign(client, "t", 0, {}).error_code, ErrorCode::no_reassignment_in_progress);
    EXPECT_EQ(reassign(client, "t", 1, {}).error_code, ErrorCode::no_reassignment_in_progress);
}

TEST(AlterPartitionReassignments, refuses_what_makes_no_sense) {
    BrokerWorld world;
    PeerBroker second(world, 2);
    world.make_topic("t");
    Client& client = world.connect();
    for (const Replicas& replicas : {Replicas{}, Replicas{9}, Replicas{1, 9}, Replicas{2, 2}}) {
        const auto refused = reassign(client, "t", 0, replicas);
        EXPECT_EQ(refused.error_code, ErrorCode::invalid_replica_assignment);
        EXPECT_TRUE(refused.error_message.has_value());
    }
    EXPECT_EQ(reassign(client, "nope", 0, Replicas{1}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(reassign(client, "t", 1, Replicas{1}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(reassign(client, "t", -1, {}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(reassign(client, "t", -1, Replicas{1}, false).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST(AlterPartitionReassignments, keeps_the_replication_factor_where_the_client_asks_for_that) {
    BrokerWorld world;
    PeerBroker second(world, 2), third(world, 3);
    second.proposes = false;
    make_assigned_topic(world, "t", {{2}});
    Client& client = world.connect();
    EXPECT_EQ(reassign(client, "t", 0, Replicas{2, 3}, false).error_code, ErrorCode::invalid_replication_factor);
    EXPECT_EQ(reassign(client, "t", 0, Replicas{3}, false).error_code, ErrorCode::none);
    // Under way there are two; the factor is still one.
    ASSERT_EQ(partition_of(world, "t").replicas.size(), 2u);
    EXPECT_EQ(reassign(client, "t", 0, Replicas{1, 3}, false).error_code, ErrorCode::invalid_replication_factor);
    EXPECT_EQ(reassign(client, "t", 0, Replicas{1}, false).error_code, ErrorCode::none);
    EXPECT_EQ(reassign(client, "t", 0, {}, false).error_code, ErrorCode::none);
}

TEST(AlterPartitionReassignments, says_of_the_whole_request_that_there_was_no_coordinator) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(second_ns);
    const Nanos asked = world.clock.now();
    const auto outcome = reassign(world.connect(), "t", 0, Replicas{1});
    EXPECT_TRUE(outcome.error_code == ErrorCode::request_timed_out || outcome.error_code == ErrorCode::not_controller);
    EXPECT_TRUE(outcome.error_message.has_value());
    EXPECT_LT(world.clock.now() - asked, 6 * second_ns);
}

}  // namespace
}  // namespace penstock::scenario
