#include "wire/kafka/describe_topic_partitions.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DescribeTopicPartitions, request) {
    const std::vector<DescribeTopicPartitionsRequest::Topic> topics{{"a"}, {"b"}};
    DescribeTopicPartitionsRequest message;
    message.topics = topics;
    message.response_partition_limit = 9;
    expect_golden(message, 0, "03 02 'a' 00 02 'b' 00 00000009 ff 00");
    message.cursor = TopicPartitionsCursor{"b", 3};
    expect_golden(message, 0, "03 02 'a' 00 02 'b' 00 00000009 01 02 'b' 00000003 00 00");
}

TEST(DescribeTopicPartitions, response) {
    const std::vector<int32_t> nodes{1};
    std::vector<DescribeTopicPartitionsResponse::Partition> partitions(1);
    partitions[0] = {ErrorCode::none, 2, 1, 4, nodes, nodes, wire::Array<int32_t>(), {}, nodes};
    std::vector<DescribeTopicPartitionsResponse::Topic> topics(1);
    topics[0].name = "a";
    topics[0].topic_id.bytes[15] = 1;
    topics[0].is_internal = true;
    topics[0].partitions = partitions;
    topics[0].topic_authorized_operations = 3;
    DescribeTopicPartitionsResponse message;
    message.throttle_time_ms = 7;
    message.topics = topics;
    const std::string_view page =
        "00000007 02 0000 02 'a' 00000000000000000000000000000001 01"
        "02 0000 00000002 00000001 00000004 02 00000001 02 00000001 01 00 02 00000001 00 00000003 00";
    expect_golden(message, 0, std::string(page) + "ff 00");
    message.next_cursor = TopicPartitionsCursor{"a", 3};
    expect_golden(message, 0, std::string(page) + "01 02 'a' 00000003 00 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
