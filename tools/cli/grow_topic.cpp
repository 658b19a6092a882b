#include "cli/grow_topic.h"

#include <utility>

#include "cli/output.h"
#include "wire/kafka/create_partitions.h"

namespace penstock::cli {

namespace {

Outcome<void> grow_once(Client& client, const std::string& name, int64_t partitions, bool& asked_before,
                        Deadline deadline) {
    auto connection = client.controller(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    wire::kafka::CreatePartitionsRequest::Topic topic;
    topic.name = name;
    topic.count = static_cast<int32_t>(partitions);
    wire::kafka::CreatePartitionsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = client.timeout_ms();
    const bool repeated = std::exchange(asked_before, true);
    const auto reply = (*connection)->call<wire::kafka::CreatePartitionsResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) client.drop(*connection);
        return std::unexpected(reply.error());
    }
    for (const auto& result : reply->message.results) {
        if (result.name != name) continue;
        if (result.error_code == ErrorCode::none) return {};
        auto failure =
            refusal(fmt::format("cannot add partitions to '{}'", name), result.error_code, result.error_message);
        if (!repeated || result.error_code != ErrorCode::invalid_partitions) return std::unexpected(failure);
        // An earlier attempt, whose answer was lost, may have done it.
        const auto now = client.topic(name, IfAbsent::refuse, deadline);
        if (now && now->partitions.size() == static_cast<size_t>(partitions)) return {};
        return std::unexpected(failure);
    }
    return refuse(fmt::format("the broker did not say whether it added partitions to '{}'", name));
}

}  // namespace

Outcome<GrownTopic> grow_topic(Client& client, const std::string& name, int64_t partitions, Deadline deadline) {
    const auto before = client.topic(name, IfAbsent::refuse, deadline);
    if (!before) return std::unexpected(before.error());
    bool asked_before = false;
    const auto grown =
        client.retry(deadline, [&] { return grow_once(client, name, partitions, asked_before, deadline); });
    if (!grown) return std::unexpected(grown.error());
    auto topic = client.topic(name, IfAbsent::wait, deadline);
    if (!topic) return std::unexpected(std::move(topic.error()));
    return GrownTopic{std::move(*topic), before->partitions.size()};
}

}  // namespace penstock::cli
