// What the operator decides about a broker's Kafka side: plain values, filled by main from the settings, fixed from
// then on.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"
#include "base/uuid.h"
#include "io/stream.h"
#include "log/store.h"

namespace penstock::broker {

/// Kafka's settings of the same names, of consumer groups.
struct GroupOptions {
    int32_t session_timeout_min_ms = 6'000;
    int32_t session_timeout_max_ms = 1'800'000;
    int32_t initial_rebalance_delay_ms = 3'000;  ///< how long an empty group waits for more members
    int64_t offsets_retention_ms = 7 * 24 * 3600 * int64_t{1000};  ///< after the group became empty
};

struct BrokerOptions {
    NodeId node_id{1};
    Uuid incarnation;                    ///< of this run of the broker, as it registers
    bool loopback_is_node = false;       ///< there is no secret to prove: a peer on this machine counts as a node
    uint32_t shard = 0;
    uint32_t shard_count = 1;
    io::Address listen;                  ///< of Kafka clients
    std::string data_directory;          ///< absolute; for DescribeConfigs, as the next, and DescribeLogDirs
    int64_t broker_connections_max = 10'000;  ///< of all shards

    bool auto_create_topics = true;
    int32_t default_partitions = 1;      ///< of topics that are created without a number
    int32_t offsets_partitions = 50;     ///< of the internal topic of consumer groups, when it is made
    log::LogConfig default_log;          ///< of topics that do not set theirs
    int32_t default_min_insync_replicas = 2;   ///< likewise; at most one less than their replicas, at least 1

    GroupOptions groups;
    uint64_t seed = 0;                   ///< of what must merely differ: member ids

    uint32_t request_bytes_max = 100 * 1024 * 1024;     ///< Kafka's socket.request.max.bytes
    uint64_t request_memory_bytes = 256 * mib;          ///< frames of one shard, received or under way
    uint32_t connections_max = 4096;                    ///< of one shard
    uint64_t lent_bytes_max = 64 * mib;                 ///< cache that unsent responses of this shard may pin
    int64_t replica_lag_max_ns = 10 * second_ns;        ///< a replica that is behind for longer is not in sync
    uint64_t catch_up_bytes_per_s = 64 * mib;           ///< of this shard, for all replicas that are not in sync
};

}  // namespace penstock::broker
