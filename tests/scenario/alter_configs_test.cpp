#include "wire/kafka/alter_configs.h"

#include "scenario/config_calls.h"

namespace penstock::scenario {
namespace {

std::vector<Altered> replace(Client& client, const std::vector<AlterConfigsRequest::Resource>& resources,
                             int16_t version = 2, bool validate_only = false) {
    AlterConfigsRequest request;
    request.resources = resources;
    request.validate_only = validate_only;
    return altered_of(client.ask<AlterConfigsResponse>(request, version));
}

TEST(AlterConfigs, what_is_not_named_goes_back_to_its_default) {
    BrokerWorld world;
    world.make_topic("t", 1, {{"retention.ms", "1000"}, {"segment.ms", "2000"}});
    Client& client = world.connect();
    const std::vector<Replacement> configs{{"segment.ms", "3000"}};
    for (int16_t version = 0; version <= 2; ++version) {
        const auto results = replace(client, {{ConfigResourceType::topic, "t", configs}}, version);
        EXPECT_EQ(results.at(0).error, ErrorCode::none) << results.at(0).message;
    }
    EXPECT_EQ(value_of(client, "t", "segment.ms"), "3000");
    EXPECT_EQ(value_of(client, "t", "retention.ms"), "604800000");
    EXPECT_EQ(replace(client, {{ConfigResourceType::topic, "t", {}}}, 2, true).at(0).error, ErrorCode::none);
    EXPECT_EQ(value_of(client, "t", "segment.ms"), "3000");
    EXPECT_EQ(replace(client, {{ConfigResourceType::topic, "t", {}}}).at(0).error, ErrorCode::none);
    EXPECT_EQ(value_of(client, "t", "segment.ms"), "604800000");
}

/// As older clients do: read all, change one, write all.
TEST(AlterConfigs, takes_all_that_was_described) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const auto described = describe(client, ConfigResourceType::topic, "t");
    std::vector<std::pair<std::string, std::string>> kept;
    for (const auto& config : described.configs) kept.emplace_back(config.name, config.value.value_or(""));
    std::vector<Replacement> configs;
    for (auto& [name, value] : kept) {
        if (name == "retention.ms") value = "1234";
        configs.push_back({name, value});
    }
    const auto results = replace(client, {{ConfigResourceType::topic, "t", configs}});
    EXPECT_EQ(results.at(0).error, ErrorCode::none) << results.at(0).message;
    EXPECT_EQ(value_of(client, "t", "retention.ms"), "1234");
}

TEST(AlterConfigs, judges_each_resource_on_its_own) {
    BrokerWorld world;
    world.make_topic("t");
    world.make_topic("twice");
    Client& client = world.connect();
    const std::vector<Replacement> good{{"retention.ms", "1"}}, null{{"retention.ms", {}}}, strange{{"x", "1"}},
        repeated{{"retention.ms", "1"}, {"retention.ms", "1"}}, wrong{{"retention.ms", "soon"}};
    using enum ConfigResourceType;
    const std::vector<std::pair<AlterConfigsRequest::Resource, ErrorCode>> cases{
        {{topic, "no-such", good}, ErrorCode::unknown_topic_or_partition},
        {{topic, "twice", good}, ErrorCode::invalid_request},
        {{topic, "twice", good}, ErrorCode::invalid_request},
        {{broker, "1", good}, ErrorCode::invalid_request},
        {{broker_logger, "1", good}, ErrorCode::invalid_request},
        {{group, "g", good}, ErrorCode::invalid_config},
        {{static_cast<ConfigResourceType>(3), "g", good}, ErrorCode::invalid_request},
        {{topic, "t", good}, ErrorCode::none}};
    std::vector<AlterConfigsRequest::Resource> resources;
    for (const auto& [resource, error] : cases) resources.push_back(resource);
    const std::vector<Altered> results = replace(client, resources);
    ASSERT_EQ(results.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(results[i].error, cases[i].second) << results[i].message;
    EXPECT_EQ(value_of(client, "t", "retention.ms"), "1");
    EXPECT_EQ(replace(client, {{topic, "t", null}}).at(0).error, ErrorCode::invalid_request);
    EXPECT_EQ(replace(client, {{topic, "t", strange}}).at(0).error, ErrorCode::invalid_config);
    EXPECT_EQ(replace(client, {{topic, "t", repeated}}).at(0).error, ErrorCode::invalid_request);
    EXPECT_EQ(replace(client, {{topic, "t", wrong}}).at(0).error, ErrorCode::invalid_config);
}

}  // namespace
}  // namespace penstock::scenario
