// Requests about configs, in one line each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenario/kafka_calls.h"
#include "wire/kafka/describe_configs.h"
#include "wire/kafka/incremental_alter_configs.h"

namespace penstock::scenario {

using wire::kafka::AlterConfigsRequest;
using wire::kafka::AlterConfigsResponse;
using wire::kafka::AlterOperation;
using wire::kafka::ConfigResourceType;
using wire::kafka::ConfigSource;
using wire::kafka::DescribeConfigsRequest;
using wire::kafka::DescribeConfigsResponse;
using wire::kafka::IncrementalAlterConfigsRequest;
using wire::kafka::IncrementalAlterConfigsResponse;

using Operation = IncrementalAlterConfigsRequest::Config;
using Replacement = AlterConfigsRequest::Config;

/// What the answer says, kept.
struct Altered {
    ErrorCode error = ErrorCode::none;
    std::string message;
};

template <class Response>
std::vector<Altered> altered_of(const Response& response) {
    std::vector<Altered> out;
    for (const auto& result : response.results)
        out.push_back({result.error_code, std::string(result.error_message.value_or(std::string_view()))});
    return out;
}

struct Change {
    ConfigResourceType type = ConfigResourceType::topic;
    std::string_view name;
    std::vector<Operation> operations;
};

inline IncrementalAlterConfigsRequest request_of(const std::vector<Change>& changes,
                                                 std::vector<IncrementalAlterConfigsRequest::Resource>& resources) {
    for (const Change& change : changes) resources.push_back({change.type, change.name, change.operations});
    IncrementalAlterConfigsRequest request;
    request.resources = resources;
    return request;
}

inline std::vector<Altered> alter(Client& client, const std::vector<Change>& changes, bool validate_only = false,
                                  int16_t version = 1) {
    std::vector<IncrementalAlterConfigsRequest::Resource> resources;
    IncrementalAlterConfigsRequest request = request_of(changes, resources);
    request.validate_only = validate_only;
    return altered_of(client.ask<IncrementalAlterConfigsResponse>(request, version));
}

inline Altered alter_topic(Client& client, std::string_view topic, const std::vector<Operation>& operations) {
    return alter(client, {{ConfigResourceType::topic, topic, operations}}).at(0);
}

inline Operation set(std::string_view name, std::string_view value) { return {name, AlterOperation::set, value}; }
inline Operation unset(std::string_view name) { return {name, AlterOperation::remove, {}}; }
inline Operation append(std::string_view name, std::string_view v) { return {name, AlterOperation::append, v}; }
inline Operation subtract(std::string_view name, std::string_view v) { return {name, AlterOperation::subtract, v}; }

/// The result for one resource; it lives until the client's next answer.
inline DescribeConfigsResponse::Result describe(Client& client, ConfigResourceType type, std::string_view name,
                                                const std::vector<std::string_view>& keys = {}, int16_t version = 4) {
    DescribeConfigsRequest::Resource resource{type, name, keys};
    DescribeConfigsRequest request;
    request.resources = {&resource, 1};
    request.include_synonyms = request.include_documentation = true;
    const auto response = client.ask<DescribeConfigsResponse>(request, version);
    EXPECT_EQ(response.results.size(), 1u);
    return response.results.size() == 1 ? response.results[0] : DescribeConfigsResponse::Result{};
}

inline std::string value_of(Client& client, std::string_view topic, std::string_view key) {
    const auto result = describe(client, ConfigResourceType::topic, topic, {key});
    if (result.configs.size() != 1) return "(" + std::to_string(result.configs.size()) + " values)";
    return std::string(result.configs[0].value.value_or("(null)"));
}

}  // namespace penstock::scenario
