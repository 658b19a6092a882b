#include "cli/client.h"

#include <algorithm>
#include <limits>

#include "cli/suggest.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {

namespace {

constexpr int64_t partition_count_max = 1'000'000;  // more in one answer is nonsense, not a topic

ClusterInfo copy_metadata(const wire::kafka::MetadataResponse& from) {
    ClusterInfo cluster;
    cluster.id = from.cluster_id.value_or("");
    cluster.controller = from.controller_id;
    for (const auto& broker : from.brokers) {
        cluster.brokers.push_back({.id = broker.node_id,
                                   .address = {std::string(broker.host), static_cast<uint16_t>(broker.port)},
                                   .rack = std::string(broker.rack.value_or(""))});
    }
    for (const auto& topic : from.topics) {
        TopicInfo info{.name = std::string(topic.name.value_or("")), .id = topic.topic_id,
                       .internal = topic.is_internal,
                       .error = topic.error_code, .partitions = {}};
        for (const auto& p : topic.partitions) {
            if (p.partition_index < 0 || p.partition_index >= partition_count_max) continue;
            info.partitions.push_back({.index = p.partition_index, .leader = p.leader_id,
                                       .leader_epoch = p.leader_epoch,
                                       .replicas = {p.replica_nodes.begin(), p.replica_nodes.end()},
                                       .in_sync = {p.isr_nodes.begin(), p.isr_nodes.end()},
                                       .offline = {p.offline_replicas.begin(), p.offline_replicas.end()}});
        }
        std::ranges::sort(info.partitions, {}, &PartitionInfo::index);
        cluster.topics.push_back(std::move(info));
    }
    std::ranges::sort(cluster.brokers, {}, &BrokerInfo::id);
    std::ranges::sort(cluster.topics, {}, &TopicInfo::name);
    return cluster;
}

std::string hint_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::topic_already_exists: return "Use --if-not-exists to accept the one that exists.";
        case ErrorCode::invalid_replication_factor: return "Give --replication-factor no more than there are brokers.";
        case ErrorCode::invalid_partitions: return "A topic has at least one partition, and can only get more.";
        case ErrorCode::message_too_large: return "A record is larger than the topic's max.message.bytes.";
        case ErrorCode::not_enough_replicas: return "Fewer replicas are in sync than min.insync.replicas asks for.";
        default: return {};
    }
}

Failure as_advertised(Failure failure, int32_t broker_id) {
    if (failure.kind != FailureKind::operation) return failure;
    failure.message += fmt::format(" (broker {}, as it advertises itself)", broker_id);
    failure.hint = "Is it up? If the address is wrong, correct what the broker advertises.";
    return failure;
}

}  // namespace

const PartitionInfo* TopicInfo::find(int32_t partition) const {
    const auto it = std::ranges::find(partitions, partition, &PartitionInfo::index);
    return it == partitions.end() ? nullptr : &*it;
}

const TopicInfo* ClusterInfo::find(std::string_view topic) const {
    const auto it = std::ranges::find(topics, topic, &TopicInfo::name);
    return it == topics.end() ? nullptr : &*it;
}

const BrokerInfo* ClusterInfo::find_broker(int32_t broker_id) const {
    const auto it = std::ranges::find(brokers, broker_id, &BrokerInfo::id);
    return it == brokers.end() ? nullptr : &*it;
}

Failure refusal(const std::string& what, ErrorCode code, std::optional<std::string_view> detail) {
    std::string message = fmt::format("{}: {}", what, show_error(code));
    if (detail && !detail->empty()) message += ": " + printable(*detail);
    return {.message = std::move(message), .hint = hint_for(code), .kafka_error = static_cast<int16_t>(code)};
}

Outcome<std::vector<int32_t>> chosen_partitions(const TopicInfo& topic, const std::vector<int64_t>& wanted) {
    std::vector<int32_t> chosen;
    for (const PartitionInfo& partition : topic.partitions)
        if (wanted.empty() || std::ranges::find(wanted, partition.index) != wanted.end())
            chosen.push_back(partition.index);
    for (const int64_t index : wanted) {
        if (topic.find(static_cast<int32_t>(index)) != nullptr) continue;
        return misuse(fmt::format("'{}' has no partition {}", topic.name, index),
                      fmt::format("Its partitions are 0 to {}.", topic.partitions.size() - 1));
    }
    return chosen;
}

int32_t Client::timeout_ms() const {
    constexpr int64_t most = std::numeric_limits<int32_t>::max();
    return static_cast<int32_t>(std::min<int64_t>(globals_.timeout / std::chrono::milliseconds(1), most));
}

Outcome<Connection*> Client::connect(const Address& address, Deadline deadline) {
    for (const auto& connection : connections_) {
        if (connection->address() == address) return connection.get();
    }
    auto opened = Connection::open(address, deadline);
    if (!opened) return std::unexpected(std::move(opened.error()));
    connections_.push_back(std::make_unique<Connection>(std::move(*opened)));
    return connections_.back().get();
}

Outcome<Connection*> Client::any(Deadline deadline) {
    if (!connections_.empty()) return connections_.front().get();
    std::vector<Address> candidates = globals_.bootstrap;
    for (const BrokerInfo& broker : cluster_.brokers) {
        if (std::ranges::find(candidates, broker.address) == candidates.end()) candidates.push_back(broker.address);
    }
    Failure failure{.message = "no broker to ask"};
    for (size_t i = 0; i < candidates.size(); ++i) {
        // Each candidate gets an equal share of what is left, so that one silent address does not use it all up.
        const Duration share = std::max(Duration{1},
                                        (deadline - Clock::now()) / static_cast<int64_t>(candidates.size() - i));
        auto connection = connect(candidates[i], Clock::now() + share);
        if (connection || connection.error().kind == FailureKind::interrupted) return connection;
        if (i == 0) failure = std::move(connection.error());
        else failure.message += "; " + connection.error().message;
    }
    // On first contact the user wants to know at once; later a broker may well come back.
    if (cluster_.brokers.empty()) failure.connection_lost = false;
    return std::unexpected(std::move(failure));
}

Outcome<Address> Client::address_of(int32_t broker_id) const {
    const BrokerInfo* broker = cluster_.find_broker(broker_id);
    if (broker != nullptr) return broker->address;
    return std::unexpected(Failure{.message = fmt::format("the cluster does not say where broker {} is", broker_id),
                                   .connection_lost = true});
}

Outcome<Connection*> Client::broker(int32_t id, Deadline deadline) {
    const auto address = address_of(id);
    if (!address) return std::unexpected(address.error());
    auto connection = connect(*address, deadline);
    if (!connection) return std::unexpected(as_advertised(std::move(connection.error()), id));
    return connection;
}

Outcome<Connection> Client::dedicated(int32_t id, Deadline deadline) const {
    const auto address = address_of(id);
    if (!address) return std::unexpected(address.error());
    auto connection = Connection::open(*address, deadline);
    if (!connection) return std::unexpected(as_advertised(std::move(connection.error()), id));
    return connection;
}

Outcome<Connection*> Client::controller(Deadline deadline) {
    if (auto refreshed = metadata({}, false, deadline); !refreshed) return std::unexpected(refreshed.error());
    if (cluster_.controller < 0) return any(deadline);
    return broker(cluster_.controller, deadline);
}

void Client::drop(const Connection* connection) {
    std::erase_if(connections_, [&](const auto& held) { return held.get() == connection; });
}

bool Client::worth_retrying(const Failure& failure) {
    if (failure.kind != FailureKind::operation) return false;
    return failure.connection_lost || wire::kafka::is_retriable(static_cast<ErrorCode>(failure.kafka_error));
}

Outcome<void> Client::wait(Duration duration) {
    std::vector<pollfd> nothing;
    const auto waited = wait_for_any(nothing, Clock::now() + duration);
    if (!waited) return std::unexpected(waited.error());
    return {};
}

Outcome<ClusterInfo> Client::metadata(const std::optional<std::string>& topic, bool create, Deadline deadline) {
    auto connection = any(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    wire::kafka::MetadataRequest request;
    wire::kafka::MetadataRequest::Topic asked;
    if (topic) {
        asked.name = *topic;
        request.topics = std::span<const wire::kafka::MetadataRequest::Topic>(&asked, 1);
    }
    request.allow_auto_topic_creation = create;
    const auto version = (*connection)->version_of(ApiKey::metadata);
    // In version 0 null cannot be said and an empty list means all.
    if (version && *version == 0 && !topic) request.topics.emplace();
    auto reply = (*connection)->call<wire::kafka::MetadataResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) drop(*connection);
        return std::unexpected(std::move(reply.error()));
    }
    cluster_ = copy_metadata(reply->message);
    return cluster_;
}

Outcome<ClusterInfo> Client::describe(Deadline deadline) {
    return retry(deadline, [&] { return metadata({}, false, deadline); });
}

Outcome<TopicInfo> Client::topic(const std::string& name, IfAbsent if_absent, Deadline deadline) {
    return retry(deadline, [&] { return topic_once(name, if_absent, deadline); });
}

Outcome<TopicInfo> Client::topic_as_it_is(const std::string& name, Deadline deadline) {
    return retry(deadline, [&]() -> Outcome<TopicInfo> {
        if (auto described = metadata(name, false, deadline); !described) return std::unexpected(described.error());
        return known_topic(name, IfAbsent::refuse, deadline);
    });
}

Outcome<TopicInfo> Client::known_topic(const std::string& name, IfAbsent if_absent, Deadline deadline) {
    const TopicInfo* topic = cluster_.find(name);
    const ErrorCode error = topic == nullptr ? ErrorCode::unknown_topic_or_partition : topic->error;
    if (error == ErrorCode::unknown_topic_or_partition && if_absent == IfAbsent::refuse) {
        const std::string otherwise = fmt::format("Create it with 'penstock topic create {}'.", name);
        return std::unexpected(unknown_topic(name, otherwise, deadline));
    }
    if (error != ErrorCode::none) return std::unexpected(refusal(fmt::format("topic '{}'", name), error));
    return *topic;
}

Outcome<TopicInfo> Client::topic_once(const std::string& name, IfAbsent if_absent, Deadline deadline) {
    const auto described = metadata(name, if_absent == IfAbsent::create, deadline);
    if (!described) return std::unexpected(described.error());
    auto topic = known_topic(name, if_absent, deadline);
    if (!topic) return topic;
    for (const PartitionInfo& partition : topic->partitions) {
        if (partition.leader >= 0) continue;
        return std::unexpected(Failure{.message = fmt::format("partition {} of '{}' has no leader", partition.index,
                                                              name),
                                       .hint = "See 'penstock cluster status'.",
                                       .kafka_error = static_cast<int16_t>(ErrorCode::leader_not_available)});
    }
    return topic;
}

Failure Client::unknown_topic(const std::string& name, const std::string& otherwise, Deadline deadline) {
    Failure failure{.message = fmt::format("there is no topic '{}'", name)};
    if (const auto all = metadata({}, false, deadline)) {
        std::vector<std::string> names;
        for (const TopicInfo& topic : all->topics) names.push_back(topic.name);
        failure.hint = did_you_mean(name, names);
    }
    if (failure.hint.empty()) failure.hint = otherwise;
    return failure;
}

}  // namespace penstock::cli
