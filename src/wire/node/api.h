// Messages between nodes: the same codec and frames as Kafka's, with API keys of our own from 10000 up.
//
// One row per message; all are flexible from their first version, so fields are added as tags or with a new version.
// A node that is asked for a version that it does not serve closes the connection and says so.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "wire/frame.h"

namespace penstock::wire::node {

enum class NodeKey : int16_t {
    register_broker = 10000,
    broker_heartbeat = 10001,
    watch_cluster = 10002,
    create_topics = 10003,
    delete_topics = 10004,
    alter_topic_configs = 10005,
    allocate_producer_ids = 10006,
    create_partitions = 10007,
    replica_state = 10008,
    replicate = 10009,
    alter_partitions = 10010,
    elect_leaders = 10011,
    alter_reassignments = 10012,
    read_replica = 10013,
};

inline constexpr int16_t first_key = 10000;   ///< Kafka's are below

constexpr Api node_row(NodeKey key, std::string_view name, int16_t last) {
    return {static_cast<int16_t>(key), name, 0, last, 0, 0};
}

/// In key order.
inline constexpr std::array node_apis{
    node_row(NodeKey::register_broker, "RegisterBroker", 0),
    node_row(NodeKey::broker_heartbeat, "BrokerHeartbeat", 0),
    node_row(NodeKey::watch_cluster, "WatchCluster", 0),
    node_row(NodeKey::create_topics, "CreateTopics", 0),
    node_row(NodeKey::delete_topics, "DeleteTopics", 0),
    node_row(NodeKey::alter_topic_configs, "AlterTopicConfigs", 0),
    node_row(NodeKey::allocate_producer_ids, "AllocateProducerIds", 0),
    node_row(NodeKey::create_partitions, "CreatePartitions", 0),
    node_row(NodeKey::replica_state, "ReplicaState", 0),
    node_row(NodeKey::replicate, "Replicate", 0),
    node_row(NodeKey::alter_partitions, "AlterPartitions", 0),
    node_row(NodeKey::elect_leaders, "ElectLeaders", 0),
    node_row(NodeKey::alter_reassignments, "AlterReassignments", 0),
    node_row(NodeKey::read_replica, "ReadReplica", 0),
};

constexpr const Api& api_of(NodeKey key) {
    const auto* row = std::ranges::find(node_apis, static_cast<int16_t>(key), &Api::key);
    PENSTOCK_ASSERT(row != node_apis.end());
    return *row;
}

}  // namespace penstock::wire::node
