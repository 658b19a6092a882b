#include "wire/kafka/elect_leaders.h"

#include <gtest/gtest.h>

#include "scenario/partition_calls.h"
#include "scenario/peer_broker.h"

namespace penstock::scenario {
namespace {

using wire::kafka::election_preferred;
using wire::kafka::election_unclean;
using wire::kafka::ElectLeadersRequest;
using wire::kafka::ElectLeadersResponse;

TEST(ElectLeaders, is_not_needed_where_the_preferred_leader_leads) {
    BrokerWorld world;
    world.make_topic("t", 2);
    const std::vector<int32_t> partitions{1, 0, 2, -1}, one{0};
    const std::vector<ElectLeadersRequest::Topic> topics{{"t", partitions}, {"nope", one}};
    const ErrorCode expected[] = {ErrorCode::election_not_needed, ErrorCode::election_not_needed,
                                  ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_or_partition};
    Client& client = world.connect();
    for (int16_t version = 0; version <= 2; ++version) {
        for (const int8_t type : {election_preferred, election_unclean}) {
            ElectLeadersRequest request;
            request.election_type = type;
            request.topic_partitions = topics;
            const auto response = client.ask<ElectLeadersResponse>(request, version);
            EXPECT_EQ(response.error_code, ErrorCode::none);
            ASSERT_EQ(response.replica_election_results.size(), 2u);
            const auto& results = response.replica_election_results[0].partition_result;
            ASSERT_EQ(results.size(), 4u);
            for (size_t i = 0; i < 4; ++i) {
                EXPECT_EQ(results[i].partition_id, partitions[i]);
                EXPECT_EQ(results[i].error_code, expected[i]);
                EXPECT_TRUE(results[i].error_message.has_value());
            }
            EXPECT_EQ(response.replica_election_results[1].partition_result[0].error_code,
                      ErrorCode::unknown_topic_or_partition);
        }
    }
}

// The order of the replicas says who is preferred; who leads changes when an election is asked for, not before.
TEST(ElectLeaders, lets_the_preferred_leader_lead_and_tells_every_shard_first) {
    BrokerWorld world({.shards = 3});
    PeerBroker second(world, 2);
    make_assigned_topic(world, "t", {{2, 1}});
    wait_for_in_sync(world, "t", 2);
    Client& client = world.connect();
    ASSERT_EQ(reassign(client, "t", 0, Replicas{1, 2}).error_code, ErrorCode::none);
    ASSERT_EQ(partition_of(world, "t").leader, NodeId{2});
    EXPECT_EQ(elect(client, election_unclean, "t", 0).error_code, ErrorCode::election_not_needed);
    const auto outcome = elect(client, election_preferred, "t", 0);
    EXPECT_EQ(outcome.error_code, ErrorCode::none);
    EXPECT_FALSE(outcome.error_message.has_value());
    for (const auto& shard : world.shards) EXPECT_EQ(shard->view().topic("t")->partitions[0].leader, NodeId{1});
    EXPECT_EQ(elect(client, election_preferred, "t", 0).error_code, ErrorCode::election_not_needed);
}

TEST(ElectLeaders, does_not_elect_a_preferred_leader_that_is_away) {
    BrokerWorld world;
    auto second = std::make_unique<PeerBroker>(world, 2);
    make_assigned_topic(world, "t", {{2, 1}});
    wait_for_in_sync(world, "t", 2);
    second.reset();
    ASSERT_TRUE(world.run_until([&] { return partition_of(world, "t").leader == NodeId{1}; }));
    Client& client = world.connect();
    EXPECT_EQ(elect(client, election_preferred, "t", 0).error_code, ErrorCode::preferred_leader_not_available);
    EXPECT_EQ(elect(client, election_unclean, "t", 0).error_code, ErrorCode::election_not_needed);
}

TEST(ElectLeaders, of_all_tells_of_those_alone_that_wanted_it) {
    BrokerWorld world;
    auto second = std::make_unique<PeerBroker>(world, 2);
    make_assigned_topic(world, "fine", {{1, 2}, {1, 2}});
    make_assigned_topic(world, "away", {{1, 2}, {2, 1}, {2, 1}});
    for (const size_t partition : {1u, 2u}) wait_for_in_sync(world, "away", 2, partition);
    second.reset();
    ASSERT_TRUE(world.run_until([&] { return partition_of(world, "away", 2).leader == NodeId{1}; }));
    const auto response = world.connect().ask<ElectLeadersResponse>(ElectLeadersRequest(), 2);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    ASSERT_EQ(response.replica_election_results.size(), 1u);
    EXPECT_EQ(response.replica_election_results[0].topic, "away");
    const auto& results = response.replica_election_results[0].partition_result;
    ASSERT_EQ(results.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(results[i].partition_id, static_cast<int32_t>(i + 1));
        EXPECT_EQ(results[i].error_code, ErrorCode::preferred_leader_not_available);
    }
}

// The last in-sync replica is gone: nobody leads, until somebody decides that records may be lost.
TEST(ElectLeaders, lets_a_replica_lead_that_was_not_in_sync_only_when_told_to) {
    BrokerWorld world;
    auto second = std::make_unique<PeerBroker>(world, 2);
    second->proposes = false;
    make_assigned_topic(world, "t", {{2}, {2}});
    Client& client = world.connect();
    ASSERT_EQ(reassign(client, "t", 0, Replicas{2, 1}).error_code, ErrorCode::none);
    second.reset();
    ASSERT_TRUE(world.run_until([&] { return !world.shards[0]->view().alive(NodeId{2}); }));
    EXPECT_EQ(elect(client, election_preferred, "t", 0).error_code, ErrorCode::preferred_leader_not_available);
    EXPECT_EQ(elect(client, election_unclean, "t", 1).error_code, ErrorCode::eligible_leaders_not_available);
    EXPECT_EQ(elect(client, election_unclean, "t", 0).error_code, ErrorCode::none);
    for (const auto& shard : world.shards) EXPECT_EQ(shard->view().topic("t")->partitions[0].leader, NodeId{1});
    EXPECT_EQ(elect(client, election_unclean, "t", 0).error_code, ErrorCode::election_not_needed);
}

TEST(ElectLeaders, refuses_types_that_it_does_not_know) {
    BrokerWorld world;
    world.make_topic("t", 1);
    const std::vector<int32_t> one{0};
    const std::vector<ElectLeadersRequest::Topic> topics{{"t", one}};
    ElectLeadersRequest request;
    request.election_type = 2;
    Client& client = world.connect();
    EXPECT_EQ(client.ask<ElectLeadersResponse>(request, 2).error_code, ErrorCode::invalid_request);
    request.topic_partitions = topics;
    const auto response = client.ask<ElectLeadersResponse>(request, 1);
    EXPECT_EQ(response.error_code, ErrorCode::invalid_request);
    EXPECT_EQ(response.replica_election_results[0].partition_result[0].error_code, ErrorCode::invalid_request);
}

TEST(ElectLeaders, times_out_without_a_coordinator) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(second_ns);
    const Nanos asked = world.clock.now();
    const auto outcome = elect(world.connect(), election_preferred, "t", 0, 0);
    EXPECT_TRUE(outcome.error_code == ErrorCode::request_timed_out || outcome.error_code == ErrorCode::not_controller);
    EXPECT_LT(world.clock.now() - asked, 6 * second_ns);
}

}  // namespace
}  // namespace penstock::scenario
