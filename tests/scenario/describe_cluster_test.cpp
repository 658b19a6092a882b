#include "wire/kafka/describe_cluster.h"

#include <gtest/gtest.h>

#include "scenario/peer_broker.h"

namespace penstock::scenario {
namespace {

using wire::kafka::DescribeClusterRequest;
using wire::kafka::DescribeClusterResponse;

TEST(DescribeCluster, names_brokers_and_controller) {
    BrokerWorld world;
    Client& client = world.connect();
    for (int16_t version = 0; version <= 2; ++version) {
        const auto response = client.ask<DescribeClusterResponse>(DescribeClusterRequest{}, version);
        EXPECT_EQ(response.error_code, ErrorCode::none);
        EXPECT_EQ(response.cluster_id, world.shards[0]->view().cluster_id.text());
        EXPECT_EQ(response.controller_id, 1);
        ASSERT_EQ(response.brokers.size(), 1u);
        EXPECT_EQ(response.brokers[0].broker_id, 1);
        EXPECT_EQ(response.brokers[0].host, "broker");
        EXPECT_EQ(response.brokers[0].port, 9092);
        EXPECT_EQ(response.cluster_authorized_operations, INT32_MIN);
    }
}

TEST(DescribeCluster, tells_racks_and_who_is_fenced) {
    BrokerWorld world;
    auto second = std::make_unique<PeerBroker>(world, 2, "cellar");
    Client& client = world.connect();
    const auto with = client.ask<DescribeClusterResponse>(DescribeClusterRequest{}, 2);
    ASSERT_EQ(with.brokers.size(), 2u);
    EXPECT_FALSE(with.brokers[0].rack.has_value());
    EXPECT_EQ(with.brokers[1].rack, "cellar");
    second.reset();
    ASSERT_TRUE(world.run_until([&] { return !world.shards[0]->view().alive(NodeId{2}); }));
    EXPECT_EQ(client.ask<DescribeClusterResponse>(DescribeClusterRequest{}, 2).brokers.size(), 1u);
    DescribeClusterRequest request;
    request.include_fenced_brokers = true;
    const auto fenced = client.ask<DescribeClusterResponse>(request, 2);
    ASSERT_EQ(fenced.brokers.size(), 2u);
    EXPECT_FALSE(fenced.brokers[0].is_fenced);
    EXPECT_TRUE(fenced.brokers[1].is_fenced);
}

TEST(DescribeCluster, has_no_controllers_to_tell_of) {
    BrokerWorld world;
    DescribeClusterRequest request;
    request.endpoint_type = 2;
    EXPECT_EQ(world.connect().ask<DescribeClusterResponse>(request, 1).error_code,
              ErrorCode::mismatched_endpoint_type);
    request.endpoint_type = 9;
    EXPECT_EQ(world.connect().ask<DescribeClusterResponse>(request, 1).error_code,
              ErrorCode::unsupported_endpoint_type);
}

}  // namespace
}  // namespace penstock::scenario
