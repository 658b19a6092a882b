#include "cli/create_topic.h"

#include "cli/output.h"
#include "wire/kafka/create_topics.h"

namespace penstock::cli {

namespace {

Outcome<void> create_once(Client& client, const NewTopic& wanted, bool& asked_before, Deadline deadline) {
    auto connection = client.controller(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    const auto version = (*connection)->version_of(ApiKey::create_topics);
    if (!version) return std::unexpected(version.error());
    wire::kafka::CreateTopicsRequest::Topic topic;
    topic.name = wanted.name;
    // "The broker's default" can be said from version 4 on.
    const int64_t unset = *version >= 4 ? -1 : 1;
    topic.num_partitions = static_cast<int32_t>(wanted.partitions < 0 ? unset : wanted.partitions);
    topic.replication_factor = static_cast<int16_t>(wanted.replication_factor < 0 ? unset : wanted.replication_factor);
    std::vector<wire::kafka::CreateTopicsRequest::Assignment> assignments(wanted.assignment.size());
    for (size_t i = 0; i < assignments.size(); ++i) {
        assignments[i].partition_index = static_cast<int32_t>(i);
        assignments[i].broker_ids = wanted.assignment[i];
    }
    if (!assignments.empty()) topic.num_partitions = topic.replication_factor = -1;   // it says both
    topic.assignments = assignments;
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const std::string& config : wanted.configs) pairs.push_back(*parse_pair(config));
    std::vector<wire::kafka::CreateTopicsRequest::Config> configs;
    for (const auto& [key, value] : pairs) configs.push_back({.name = key, .value = value});
    topic.configs = configs;
    wire::kafka::CreateTopicsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = client.timeout_ms();
    const bool repeated = std::exchange(asked_before, true);
    const auto reply = (*connection)->call<wire::kafka::CreateTopicsResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) client.drop(*connection);
        return std::unexpected(reply.error());
    }
    for (const auto& result : reply->message.topics) {
        if (result.name != wanted.name) continue;
        const bool exists = result.error_code == ErrorCode::topic_already_exists;
        // An earlier attempt, whose answer was lost, may have created it.
        if (result.error_code == ErrorCode::none || (exists && (repeated || wanted.if_not_exists))) return {};
        return std::unexpected(
            refusal(fmt::format("cannot create topic '{}'", wanted.name), result.error_code, result.error_message));
    }
    return refuse(fmt::format("the broker did not say whether it created '{}'", wanted.name));
}

}  // namespace

Outcome<TopicInfo> create_topic(Client& client, const NewTopic& wanted, Deadline deadline) {
    bool asked_before = false;
    const auto created = client.retry(deadline, [&] { return create_once(client, wanted, asked_before, deadline); });
    if (!created) return std::unexpected(created.error());
    return client.topic(wanted.name, IfAbsent::wait, deadline);
}

}  // namespace penstock::cli
