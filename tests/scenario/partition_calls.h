// Requests about replicas and leaders, in one line: what the scenarios of a cluster with several brokers ask for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenario/broker_world.h"
#include "wire/kafka/alter_partition_reassignments.h"
#include "wire/kafka/create_topics.h"
#include "wire/kafka/elect_leaders.h"
#include "wire/kafka/list_partition_reassignments.h"

namespace penstock::scenario {

using Replicas = std::vector<int32_t>;

/// Makes a topic whose partition 0, 1, ... has these replicas.
inline Uuid make_assigned_topic(BrokerWorld& world, const std::string& name, const std::vector<Replicas>& replicas) {
    std::vector<wire::kafka::CreateTopicsRequest::Assignment> assignments(replicas.size());
    for (size_t i = 0; i < replicas.size(); ++i) {
        assignments[i].partition_index = static_cast<int32_t>(i);
        assignments[i].broker_ids = replicas[i];
    }
    wire::kafka::CreateTopicsRequest::Topic topic;
    topic.name = name;
    topic.assignments = assignments;
    wire::kafka::CreateTopicsRequest request;
    request.topics = {&topic, 1};
    const auto response = world.connect().ask<wire::kafka::CreateTopicsResponse>(request, 7);
    EXPECT_EQ(response.topics[0].error_code, ErrorCode::none) << response.topics[0].error_message.value_or("");
    return response.topics[0].topic_id;
}

inline wire::kafka::AlterPartitionReassignmentsResponse::Partition reassign(
    Client& client, const std::string& topic, int32_t partition, const std::optional<Replicas>& replicas,
    bool may_change_factor = true) {
    using wire::kafka::AlterPartitionReassignmentsRequest;
    using wire::kafka::AlterPartitionReassignmentsResponse;
    AlterPartitionReassignmentsRequest::Partition asked;
    asked.partition_index = partition;
    if (replicas) asked.replicas = *replicas;
    AlterPartitionReassignmentsRequest::Topic asked_topic;
    asked_topic.name = topic;
    asked_topic.partitions = {&asked, 1};
    AlterPartitionReassignmentsRequest request;
    request.allow_replication_factor_change = may_change_factor;
    request.timeout_ms = 5000;
    request.topics = {&asked_topic, 1};
    const int16_t version = may_change_factor ? 0 : 1;
    const auto response = client.ask<AlterPartitionReassignmentsResponse>(request, version);
    EXPECT_EQ(response.allow_replication_factor_change, may_change_factor);
    EXPECT_EQ(response.responses.size(), 1u);
    if (response.responses.size() != 1) return {};
    EXPECT_EQ(response.responses[0].name, topic);
    EXPECT_EQ(response.responses[0].partitions[0].partition_index, partition);
    return response.responses[0].partitions[0];
}

inline wire::kafka::ElectLeadersResponse::Partition elect(Client& client, int8_t type, const std::string& topic,
                                                          int32_t partition, int16_t version = 2) {
    const wire::kafka::ElectLeadersRequest::Topic asked{topic, {&partition, 1}};
    wire::kafka::ElectLeadersRequest request;
    request.election_type = type;
    request.timeout_ms = 5000;
    request.topic_partitions = wire::Array<wire::kafka::ElectLeadersRequest::Topic>(&asked, 1);
    const auto response = client.ask<wire::kafka::ElectLeadersResponse>(request, version);
    EXPECT_EQ(response.replica_election_results.size(), 1u);
    if (response.replica_election_results.size() != 1) return {};
    EXPECT_EQ(response.replica_election_results[0].partition_result[0].partition_id, partition);
    return response.replica_election_results[0].partition_result[0];
}

/// Of the view that clients are answered from.
inline const broker::PartitionView& partition_of(const BrokerWorld& world, const std::string& topic,
                                                 size_t partition = 0) {
    return world.shards[0]->view().topic(topic)->partitions[partition];
}

/// Waits until so many are in sync. Broker 1 has nobody to let in; a PeerBroker that leads lets everybody in.
inline void wait_for_in_sync(BrokerWorld& world, const std::string& topic, size_t count, size_t partition = 0) {
    ASSERT_TRUE(world.run_until([&] { return partition_of(world, topic, partition).isr.size() == count; }));
}

/// A topic with one partition that broker 1 leads, with `other`, a PeerBroker, in sync.
inline void make_shared_topic(BrokerWorld& world, const std::string& name, int32_t other) {
    make_assigned_topic(world, name, {{other, 1}});
    wait_for_in_sync(world, name, 2);
    Client& client = world.connect();
    ASSERT_EQ(reassign(client, name, 0, Replicas{1, other}).error_code, ErrorCode::none);
    ASSERT_EQ(elect(client, wire::kafka::election_preferred, name, 0).error_code, ErrorCode::none);
    ASSERT_EQ(partition_of(world, name).leader, NodeId{1});
}

}  // namespace penstock::scenario
