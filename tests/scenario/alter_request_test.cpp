#include "broker/alter_request.h"

#include "broker/topic_config_rows.h"
#include "scenario/config_calls.h"

namespace penstock::scenario {
namespace {

/// Sends all at once, each on a connection of its own; the answers in the same order.
std::vector<Altered> alter_at_once(BrokerWorld& world, const std::vector<std::vector<Change>>& changes) {
    std::vector<std::pair<Client*, int32_t>> sent;
    for (const std::vector<Change>& change : changes) {
        std::vector<IncrementalAlterConfigsRequest::Resource> resources;
        const IncrementalAlterConfigsRequest request = request_of(change, resources);
        Client& client = world.connect();
        sent.emplace_back(&client, client.send(request, 1));
    }
    std::vector<Altered> results;
    for (const auto& [client, correlation] : sent)
        results.push_back(altered_of(client->receive<IncrementalAlterConfigsResponse>(correlation, 1)).at(0));
    return results;
}

TEST(AlterRequest, changes_of_one_topic_at_the_same_time_are_all_made) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t");
    const std::vector<std::vector<Change>> changes{
        {{ConfigResourceType::topic, "t", {set("retention.ms", "1")}}},
        {{ConfigResourceType::topic, "t", {set("retention.bytes", "2")}}},
        {{ConfigResourceType::topic, "t", {append("cleanup.policy", "compact")}}},
        {{ConfigResourceType::topic, "t", {set("segment.ms", "3")}}}};
    for (const Altered& result : alter_at_once(world, changes)) EXPECT_EQ(result.error, ErrorCode::none);
    Client& client = world.connect();
    EXPECT_EQ(value_of(client, "t", "retention.ms"), "1");
    EXPECT_EQ(value_of(client, "t", "retention.bytes"), "2");
    EXPECT_EQ(value_of(client, "t", "cleanup.policy"), "delete,compact");
    EXPECT_EQ(value_of(client, "t", "segment.ms"), "3");
}

/// Whoever is not through after some attempts hears so, and nothing of its change was made.
TEST(AlterRequest, gives_up_on_a_topic_that_everybody_changes) {
    BrokerWorld world;
    world.make_topic("t");
    std::vector<std::string> names;
    for (const broker::TopicConfigRow& row : broker::topic_config_rows())
        if (row.rule.type == broker::ConfigType::int64 && row.effect == broker::ConfigEffect::served)
            names.emplace_back(row.name);
    for (const char* name : {"flush.ms", "flush.messages", "segment.jitter.ms", "file.delete.delay.ms"})
        names.emplace_back(name);
    std::vector<std::vector<Change>> changes;
    for (const std::string& name : names) changes.push_back({{ConfigResourceType::topic, "t", {set(name, "77")}}});
    ASSERT_GT(changes.size(), limits::alter_configs_attempts);
    const std::vector<Altered> results = alter_at_once(world, changes);
    Client& client = world.connect();
    size_t made = 0;
    for (size_t i = 0; i < names.size(); ++i) {
        const bool done = results[i].error == ErrorCode::none;
        EXPECT_TRUE(done || results[i].error == ErrorCode::request_timed_out) << results[i].message;
        EXPECT_EQ(value_of(client, "t", names[i]) == "77", done) << names[i];
        made += done ? 1 : 0;
    }
    EXPECT_GE(made, limits::alter_configs_attempts);
    EXPECT_LT(made, names.size());
}

TEST(AlterRequest, changes_several_topics_in_one_request) {
    BrokerWorld world;
    std::vector<std::string> names;
    for (int i = 0; i < 20; ++i) world.make_topic(names.emplace_back("t" + std::to_string(i)));
    std::vector<Change> changes;
    for (const std::string& name : names)
        changes.push_back({ConfigResourceType::topic, name, {set("retention.ms", "9")}});
    Client& client = world.connect();
    for (const Altered& result : alter(client, changes)) EXPECT_EQ(result.error, ErrorCode::none);
    for (const std::string& name : names) EXPECT_EQ(value_of(client, name, "retention.ms"), "9");
}

TEST(AlterRequest, hears_of_a_coordinator_that_is_away) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(second_ns);
    const Altered result = alter_topic(world.connect(), "t", {set("retention.ms", "9")});
    EXPECT_TRUE(result.error == ErrorCode::request_timed_out || result.error == ErrorCode::not_controller);
    EXPECT_FALSE(result.message.empty());
}

TEST(AlterRequest, ends_with_its_client) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    std::vector<IncrementalAlterConfigsRequest::Resource> resources;
    const std::vector<Change> changes{{ConfigResourceType::topic, "t", {set("retention.ms", "9")}}};
    Client& client = world.connect();
    client.send(request_of(changes, resources), 1);
    world.run(second_ns);
    client.close();
    world.run(3 * second_ns);
    for (const auto& shard : world.shards) EXPECT_EQ(shard->listener().requests_in_use(), 0u);
}

TEST(AlterRequest, too_many_resources_end_the_connection) {
    BrokerWorld world;
    const std::vector<Change> changes(limits::topics_per_request + 1);
    std::vector<IncrementalAlterConfigsRequest::Resource> resources;
    Client& client = world.connect();
    client.send(request_of(changes, resources), 1);
    EXPECT_TRUE(client.wait_for_close());
}

}  // namespace
}  // namespace penstock::scenario
