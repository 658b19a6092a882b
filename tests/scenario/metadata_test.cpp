#include "wire/kafka/metadata.h"

#include <gtest/gtest.h>

#include <set>

#include "scenario/kafka_calls.h"
#include "wire/kafka/find_coordinator.h"

namespace penstock::scenario {
namespace {

using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

/// Keeps what the request points to.
struct Asked {
    explicit Asked(std::vector<std::string> topic_names, bool create = true) : names(std::move(topic_names)) {
        topics.resize(names.size());
        for (size_t i = 0; i < names.size(); ++i) topics[i].name = names[i];
        request.topics = wire::Array<MetadataRequest::Topic>(topics);
        request.allow_auto_topic_creation = create;
    }
    std::vector<std::string> names;
    std::vector<MetadataRequest::Topic> topics;
    MetadataRequest request;
};

TEST(Metadata, describes_brokers_and_topics_in_every_version) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 3);
    Client& client = world.connect();
    for (int16_t version = 0; version <= 13; ++version) {
        const auto response = client.ask<MetadataResponse>(Asked({"t"}).request, version);
        ASSERT_EQ(response.brokers.size(), 1u);
        EXPECT_EQ(response.brokers[0].node_id, 1);
        EXPECT_EQ(response.brokers[0].host, "broker");
        EXPECT_EQ(response.brokers[0].port, 9092);
        if (version >= 1) {
            EXPECT_EQ(response.controller_id, 1);
        }
        if (version >= 2) {
            EXPECT_EQ(response.cluster_id->size(), 22u);
        }
        ASSERT_EQ(response.topics.size(), 1u);
        const auto& topic = response.topics[0];
        EXPECT_EQ(topic.error_code, ErrorCode::none);
        EXPECT_EQ(topic.name, "t");
        if (version >= 10) {
            EXPECT_EQ(topic.topic_id, id);
        }
        ASSERT_EQ(topic.partitions.size(), 3u);
        for (int32_t i = 0; i < 3; ++i) {
            const auto& partition = topic.partitions[static_cast<size_t>(i)];
            EXPECT_EQ(partition.partition_index, i);
            EXPECT_EQ(partition.leader_id, 1);
            EXPECT_EQ(partition.replica_nodes.size(), 1u);
            EXPECT_EQ(partition.isr_nodes.size(), 1u);
            EXPECT_TRUE(partition.offline_replicas.empty());
        }
        EXPECT_EQ(topic.topic_authorized_operations, INT32_MIN);
    }
}

TEST(Metadata, lists_all_topics_for_null_and_none_for_empty) {
    BrokerWorld world;
    world.make_topic("a");
    world.make_topic("b");
    Client& client = world.connect();
    EXPECT_EQ(client.ask<MetadataResponse>(MetadataRequest{}, 9).topics.size(), 2u);
    EXPECT_EQ(client.ask<MetadataResponse>(Asked({}).request, 9).topics.size(), 0u);
    EXPECT_EQ(client.ask<MetadataResponse>(Asked({}).request, 0).topics.size(), 2u);
}

TEST(Metadata, makes_unknown_topics_and_answers_when_they_are_ready_everywhere) {
    BrokerWorldOptions options{.shards = 3};
    options.broker.default_partitions = 4;
    BrokerWorld world(options);
    std::vector<std::pair<Client*, int32_t>> asked;
    for (int i = 0; i < 6; ++i) {
        Client& client = world.connect();
        asked.emplace_back(&client, client.send(Asked({"new", "new", "fresh" + std::to_string(i)}).request, 9));
    }
    for (auto& [client, id] : asked) {
        const auto response = client->receive<MetadataResponse>(id, 9);
        ASSERT_EQ(response.topics.size(), 3u);
        EXPECT_EQ(response.topics[2].error_code, ErrorCode::none);
        EXPECT_EQ(response.topics[2].partitions.size(), 4u);
        // Of those who made the same topic at once, all but one may have to look again.
        EXPECT_TRUE(response.topics[0].error_code == ErrorCode::none ||
                    response.topics[0].error_code == ErrorCode::leader_not_available);
    }
    for (int32_t partition = 0; partition < 4; ++partition)
        EXPECT_EQ(produce(world.connect(), "new", partition, {"x"}).error_code, ErrorCode::none);
}

TEST(Metadata, makes_nothing_that_client_or_operator_forbid) {
    BrokerWorldOptions options;
    BrokerWorld allowing(options);
    Client& client = allowing.connect();
    auto response = client.ask<MetadataResponse>(Asked({"new"}, false).request, 9);
    EXPECT_EQ(response.topics[0].error_code, ErrorCode::unknown_topic_or_partition);
    response = client.ask<MetadataResponse>(Asked({"no/slash", "", ".."}).request, 9);
    for (const auto& topic : response.topics) EXPECT_EQ(topic.error_code, ErrorCode::invalid_topic);
    EXPECT_TRUE(client.ask<MetadataResponse>(MetadataRequest{}, 9).topics.empty());

    options.broker.auto_create_topics = false;
    BrokerWorld forbidding(options);
    response = forbidding.connect().ask<MetadataResponse>(Asked({"new"}).request, 9);
    EXPECT_EQ(response.topics[0].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST(Metadata, the_internal_topic_is_made_as_it_must_be_and_is_not_written_to) {
    BrokerWorldOptions options;
    options.broker.offsets_partitions = 3;
    BrokerWorld by_name(options), by_group(options);
    by_name.connect().ask<MetadataResponse>(Asked({"__consumer_offsets"}).request, 9);
    wire::kafka::FindCoordinatorRequest find;
    find.coordinator_key = "g";
    const auto found = by_group.connect().ask<wire::kafka::FindCoordinatorResponse>(find, 2);
    EXPECT_EQ(found.error_code, ErrorCode::none);
    EXPECT_EQ(found.host, "broker");
    for (BrokerWorld* world : {&by_name, &by_group}) {
        Client& client = world->connect();
        const auto response = client.ask<MetadataResponse>(Asked({"__consumer_offsets"}, false).request, 9);
        ASSERT_EQ(response.topics.size(), 1u);
        EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
        EXPECT_TRUE(response.topics[0].is_internal);
        EXPECT_EQ(response.topics[0].partitions.size(), 3u);
        const auto& view = *world->shards[0]->view().topics.front();
        ASSERT_NE(view.config("cleanup.policy"), nullptr);
        EXPECT_EQ(*view.config("cleanup.policy"), "compact");
        EXPECT_EQ(produce(client, "__consumer_offsets", 0, {"x"}).error_code, ErrorCode::invalid_topic);
        world->make_topic("t");
        EXPECT_FALSE(client.ask<MetadataResponse>(Asked({"t"}).request, 9).topics[0].is_internal);
    }
}

TEST(Metadata, finds_topics_by_id) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t");
    Client& client = world.connect();
    std::vector<MetadataRequest::Topic> topics(2);
    topics[0].topic_id = id;
    topics[1].topic_id = id;
    topics[1].topic_id.bytes[0] ^= 1;
    MetadataRequest request;
    request.topics = wire::Array<MetadataRequest::Topic>(topics);
    const auto response = client.ask<MetadataResponse>(request, 12);
    EXPECT_EQ(response.topics[0].name, "t");
    EXPECT_EQ(response.topics[1].error_code, ErrorCode::unknown_topic_id);
    EXPECT_FALSE(response.topics[1].name.has_value());
}

TEST(Metadata, answers_from_the_last_view_while_the_coordinator_is_away) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(3 * second_ns);
    Client& client = world.connect();
    const auto known = client.ask<MetadataResponse>(Asked({"t"}).request, 9);
    EXPECT_EQ(known.topics[0].error_code, ErrorCode::none);
    EXPECT_EQ(known.topics[0].partitions[0].leader_id, 1);
    // A new one cannot be made; the answer does not wait for ever.
    const Nanos asked = world.clock.now();
    const auto unknown = client.ask<MetadataResponse>(Asked({"new"}).request, 9);
    EXPECT_NE(unknown.topics[0].error_code, ErrorCode::none);
    EXPECT_LT(world.clock.now() - asked, 15 * second_ns);
}

TEST(Metadata, NativeClientsLearnTheShardOfAPartitionAndOthersDoNot) {
    BrokerWorld world({.shards = 3});
    const Uuid id = world.make_topic("games", 6);
    MetadataRequest::Topic topic;
    topic.name = "games";
    MetadataRequest request;
    request.topics = wire::Array<MetadataRequest::Topic>(&topic, 1);
    const auto response = world.connect().ask<MetadataResponse>(request, 12);
    const bool native = world.options.road == io::Road::native;
    ASSERT_EQ(response.brokers.size(), 1u);
    EXPECT_EQ(response.brokers[0].native_port, native ? 9192 : -1);
    ASSERT_EQ(response.topics[0].partitions.size(), 6u);
    for (const auto& partition : response.topics[0].partitions) {
        const uint32_t owner = log::shard_of({id, partition.partition_index}, 3);
        EXPECT_EQ(partition.native_port, native ? 9192 + static_cast<int32_t>(owner) : -1);
    }
}

}  // namespace
}  // namespace penstock::scenario
