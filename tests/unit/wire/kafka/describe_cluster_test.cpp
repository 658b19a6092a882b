#include "wire/kafka/describe_cluster.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DescribeCluster, request) {
    DescribeClusterRequest message;
    message.include_cluster_authorized_operations = true;
    message.include_fenced_brokers = true;
    expect_golden(message, 0, "01 00");
    expect_golden(message, 1, "01 01 00");
    expect_golden(message, 2, "01 01 01 00");
}

TEST(DescribeCluster, response) {
    std::vector<DescribeClusterResponse::Broker> brokers{{1, "h", 9092, "r", true}};
    DescribeClusterResponse message;
    message.cluster_id = "c";
    message.controller_id = 1;
    message.brokers = brokers;
    expect_golden(message, 0,
                  "00000000 0000 00 02 'c' 00000001 02 00000001 02 'h' 00002384 02 'r' 00 80000000 00");
    expect_golden(message, 2,
                  "00000000 0000 00 01 02 'c' 00000001 02 00000001 02 'h' 00002384 02 'r' 01 00 80000000 00");
    expect_all_versions(message, 0, 2);
}

}  // namespace
}  // namespace penstock::wire::kafka
