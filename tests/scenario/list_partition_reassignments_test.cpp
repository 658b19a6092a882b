#include "wire/kafka/list_partition_reassignments.h"

#include <gtest/gtest.h>

#include "scenario/broker_world.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ListPartitionReassignmentsRequest;
using wire::kafka::ListPartitionReassignmentsResponse;

TEST(ListPartitionReassignments, there_are_none) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    ListPartitionReassignmentsRequest request;
    EXPECT_TRUE(client.ask<ListPartitionReassignmentsResponse>(request, 0).topics.empty());
    const int32_t partitions[] = {0, 7};
    const ListPartitionReassignmentsRequest::Topic topics[] = {{"t", partitions}, {"nope", partitions}};
    request.topics = topics;
    const auto response = client.ask<ListPartitionReassignmentsResponse>(request, 0);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    EXPECT_TRUE(response.topics.empty());
}

}  // namespace
}  // namespace penstock::scenario
