#include "wire/kafka/delete_topics.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::DeleteTopicsRequest;
using wire::kafka::DeleteTopicsResponse;

DeleteTopicsResponse remove(Client& client, const std::vector<std::string_view>& names, int16_t version) {
    DeleteTopicsRequest request;
    std::vector<DeleteTopicsRequest::Topic> topics(names.size());
    for (size_t i = 0; i < names.size(); ++i) topics[i].name = names[i];
    request.topics = topics;
    request.topic_names = names;
    request.timeout_ms = 5000;
    return client.ask<DeleteTopicsResponse>(request, version);
}

TEST(DeleteTopics, removes_topic_and_records_in_every_version) {
    BrokerWorld world;
    Client& client = world.connect();
    for (int16_t version = 1; version <= 6; ++version) {
        world.make_topic("t", 4);
        for (int32_t partition = 0; partition < 4; ++partition) produce(client, "t", partition, {"old"});
        const auto response = remove(client, {"t"}, version);
        ASSERT_EQ(response.topics.size(), 1u);
        EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
        EXPECT_EQ(response.topics[0].name, "t");
        EXPECT_EQ(produce(client, "t", 0, {"x"}).error_code, ErrorCode::unknown_topic_or_partition);
    }
    // A new topic of the same name begins at 0.
    world.make_topic("t");
    EXPECT_EQ(produce(client, "t", 0, {"new"}).base_offset, 0);
    world.run(5 * second_ns);
    size_t logs = 0;
    for (auto& shard : world.shards) logs += const_cast<log::Store&>(shard->store()).logs().size();
    EXPECT_EQ(logs, 1u);
}

TEST(DeleteTopics, finds_by_id_and_judges_each_on_its_own) {
    BrokerWorld world;
    const Uuid id = world.make_topic("by-id");
    world.make_topic("by-name");
    world.make_topic("twice");
    Uuid unknown = id;
    unknown.bytes[1] ^= 1;
    std::vector<DeleteTopicsRequest::Topic> topics(7);
    topics[0].topic_id = id;
    topics[1].name = "by-name";
    topics[2].topic_id = unknown;
    topics[3].name = "unknown";
    topics[4].name = "twice";
    topics[5].name = "twice";
    // The last has neither.
    DeleteTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = 5000;
    const auto response = world.connect().ask<DeleteTopicsResponse>(request, 6);
    const ErrorCode expected[] = {ErrorCode::none, ErrorCode::none, ErrorCode::unknown_topic_id,
                                  ErrorCode::unknown_topic_or_partition, ErrorCode::invalid_request,
                                  ErrorCode::invalid_request, ErrorCode::invalid_request};
    ASSERT_EQ(response.topics.size(), std::size(expected));
    for (size_t i = 0; i < std::size(expected); ++i) EXPECT_EQ(response.topics[i].error_code, expected[i]) << i;
    EXPECT_EQ(response.topics[0].name, "by-id");
    EXPECT_FALSE(response.topics[2].name.has_value());
    EXPECT_EQ(world.shards[0]->view().topics.size(), 1u);
}

TEST(DeleteTopics, leaves_the_internal_topic_alone) {
    BrokerWorld world;
    const Uuid id = world.make_topic("__consumer_offsets", 2);
    Client& client = world.connect();
    const auto by_name = remove(client, {"__consumer_offsets"}, 5);
    ASSERT_EQ(by_name.topics.size(), 1u);
    EXPECT_EQ(by_name.topics[0].error_code, ErrorCode::invalid_topic);
    DeleteTopicsRequest::Topic topic;
    topic.topic_id = id;
    DeleteTopicsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = 5000;
    EXPECT_EQ(client.ask<DeleteTopicsResponse>(request, 6).topics[0].error_code, ErrorCode::invalid_topic);
    EXPECT_EQ(world.shards[0]->view().topics.size(), 1u);
}

TEST(DeleteTopics, stays_done_after_a_restart) {
    BrokerWorld world;
    Client& client = world.connect();
    world.make_topic("gone", 4);
    world.make_topic("kept", 4);
    for (int32_t partition = 0; partition < 4; ++partition) {
        produce(client, "gone", partition, {"x"});
        produce(client, "kept", partition, {"x"});
    }
    remove(client, {"gone"}, 4);
    world.stop_broker();
    world.start_broker();
    size_t logs = 0;
    for (auto& shard : world.shards) logs += const_cast<log::Store&>(shard->store()).logs().size();
    EXPECT_EQ(logs, 4u);
}

}  // namespace
}  // namespace penstock::scenario
