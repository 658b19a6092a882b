#include "wire/kafka/create_partitions.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::CreatePartitionsRequest;
using wire::kafka::CreatePartitionsResponse;

CreatePartitionsRequest::Topic to(std::string_view name, int32_t count) {
    CreatePartitionsRequest::Topic topic;
    topic.name = name;
    topic.count = count;
    return topic;
}

CreatePartitionsResponse grow(Client& client, const std::vector<CreatePartitionsRequest::Topic>& topics,
                              int16_t version = 3, bool validate_only = false) {
    CreatePartitionsRequest request;
    request.topics = topics;
    request.timeout_ms = 5000;
    request.validate_only = validate_only;
    return client.ask<CreatePartitionsResponse>(request, version);
}

TEST(CreatePartitions, answers_when_they_can_be_used_through_any_connection) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 2);
    produce(world.connect(), "t", 1, {"old"});
    int32_t count = 2;
    for (int16_t version = 0; version <= 3; ++version) {
        count += 2;
        const auto response = grow(world.connect(), {to("t", count)}, version);
        ASSERT_EQ(response.results.size(), 1u);
        EXPECT_EQ(response.results[0].name, "t");
        EXPECT_EQ(response.results[0].error_code, ErrorCode::none);
        EXPECT_FALSE(response.results[0].error_message.has_value());
        for (int32_t partition = count - 2; partition < count; ++partition) {
            EXPECT_EQ(produce(world.connect(), "t", partition, {"x"}).error_code, ErrorCode::none) << partition;
            EXPECT_EQ(fetch(world.connect(), "t", partition, 0).high_watermark, 1);
        }
    }
    EXPECT_EQ(produce(world.connect(), "t", 1, {"more"}).base_offset, 1);
    world.crash_broker(3);
    world.start_broker();
    EXPECT_EQ(world.shards[0]->view().topic("t")->partitions.size(), static_cast<size_t>(count));
    Client& client = world.connect();
    for (int32_t partition = 2; partition < count; ++partition)
        EXPECT_EQ(list_offset(client, "t", partition, -1).offset, 1);
}

TEST(CreatePartitions, only_validates_when_asked_to) {
    BrokerWorld world;
    world.make_topic("t", 2);
    Client& client = world.connect();
    EXPECT_EQ(grow(client, {to("t", 3)}, 3, true).results[0].error_code, ErrorCode::none);
    EXPECT_EQ(grow(client, {to("t", 2)}, 3, true).results[0].error_code, ErrorCode::invalid_partitions);
    EXPECT_EQ(world.shards[0]->view().topic("t")->partitions.size(), 2u);
}

TEST(CreatePartitions, judges_each_topic_on_its_own) {
    BrokerWorld world;
    for (const char* name : {"good", "same", "less", "twice", "assigned", "wrong", "few", "__consumer_offsets"})
        world.make_topic(name, 2);
    const int32_t one = 1, nobody = 9;
    const CreatePartitionsRequest::Assignment here{{&one, 1}}, nowhere{{&nobody, 1}};
    std::vector<CreatePartitionsRequest::Topic> topics{
        to("good", 3), to("nope", 3), to("same", 2), to("less", 1), to("twice", 3), to("twice", 4),
        to("assigned", 3), to("wrong", 3), to("few", 4), to("__consumer_offsets", 60), to("bad name", 3)};
    topics[6].assignments = wire::Array<CreatePartitionsRequest::Assignment>{&here, 1};
    topics[7].assignments = wire::Array<CreatePartitionsRequest::Assignment>{&nowhere, 1};
    topics[8].assignments = wire::Array<CreatePartitionsRequest::Assignment>{&here, 1};
    const auto response = grow(world.connect(), topics);
    const std::pair<std::string_view, ErrorCode> expected[] = {
        {"good", ErrorCode::none}, {"nope", ErrorCode::unknown_topic_or_partition},
        {"same", ErrorCode::invalid_partitions}, {"less", ErrorCode::invalid_partitions},
        {"twice", ErrorCode::invalid_request}, {"assigned", ErrorCode::none},
        {"wrong", ErrorCode::invalid_replica_assignment}, {"few", ErrorCode::invalid_replica_assignment},
        {"__consumer_offsets", ErrorCode::invalid_topic}, {"bad name", ErrorCode::unknown_topic_or_partition}};
    ASSERT_EQ(response.results.size(), std::size(expected));
    for (size_t i = 0; i < std::size(expected); ++i) {
        EXPECT_EQ(response.results[i].name, expected[i].first);
        EXPECT_EQ(response.results[i].error_code, expected[i].second) << expected[i].first;
    }
    EXPECT_EQ(response.results[2].error_message, "Topic already has 2 partition(s).");
    EXPECT_EQ(world.shards[0]->view().topic("assigned")->partitions.size(), 3u);
    EXPECT_EQ(world.shards[0]->view().topic("twice")->partitions.size(), 2u);
}

TEST(CreatePartitions, times_out_without_a_coordinator) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(second_ns);
    const Nanos asked = world.clock.now();
    const auto response = grow(world.connect(), {to("t", 3)});
    EXPECT_TRUE(response.results[0].error_code == ErrorCode::request_timed_out ||
                response.results[0].error_code == ErrorCode::not_controller);
    EXPECT_LT(world.clock.now() - asked, 6 * second_ns);
}

}  // namespace
}  // namespace penstock::scenario
