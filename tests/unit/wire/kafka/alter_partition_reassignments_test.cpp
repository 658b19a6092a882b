#include "wire/kafka/alter_partition_reassignments.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(AlterPartitionReassignments, request) {
    const std::vector<int32_t> replicas{1, 2};
    const std::vector<AlterPartitionReassignmentsRequest::Partition> partitions{{3, replicas}, {4, std::nullopt}};
    const std::vector<AlterPartitionReassignmentsRequest::Topic> topics{{"a", partitions}};
    AlterPartitionReassignmentsRequest message;
    message.timeout_ms = 6;
    message.allow_replication_factor_change = false;
    message.topics = topics;
    expect_golden(message, 0, "00000006 02 02 'a' 03 00000003 03 00000001 00000002 00 00000004 00 00 00 00");
    expect_golden(message, 1, "00000006 00 02 02 'a' 03 00000003 03 00000001 00000002 00 00000004 00 00 00 00");
}

TEST(AlterPartitionReassignments, response) {
    const std::vector<AlterPartitionReassignmentsResponse::Partition> partitions{
        {3, ErrorCode::none, {}}, {4, ErrorCode::no_reassignment_in_progress, "no"}};
    const std::vector<AlterPartitionReassignmentsResponse::Topic> topics{{"a", partitions}};
    AlterPartitionReassignmentsResponse message;
    message.throttle_time_ms = 7;
    message.responses = topics;
    expect_golden(message, 0, "00000007 0000 00 02 02 'a' 03 00000003 0000 00 00 00000004 0055 03 'no' 00 00 00");
    expect_golden(message, 1, "00000007 01 0000 00 02 02 'a' 03 00000003 0000 00 00 00000004 0055 03 'no' 00 00 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
