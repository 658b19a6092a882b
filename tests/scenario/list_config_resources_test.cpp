#include "wire/kafka/list_config_resources.h"

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ConfigResourceType;
using wire::kafka::ListConfigResourcesRequest;
using wire::kafka::ListConfigResourcesResponse;

std::vector<std::string> list(Client& client, const std::vector<ConfigResourceType>& types, int16_t version = 1) {
    ListConfigResourcesRequest request;
    request.types = types;
    const auto response = client.ask<ListConfigResourcesResponse>(request, version);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    std::vector<std::string> names;
    for (const auto& resource : response.resources)
        names.push_back(std::to_string(static_cast<int>(resource.type)) + " " + std::string(resource.name));
    return names;
}

TEST(ListConfigResources, names_topics_and_brokers) {
    BrokerWorld world;
    world.make_topic("b");
    world.make_topic("a");
    Client& client = world.connect();
    using Names = std::vector<std::string>;
    EXPECT_EQ(list(client, {}), (Names{"2 a", "2 b", "4 1"}));
    EXPECT_EQ(list(client, {ConfigResourceType::topic}), (Names{"2 a", "2 b"}));
    EXPECT_EQ(list(client, {ConfigResourceType::broker, ConfigResourceType::broker}), Names{"4 1"});
    EXPECT_EQ(list(client, {ConfigResourceType::group, ConfigResourceType::client_metrics}), Names{});
    EXPECT_EQ(list(client, {}, 0), Names{});
}

TEST(ListConfigResources, refuses_types_that_it_does_not_know) {
    BrokerWorld world;
    const std::vector<ConfigResourceType> types{ConfigResourceType::topic, static_cast<ConfigResourceType>(3)};
    ListConfigResourcesRequest request;
    request.types = types;
    const auto response = world.connect().ask<ListConfigResourcesResponse>(request, 1);
    EXPECT_EQ(response.error_code, ErrorCode::unsupported_version);
    EXPECT_TRUE(response.resources.empty());
}

}  // namespace
}  // namespace penstock::scenario
