#include "wire/kafka/describe_configs.h"

#include <algorithm>

#include "broker/topic_config_rows.h"
#include "scenario/config_calls.h"

namespace penstock::scenario {
namespace {

const DescribeConfigsResponse::Config& config_of(const DescribeConfigsResponse::Result& result, std::string_view name) {
    const auto at = std::ranges::find(result.configs, name, &DescribeConfigsResponse::Config::name);
    if (at != result.configs.end()) return *at;
    ADD_FAILURE() << "no " << name;
    static const DescribeConfigsResponse::Config none;
    return none;
}

TEST(DescribeConfigs, shows_every_config_of_a_topic_in_every_version) {
    BrokerWorldOptions options;
    options.broker.default_log.retention_ms = 5000;
    BrokerWorld world(options);
    world.make_topic("t", 1, {{"segment.ms", "2000"}});
    Client& client = world.connect();
    for (int16_t version = 1; version <= 4; ++version) {
        const auto result = describe(client, ConfigResourceType::topic, "t", {}, version);
        EXPECT_EQ(result.error_code, ErrorCode::none);
        EXPECT_EQ(result.resource_name, "t");
        EXPECT_EQ(result.resource_type, ConfigResourceType::topic);
        EXPECT_EQ(result.configs.size(), 36u);
        const auto& own = config_of(result, "segment.ms");
        EXPECT_EQ(own.value, "2000");
        EXPECT_EQ(own.source, ConfigSource::topic);
        EXPECT_FALSE(own.read_only);
        const auto& setting = config_of(result, "retention.ms");
        EXPECT_EQ(setting.value, "5000");
        EXPECT_EQ(setting.source, ConfigSource::static_broker);
        const auto& initial = config_of(result, "retention.bytes");
        EXPECT_EQ(initial.value, "-1");
        EXPECT_EQ(initial.source, ConfigSource::initial);
        EXPECT_TRUE(config_of(result, "remote.storage.enable").read_only);
        if (version < 3) continue;
        EXPECT_EQ(own.type, 5);
        EXPECT_TRUE(own.documentation.has_value());
    }
}

TEST(DescribeConfigs, shows_only_the_keys_that_were_asked_for) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    const auto result = describe(client, ConfigResourceType::topic, "t", {"retention.ms", "no.such", "flush.ms"});
    ASSERT_EQ(result.configs.size(), 2u);
    EXPECT_EQ(result.configs[0].name, "flush.ms");
    EXPECT_EQ(result.configs[1].name, "retention.ms");
    DescribeConfigsRequest::Resource resource{ConfigResourceType::topic, "t", std::nullopt};
    DescribeConfigsRequest request;
    request.resources = {&resource, 1};
    const auto bare = client.ask<DescribeConfigsResponse>(request, 4);
    ASSERT_GT(bare.results[0].configs.size(), 30u);
    for (const auto& config : bare.results[0].configs) {
        EXPECT_TRUE(config.synonyms.empty());
        EXPECT_FALSE(config.documentation.has_value());
    }
}

TEST(DescribeConfigs, has_room_for_more_topics_than_anybody_has) {
    BrokerWorld world;
    world.make_topic("t");
    world.make_topic("u", 1, {{"segment.ms", "2000"}});
    std::vector<DescribeConfigsRequest::Resource> resources(16'000, {ConfigResourceType::topic, "t", std::nullopt});
    resources.push_back({ConfigResourceType::topic, "u", std::nullopt});
    resources.push_back({ConfigResourceType::topic, "t", std::nullopt});
    DescribeConfigsRequest request;
    request.resources = resources;
    const auto response = world.connect().ask<DescribeConfigsResponse>(request, 4);
    ASSERT_EQ(response.results.size(), resources.size());
    const std::string kafkas_default = "604800000";
    EXPECT_EQ(config_of(response.results[15'999], "segment.ms").value, kafkas_default);
    EXPECT_EQ(config_of(response.results[16'000], "segment.ms").value, "2000");
    EXPECT_EQ(config_of(response.results[16'001], "segment.ms").value, kafkas_default);
}

TEST(DescribeConfigs, shows_what_the_broker_was_started_with) {
    BrokerWorldOptions options;
    options.broker.default_partitions = 7;
    options.broker.data_directory = "/data";
    BrokerWorld world(options);
    Client& client = world.connect();
    const auto result = describe(client, ConfigResourceType::broker, "1");
    EXPECT_EQ(result.error_code, ErrorCode::none);
    EXPECT_EQ(config_of(result, "num.partitions").value, "7");
    EXPECT_EQ(config_of(result, "num.partitions").source, ConfigSource::static_broker);
    EXPECT_EQ(config_of(result, "listeners").value, "PLAINTEXT://broker:9092");
    EXPECT_EQ(config_of(result, "advertised.listeners").value, "PLAINTEXT://broker:9092");
    EXPECT_EQ(config_of(result, "log.dirs").value, "/data");
    EXPECT_EQ(config_of(result, "message.max.bytes").value, "1048588");
    EXPECT_EQ(config_of(result, "message.max.bytes").source, ConfigSource::initial);
    for (const auto& config : result.configs) {
        EXPECT_TRUE(config.read_only) << config.name;
        EXPECT_TRUE(config.source == ConfigSource::static_broker || config.source == ConfigSource::initial);
        EXPECT_NE(config.type, 0);
    }
    EXPECT_TRUE(describe(client, ConfigResourceType::broker, "").configs.empty());
}

TEST(DescribeConfigs, judges_each_resource_on_its_own) {
    BrokerWorld world;
    world.make_topic("t");
    using enum ConfigResourceType;
    const std::vector<std::tuple<ConfigResourceType, const char*, ErrorCode>> cases{
        {topic, "none", ErrorCode::unknown_topic_or_partition}, {topic, "no name", ErrorCode::invalid_topic},
        {topic, "", ErrorCode::invalid_topic},
        {broker, "2", ErrorCode::invalid_request}, {broker, "one", ErrorCode::invalid_request},
        {broker, "", ErrorCode::none},
        {broker_logger, "1", ErrorCode::invalid_request}, {group, "g", ErrorCode::none},
        {group, "", ErrorCode::invalid_request}, {client_metrics, "m", ErrorCode::none},
        {client_metrics, "", ErrorCode::invalid_request}, {unknown, "x", ErrorCode::invalid_request},
        {static_cast<ConfigResourceType>(-1), "x", ErrorCode::invalid_request}, {topic, "t", ErrorCode::none},
        {topic, "t", ErrorCode::none}};
    std::vector<DescribeConfigsRequest::Resource> resources;
    for (const auto& [type, name, error] : cases) resources.push_back({type, name, std::nullopt});
    DescribeConfigsRequest request;
    request.resources = resources;
    const auto response = world.connect().ask<DescribeConfigsResponse>(request, 4);
    ASSERT_EQ(response.results.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) {
        const auto& [type, name, error] = cases[i];
        EXPECT_EQ(response.results[i].error_code, error) << i;
        EXPECT_EQ(response.results[i].error_message.has_value(), error != ErrorCode::none) << i;
        EXPECT_EQ(response.results[i].resource_type, type);
        EXPECT_EQ(response.results[i].resource_name, name);
    }
    EXPECT_FALSE(response.results.back().configs.empty());
}

}  // namespace
}  // namespace penstock::scenario
