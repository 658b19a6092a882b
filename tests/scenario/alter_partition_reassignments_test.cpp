#include "wire/kafka/alter_partition_reassignments.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::AlterPartitionReassignmentsRequest;
using wire::kafka::AlterPartitionReassignmentsResponse;
using Replicas = std::optional<std::vector<int32_t>>;

/// The answer for partition 0 of "t", which broker 1 alone has.
AlterPartitionReassignmentsResponse::Partition reassign(Client& client, const Replicas& replicas,
                                                        bool may_change = true, std::string_view topic = "t",
                                                        int32_t partition = 0) {
    AlterPartitionReassignmentsRequest::Partition asked;
    asked.partition_index = partition;
    if (replicas) asked.replicas = *replicas;
    AlterPartitionReassignmentsRequest::Topic asked_topic;
    asked_topic.name = topic;
    asked_topic.partitions = {&asked, 1};
    AlterPartitionReassignmentsRequest request;
    request.allow_replication_factor_change = may_change;
    request.topics = {&asked_topic, 1};
    const int16_t version = may_change ? 0 : 1;
    const auto response = client.ask<AlterPartitionReassignmentsResponse>(request, version);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    EXPECT_EQ(response.allow_replication_factor_change, may_change);
    EXPECT_EQ(response.responses[0].name, topic);
    EXPECT_EQ(response.responses[0].partitions[0].partition_index, partition);
    return response.responses[0].partitions[0];
}

TEST(AlterPartitionReassignments, leaves_replicas_where_they_are) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(reassign(client, {{1}}).error_code, ErrorCode::none);
    EXPECT_FALSE(reassign(client, {{1}}, false).error_message.has_value());
    EXPECT_EQ(reassign(client, {}).error_code, ErrorCode::no_reassignment_in_progress);
}

TEST(AlterPartitionReassignments, refuses_what_makes_no_sense) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const std::vector<int32_t> nobody, other{2}, both{1, 2}, twice{1, 1};
    for (const auto& replicas : {nobody, other, both, twice}) {
        const auto refused = reassign(client, replicas);
        EXPECT_EQ(refused.error_code, ErrorCode::invalid_replica_assignment);
        EXPECT_TRUE(refused.error_message.has_value());
    }
    EXPECT_EQ(reassign(client, {{1}}, true, "nope").error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(reassign(client, {{1}}, true, "t", 1).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(reassign(client, {}, true, "t", -1).error_code, ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace penstock::scenario
