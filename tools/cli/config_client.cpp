#include "cli/config_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/suggest.h"
#include "wire/kafka/describe_configs.h"
#include "wire/kafka/incremental_alter_configs.h"

namespace penstock::cli {

namespace {

using wire::kafka::AlterOperation;
using wire::kafka::ConfigResourceType;
using wire::kafka::DescribeConfigsRequest;
using wire::kafka::DescribeConfigsResponse;
using wire::kafka::IncrementalAlterConfigsRequest;
using wire::kafka::IncrementalAlterConfigsResponse;

using Configs = std::vector<ConfigValue>;

Failure no_topic(Client& client, const std::string& topic, Deadline deadline) {
    return client.unknown_topic(topic, fmt::format("Create it with 'penstock topic create {}'.", topic), deadline);
}

/// The answer's only result, or nothing: then the broker is not sound.
template <class Response>
const typename Response::Result* only(const Response& response) {
    return response.results.size() == 1 ? &response.results.front() : nullptr;
}

Outcome<Configs> describe(Client& client, Outcome<Connection*> connection, ConfigResourceType type,
                          const std::string& name, Deadline deadline) {
    if (!connection) return std::unexpected(std::move(connection.error()));
    const DescribeConfigsRequest::Resource resource{type, name, std::nullopt};
    DescribeConfigsRequest request;
    request.resources = {&resource, 1};
    const auto version = (*connection)->version_of(ApiKey::describe_configs);
    request.include_documentation = version && *version >= 3;
    const auto reply = (*connection)->call<DescribeConfigsResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) client.drop(*connection);
        return std::unexpected(reply.error());
    }
    const auto* result = only(reply->message);
    if (result == nullptr) return refuse(fmt::format("the broker did not describe '{}'", name));
    if (result->error_code == ErrorCode::unknown_topic_or_partition)
        return std::unexpected(no_topic(client, name, deadline));
    if (result->error_code != ErrorCode::none)
        return std::unexpected(
            refusal(fmt::format("cannot describe '{}'", name), result->error_code, result->error_message));
    Configs configs;
    for (const auto& config : result->configs) {
        ConfigValue& out = configs.emplace_back();
        out.name = config.name;
        if (config.value) out.value = std::string(*config.value);
        out.source = config.source;
        out.read_only = config.read_only;
        out.documentation = config.documentation.value_or(std::string_view());
    }
    std::ranges::sort(configs, {}, &ConfigValue::name);
    return configs;
}

Outcome<void> edit_once(Client& client, const std::string& topic, const std::vector<ConfigEdit>& edits,
                        Deadline deadline) {
    auto connection = client.controller(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    std::vector<IncrementalAlterConfigsRequest::Config> configs;
    for (const ConfigEdit& edit : edits) {
        IncrementalAlterConfigsRequest::Config& config = configs.emplace_back();
        config.name = edit.name;
        config.operation = edit.value ? AlterOperation::set : AlterOperation::remove;
        if (edit.value) config.value = *edit.value;
    }
    const IncrementalAlterConfigsRequest::Resource resource{ConfigResourceType::topic, topic, configs};
    IncrementalAlterConfigsRequest request;
    request.resources = {&resource, 1};
    const auto reply = (*connection)->call<IncrementalAlterConfigsResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) client.drop(*connection);
        return std::unexpected(reply.error());
    }
    const auto* result = only(reply->message);
    if (result == nullptr) return refuse(fmt::format("the broker did not say whether it changed '{}'", topic));
    if (result->error_code == ErrorCode::none) return {};
    if (result->error_code == ErrorCode::unknown_topic_or_partition)
        return std::unexpected(no_topic(client, topic, deadline));
    return std::unexpected(refusal(fmt::format("cannot change the configs of topic '{}'", topic), result->error_code,
                                   result->error_message));
}

}  // namespace

Outcome<Configs> topic_configs(Client& client, const std::string& topic, Deadline deadline) {
    return client.retry(deadline, [&] {
        return describe(client, client.any(deadline), ConfigResourceType::topic, topic, deadline);
    });
}

Outcome<Configs> broker_configs(Client& client, int32_t broker, Deadline deadline) {
    return client.retry(deadline, [&] {
        return describe(client, client.broker(broker, deadline), ConfigResourceType::broker, std::to_string(broker),
                        deadline);
    });
}

/// Setting a value twice is as good as once, so an answer that was lost is no reason not to ask again.
Outcome<void> edit_topic_configs(Client& client, const std::string& topic, const std::vector<ConfigEdit>& edits,
                                 Deadline deadline) {
    return client.retry(deadline, [&] { return edit_once(client, topic, edits, deadline); });
}

const ConfigValue* find_config(const Configs& configs, std::string_view name) {
    const auto at = std::ranges::find(configs, name, &ConfigValue::name);
    return at == configs.end() ? nullptr : &*at;
}

Failure unknown_config(const std::string& name, const Configs& configs) {
    std::vector<std::string> names;
    for (const ConfigValue& config : configs) names.push_back(config.name);
    Failure failure{.message = fmt::format("there is no config '{}'", printable(name)),
                    .hint = did_you_mean(name, names)};
    if (failure.hint.empty()) failure.hint = "'penstock config get topic NAME --all' lists them.";
    return failure;
}

}  // namespace penstock::cli
