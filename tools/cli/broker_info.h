// The brokers of a cluster with what they lead and hold, the fenced ones too, and whether the coordinator answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/client.h"

namespace penstock::cli {

struct BrokerLoad {
    BrokerInfo info;
    bool alive = true;      ///< not fenced
    uint64_t leaders = 0;   ///< partitions that it leads
    uint64_t replicas = 0;  ///< partitions that it has a copy of
};

struct BrokerLoads {
    ClusterInfo cluster;
    std::vector<BrokerLoad> brokers;   ///< by id

    const BrokerLoad* find(int32_t id) const;
};

/// From metadata; fenced ones where the broker that is asked tells of them, else those that hold replicas.
Outcome<BrokerLoads> list_brokers(Client& client, Deadline deadline);
/// The same of metadata and DescribeCluster that were asked for already; pure.
std::vector<BrokerLoad> count_loads(const ClusterInfo& cluster, std::vector<BrokerLoad> known);

/// Why the coordinator (of Kafka: the controller) does not take changes, empty if it does. Changes nothing: a topic is
/// asked for that is not to be made.
std::string coordinator_fault(Client& client, Deadline deadline);

}  // namespace penstock::cli
