#include "wire/kafka/api_versions.h"

#include <gtest/gtest.h>

#include "scenario/broker_world.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ApiVersionsRequest;
using wire::kafka::ApiVersionsResponse;

ApiVersionsRequest request_of(std::string_view name = "librdkafka", std::string_view version = "2.0.2-1") {
    ApiVersionsRequest request;
    request.client_software_name = name;
    request.client_software_version = version;
    return request;
}

TEST(ApiVersions, lists_what_is_served_in_every_version) {
    BrokerWorld world;
    Client& client = world.connect();
    for (int16_t version = 0; version <= 4; ++version) {
        const auto response = client.ask<ApiVersionsResponse>(request_of(), version);
        EXPECT_EQ(response.error_code, ErrorCode::none);
        ASSERT_EQ(response.api_keys.size(), wire::kafka::apis.size());
        for (size_t i = 0; i < wire::kafka::apis.size(); ++i) {
            EXPECT_EQ(response.api_keys[i].api_key, wire::kafka::apis[i].key);
            EXPECT_EQ(response.api_keys[i].min_version, wire::kafka::apis[i].first);
            EXPECT_EQ(response.api_keys[i].max_version, wire::kafka::apis[i].last);
        }
    }
}

TEST(ApiVersions, answers_a_newer_version_in_version_0) {
    BrokerWorld world;
    Client& client = world.connect();
    const int32_t id = client.send(request_of(), 99);
    const auto response = client.receive<ApiVersionsResponse>(id, 0);
    EXPECT_EQ(response.error_code, ErrorCode::unsupported_version);
    ASSERT_EQ(response.api_keys.size(), 1u);
    EXPECT_EQ(response.api_keys[0].api_key, 18);
    EXPECT_EQ(response.api_keys[0].max_version, 4);
    // The connection is good for the next try.
    EXPECT_EQ(client.ask<ApiVersionsResponse>(request_of(), 4).error_code, ErrorCode::none);
}

TEST(ApiVersions, refuses_nonsense_as_the_name_of_a_client) {
    BrokerWorld world;
    Client& client = world.connect();
    for (const auto& [name, version] : {std::pair{"", "1"}, {"a", ""}, {"-a", "1"}, {"a b", "1"}, {"a", "1."}}) {
        EXPECT_EQ(client.ask<ApiVersionsResponse>(request_of(name, version), 3).error_code,
                  ErrorCode::invalid_request) << name;
    }
}

}  // namespace
}  // namespace penstock::scenario
