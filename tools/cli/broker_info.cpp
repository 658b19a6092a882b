#include "cli/broker_info.h"

#include <algorithm>

#include "wire/kafka/create_topics.h"
#include "wire/kafka/describe_cluster.h"

namespace penstock::cli {

namespace {

using wire::kafka::CreateTopicsRequest;
using wire::kafka::CreateTopicsResponse;
using wire::kafka::DescribeClusterRequest;
using wire::kafka::DescribeClusterResponse;

constexpr int32_t coordinator_wait_ms = 2000;   // one that takes longer is not well

/// Nothing where the broker is older than the request.
Outcome<std::vector<BrokerLoad>> described_brokers(Client& client, Deadline deadline) {
    return client.retry(deadline, [&]() -> Outcome<std::vector<BrokerLoad>> {
        auto connection = client.any(deadline);
        if (!connection) return std::unexpected(std::move(connection.error()));
        std::vector<BrokerLoad> brokers;
        if (!(*connection)->offers(ApiKey::describe_cluster)) return brokers;
        DescribeClusterRequest request;
        request.include_fenced_brokers = true;
        const auto reply = (*connection)->call<DescribeClusterResponse>(request, deadline);
        if (!reply) {
            if (reply.error().connection_lost) client.drop(*connection);
            return std::unexpected(reply.error());
        }
        if (reply->message.error_code != ErrorCode::none)
            return std::unexpected(refusal("cannot list the brokers", reply->message.error_code,
                                           reply->message.error_message));
        for (const auto& broker : reply->message.brokers)
            brokers.push_back({.info = {.id = broker.broker_id,
                                        .address = {std::string(broker.host), static_cast<uint16_t>(broker.port)},
                                        .rack = std::string(broker.rack.value_or(""))},
                               .alive = !broker.is_fenced});
        return brokers;
    });
}

BrokerLoad& entry(std::vector<BrokerLoad>& loads, int32_t id) {
    const auto at = std::ranges::find(loads, id, [](const BrokerLoad& load) { return load.info.id; });
    if (at != loads.end()) return *at;
    // Nobody tells of it, but partitions name it: it is away.
    return loads.emplace_back(BrokerLoad{.info = {.id = id, .address = {.host = "", .port = 0}, .rack = ""},
                                         .alive = false});
}

}  // namespace

const BrokerLoad* BrokerLoads::find(int32_t id) const {
    const auto at = std::ranges::find(brokers, id, [](const BrokerLoad& load) { return load.info.id; });
    return at == brokers.end() ? nullptr : &*at;
}

std::vector<BrokerLoad> count_loads(const ClusterInfo& cluster, std::vector<BrokerLoad> known) {
    for (const BrokerInfo& broker : cluster.brokers) {
        const bool listed = std::ranges::any_of(known, [&](const auto& load) { return load.info.id == broker.id; });
        if (!listed) known.push_back({.info = broker, .alive = true});
    }
    for (const TopicInfo& topic : cluster.topics) {
        for (const PartitionInfo& partition : topic.partitions) {
            if (partition.leader >= 0) ++entry(known, partition.leader).leaders;
            for (const int32_t id : partition.replicas) ++entry(known, id).replicas;
        }
    }
    std::ranges::sort(known, {}, [](const BrokerLoad& load) { return load.info.id; });
    return known;
}

Outcome<BrokerLoads> list_brokers(Client& client, Deadline deadline) {
    auto cluster = client.describe(deadline);
    if (!cluster) return std::unexpected(std::move(cluster.error()));
    auto known = described_brokers(client, deadline);
    if (!known) return std::unexpected(std::move(known.error()));
    auto loads = count_loads(*cluster, std::move(*known));
    return BrokerLoads{std::move(*cluster), std::move(loads)};
}

std::string coordinator_fault(Client& client, Deadline deadline) {
    auto connection = client.controller(deadline);
    if (!connection) return connection.error().message;
    CreateTopicsRequest::Topic topic;
    topic.name = "penstock.is-the-coordinator-there";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    CreateTopicsRequest request;
    request.topics = {&topic, 1};
    request.validate_only = true;
    request.timeout_ms = coordinator_wait_ms;
    const auto reply = (*connection)->call<CreateTopicsResponse>(request, deadline);
    if (!reply) {
        client.drop(*connection);
        return reply.error().message;
    }
    for (const auto& result : reply->message.topics) {
        const ErrorCode error = result.error_code;
        if (error == ErrorCode::request_timed_out || error == ErrorCode::not_controller)
            return show_error(error) + (result.error_message ? ": " + std::string(*result.error_message) : "");
    }
    return {};   // whatever else it says, it answers
}

}  // namespace penstock::cli
