#include "wire/kafka/describe_topic_partitions.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::DescribeTopicPartitionsRequest;
using wire::kafka::DescribeTopicPartitionsResponse;
using wire::kafka::TopicPartitionsCursor;
using Cursor = std::optional<TopicPartitionsCursor>;

DescribeTopicPartitionsResponse describe(Client& client, const std::vector<std::string_view>& names,
                                         int32_t limit = 2000, const Cursor& cursor = {}) {
    std::vector<DescribeTopicPartitionsRequest::Topic> topics;
    for (const std::string_view name : names) topics.push_back({name});
    DescribeTopicPartitionsRequest request;
    request.topics = topics;
    request.response_partition_limit = limit;
    request.cursor = cursor;
    return client.ask<DescribeTopicPartitionsResponse>(request, 0);
}

/// "a:0 a:1 b:0 ... | next c:4"
std::string text_of(const DescribeTopicPartitionsResponse& response) {
    std::string text;
    for (const auto& topic : response.topics) {
        text += std::string(*topic.name) + ':';
        if (topic.error_code != ErrorCode::none) text += "error " + std::to_string(static_cast<int>(topic.error_code));
        for (const auto& partition : topic.partitions) text += std::to_string(partition.partition_index);
        text += ' ';
    }
    if (response.next_cursor)
        text += "next " + std::string(response.next_cursor->topic_name) + ' ' +
                std::to_string(response.next_cursor->partition_index);
    return text;
}

TEST(DescribeTopicPartitions, tells_what_metadata_tells) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 2);
    world.make_topic("__consumer_offsets", 1);
    const auto response = describe(world.connect(), {"t", "__consumer_offsets"});
    ASSERT_EQ(response.topics.size(), 2u);
    EXPECT_TRUE(response.topics[0].is_internal);
    const auto& topic = response.topics[1];
    EXPECT_EQ(topic.topic_id, id);
    EXPECT_FALSE(topic.is_internal);
    EXPECT_EQ(topic.topic_authorized_operations, 3576);
    ASSERT_EQ(topic.partitions.size(), 2u);
    for (const auto& partition : topic.partitions) {
        EXPECT_EQ(partition.error_code, ErrorCode::none);
        EXPECT_EQ(partition.leader_id, 1);
        EXPECT_EQ(partition.leader_epoch, 0);
        ASSERT_EQ(partition.replica_nodes.size(), 1u);
        EXPECT_EQ(partition.replica_nodes[0], 1);
        EXPECT_EQ(partition.isr_nodes.size(), 1u);
        EXPECT_TRUE(partition.eligible_leader_replicas.has_value());
        EXPECT_TRUE(partition.offline_replicas.empty());
    }
}

TEST(DescribeTopicPartitions, goes_in_pages_through_all_topics_in_order) {
    BrokerWorld world;
    world.make_topic("b", 3);
    world.make_topic("a", 2);
    world.make_topic("c", 1);
    Client& client = world.connect();
    EXPECT_EQ(text_of(describe(client, {})), "a:01 b:012 c:0 ");
    EXPECT_EQ(text_of(describe(client, {}, 4)), "a:01 b:01 next b 2");
    EXPECT_EQ(text_of(describe(client, {}, 4, TopicPartitionsCursor{"b", 2})), "b:2 c:0 ");
    EXPECT_EQ(text_of(describe(client, {}, 2)), "a:01 next b 0");
    EXPECT_EQ(text_of(describe(client, {}, 0)), "a:0 next a 1") << "one at least";
    EXPECT_EQ(text_of(describe(client, {}, -5, TopicPartitionsCursor{"a", 1})), "a:1 next b 0");
    EXPECT_EQ(text_of(describe(client, {}, 9, TopicPartitionsCursor{"aa", 1})), "b:012 c:0 ") << "it was deleted";
    EXPECT_EQ(text_of(describe(client, {}, 9, TopicPartitionsCursor{"b", INT32_MAX})), "b: c:0 ");
    EXPECT_EQ(text_of(describe(client, {}, 9, TopicPartitionsCursor{"z", 0})), "");
}

TEST(DescribeTopicPartitions, judges_each_name_on_its_own_and_answers_each_once) {
    BrokerWorld world;
    world.make_topic("a", 2);
    world.make_topic("b", 2);
    Client& client = world.connect();
    EXPECT_EQ(text_of(describe(client, {"nope", "b", "bad name", "a", "b"})),
              "a:01 b:01 bad name:error 17 nope:error 3 ");
    EXPECT_EQ(text_of(describe(client, {"b", "a"}, 3, TopicPartitionsCursor{"a", 1})), "a:1 b:01 ");
    EXPECT_EQ(text_of(describe(client, {"b", "a"}, 3, TopicPartitionsCursor{"c", 0})), "b:error 42 a:error 42 ");
    EXPECT_EQ(text_of(describe(client, {"b", "c"}, 3, TopicPartitionsCursor{"a", 0})), "b:error 42 c:error 42 ");
    EXPECT_EQ(text_of(describe(client, {"a"}, 3, TopicPartitionsCursor{"a", -1})), "a:error 42 ");
}

TEST(DescribeTopicPartitions, does_not_tell_of_more_than_the_broker_wants_to) {
    BrokerWorld world;
    world.make_topic("wide", 1500);
    world.make_topic("wider", 1500);
    const auto response = describe(world.connect(), {}, INT32_MAX);
    ASSERT_EQ(response.topics.size(), 2u);
    EXPECT_EQ(response.topics[1].partitions.size(), 500u);
    EXPECT_EQ(response.next_cursor->partition_index, 500);
}

}  // namespace
}  // namespace penstock::scenario
