#include "wire/kafka/list_partition_reassignments.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(ListPartitionReassignments, request) {
    ListPartitionReassignmentsRequest message;
    message.timeout_ms = 6;
    expect_golden(message, 0, "00000006 00 00");
    const std::vector<int32_t> partitions{3};
    const std::vector<ListPartitionReassignmentsRequest::Topic> topics{{"a", partitions}};
    message.topics = topics;
    expect_golden(message, 0, "00000006 02 02 'a' 02 00000003 00 00");
}

TEST(ListPartitionReassignments, response) {
    const std::vector<int32_t> replicas{1, 2}, adding{2};
    const std::vector<ListPartitionReassignmentsResponse::Partition> partitions{{3, replicas, adding, {}}};
    const std::vector<ListPartitionReassignmentsResponse::Topic> topics{{"a", partitions}};
    ListPartitionReassignmentsResponse message;
    message.throttle_time_ms = 7;
    expect_golden(message, 0, "00000007 0000 00 01 00");
    message.topics = topics;
    expect_golden(message, 0, "00000007 0000 00 02 02 'a' 02 00000003 03 00000001 00000002 02 00000002 01 00 00 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
