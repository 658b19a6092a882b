#include "wire/kafka/list_partition_reassignments.h"

#include <gtest/gtest.h>

#include "scenario/partition_calls.h"
#include "scenario/peer_broker.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ListPartitionReassignmentsRequest;
using wire::kafka::ListPartitionReassignmentsResponse;

Replicas copy(wire::Array<int32_t> ids) { return {ids.begin(), ids.end()}; }

TEST(ListPartitionReassignments, tells_of_none_where_nothing_moves) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    ListPartitionReassignmentsRequest request;
    EXPECT_TRUE(client.ask<ListPartitionReassignmentsResponse>(request, 0).topics.empty());
    const int32_t asked[] = {0, 7};
    const ListPartitionReassignmentsRequest::Topic topics[] = {{"t", asked}, {"nope", asked}};
    request.topics = topics;
    const auto response = client.ask<ListPartitionReassignmentsResponse>(request, 0);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    EXPECT_TRUE(response.topics.empty());
}

TEST(ListPartitionReassignments, tells_where_replicas_go_and_whence) {
    BrokerWorld world;
    PeerBroker second(world, 2), third(world, 3);
    second.proposes = false;
    make_assigned_topic(world, "rests", {{2}, {2}});
    make_assigned_topic(world, "moves", {{2}, {2}, {2}});
    Client& client = world.connect();
    for (const int32_t partition : {0, 2})
        ASSERT_EQ(reassign(client, "moves", partition, Replicas{3, 1}).error_code, ErrorCode::none);

    ListPartitionReassignmentsRequest request;
    const int32_t named[] = {2, 1, -1, 9};
    const ListPartitionReassignmentsRequest::Topic topics[] = {{"rests", named}, {"moves", named}};
    for (const bool all : {true, false}) {
        if (!all) request.topics = topics;
        const auto response = client.ask<ListPartitionReassignmentsResponse>(request, 0);
        ASSERT_EQ(response.topics.size(), 1u);
        EXPECT_EQ(response.topics[0].name, "moves");
        ASSERT_EQ(response.topics[0].partitions.size(), all ? 2u : 1u);
        const auto& last = response.topics[0].partitions[all ? 1 : 0];
        EXPECT_EQ(last.partition_index, 2);
        EXPECT_EQ(copy(last.replicas), (Replicas{3, 1, 2}));
        EXPECT_EQ(copy(last.adding_replicas), (Replicas{3, 1}));
        EXPECT_EQ(copy(last.removing_replicas), (Replicas{2}));
    }
    second.proposes = true;
    ASSERT_TRUE(world.run_until([&] { return partition_of(world, "moves", 2).adding.empty(); }));
    request.topics.reset();
    EXPECT_TRUE(client.ask<ListPartitionReassignmentsResponse>(request, 0).topics.empty());
}

}  // namespace
}  // namespace penstock::scenario
