#include "wire/kafka/create_topics.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::CreateTopicsRequest;
using wire::kafka::CreateTopicsResponse;

CreateTopicsRequest::Topic named(std::string_view name, int32_t partitions = 1, int16_t replication = 1) {
    CreateTopicsRequest::Topic topic;
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = replication;
    return topic;
}

CreateTopicsRequest request_of(const std::vector<CreateTopicsRequest::Topic>& topics) {
    CreateTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = 5000;
    return request;
}

TEST(CreateTopics, answers_when_the_topic_can_be_used_through_any_connection) {
    BrokerWorld world({.shards = 3});
    for (int16_t version = 2; version <= 7; ++version) {
        const std::string name = "t" + std::to_string(version);
        const std::vector<CreateTopicsRequest::Topic> topics{named(name, 6)};
        const auto response = world.connect().ask<CreateTopicsResponse>(request_of(topics), version);
        ASSERT_EQ(response.topics.size(), 1u);
        EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
        if (version >= 5) {
            EXPECT_EQ(response.topics[0].num_partitions, 6);
        }
        if (version >= 5) {
            EXPECT_EQ(response.topics[0].replication_factor, 1);
        }
        if (version >= 7) {
            EXPECT_FALSE(response.topics[0].topic_id.is_zero());
        }
        for (int32_t partition = 0; partition < 6; ++partition)
            EXPECT_EQ(produce(world.connect(), name, partition, {"x"}).error_code, ErrorCode::none);
    }
}

TEST(CreateTopics, uses_defaults_and_assignments) {
    BrokerWorldOptions options;
    options.broker.default_partitions = 5;
    BrokerWorld world(options);
    const int32_t one = 1;
    std::vector<CreateTopicsRequest::Assignment> assignment(2);
    assignment[0].partition_index = 1;
    assignment[0].broker_ids = {&one, 1};
    assignment[1].partition_index = 0;
    assignment[1].broker_ids = {&one, 1};
    std::vector<CreateTopicsRequest::Topic> topics{named("defaults", -1, -1), named("assigned", -1, -1)};
    topics[1].assignments = assignment;
    const auto response = world.connect().ask<CreateTopicsResponse>(request_of(topics), 5);
    EXPECT_EQ(response.topics[0].num_partitions, 5);
    EXPECT_EQ(response.topics[1].error_code, ErrorCode::none) << response.topics[1].error_message.value_or("");
    EXPECT_EQ(response.topics[1].num_partitions, 2);
}

TEST(CreateTopics, judges_each_topic_on_its_own) {
    BrokerWorld world;
    world.make_topic("there");
    const int32_t one = 1;
    std::vector<CreateTopicsRequest::Assignment> gap(1);
    gap[0].partition_index = 1;
    gap[0].broker_ids = {&one, 1};
    const std::vector<CreateTopicsRequest::Config> unknown{{"no.such.config", "1"}};
    const std::vector<CreateTopicsRequest::Config> wrong{{"retention.ms", "soon"}};
    const std::vector<CreateTopicsRequest::Config> unserved{{"compression.type", "lz4"}};
    const std::vector<CreateTopicsRequest::Config> null{{"retention.ms", {}}};
    std::vector<CreateTopicsRequest::Topic> topics{
        named("good"),     named("there"), named("bad name"), named("zero", 0), named("many", 1, 3), named("twice"),
        named("twice", 2), named("gap"),   named("c1"),       named("c2"),      named("c3"),         named("c4")};
    topics[7].assignments = gap;
    topics[7].num_partitions = topics[7].replication_factor = -1;
    topics[8].configs = unknown;
    topics[9].configs = wrong;
    topics[10].configs = unserved;
    topics[11].configs = null;
    const auto response = world.connect().ask<CreateTopicsResponse>(request_of(topics), 7);
    const ErrorCode expected[] = {ErrorCode::none, ErrorCode::topic_already_exists, ErrorCode::invalid_topic,
                                  ErrorCode::invalid_partitions, ErrorCode::invalid_replication_factor,
                                  ErrorCode::invalid_request, ErrorCode::invalid_replica_assignment,
                                  ErrorCode::invalid_config, ErrorCode::invalid_config, ErrorCode::invalid_config,
                                  ErrorCode::invalid_config};
    ASSERT_EQ(response.topics.size(), std::size(expected));  // one result for the one that was named twice
    for (size_t i = 0; i < std::size(expected); ++i) {
        EXPECT_EQ(response.topics[i].error_code, expected[i]) << response.topics[i].name;
        if (expected[i] != ErrorCode::none) {
            EXPECT_TRUE(response.topics[i].error_message.has_value());
        }
    }
    EXPECT_EQ(world.shards[0]->view().topics.size(), 2u);
}

TEST(CreateTopics, only_validates_when_asked_to) {
    BrokerWorld world;
    const std::vector<CreateTopicsRequest::Topic> topics{named("t", 3)};
    CreateTopicsRequest request = request_of(topics);
    request.validate_only = true;
    EXPECT_EQ(world.connect().ask<CreateTopicsResponse>(request, 7).topics[0].error_code, ErrorCode::none);
    EXPECT_TRUE(world.shards[0]->view().topics.empty());
}

TEST(CreateTopics, returns_and_applies_configs) {
    BrokerWorld world;
    const std::vector<CreateTopicsRequest::Config> configs{{"max.message.bytes", "1000"}, {"retention.ms", "-1"}};
    std::vector<CreateTopicsRequest::Topic> topics{named("t")};
    topics[0].configs = configs;
    Client& client = world.connect();
    const auto response = client.ask<CreateTopicsResponse>(request_of(topics), 5);
    int own = 0;
    for (const auto& config : *response.topics[0].configs) {
        if (config.name == "max.message.bytes") {
            EXPECT_EQ(config.value, "1000");
        }
        if (config.name == "segment.bytes") {
            EXPECT_EQ(config.value, "1073741824");
        }
        own += config.config_source == 1 ? 1 : 0;
    }
    EXPECT_EQ(own, 2);
    EXPECT_EQ(response.topics[0].configs->size(), 36u);  // with those that are not set
    EXPECT_EQ(produce(client, "t", 0, {std::string(2000, 'x')}).error_code, ErrorCode::message_too_large);
}

TEST(CreateTopics, times_out_without_a_coordinator) {
    BrokerWorld world;
    world.stop_coordinator();
    world.run(second_ns);
    const std::vector<CreateTopicsRequest::Topic> topics{named("t")};
    const Nanos asked = world.clock.now();
    const auto response = world.connect().ask<CreateTopicsResponse>(request_of(topics), 7);
    EXPECT_TRUE(response.topics[0].error_code == ErrorCode::request_timed_out ||
                response.topics[0].error_code == ErrorCode::not_controller);
    EXPECT_LT(world.clock.now() - asked, 6 * second_ns);
}

}  // namespace
}  // namespace penstock::scenario
