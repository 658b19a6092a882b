#include "wire/kafka/describe_cluster.h"

#include <gtest/gtest.h>

#include "scenario/broker_world.h"

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
