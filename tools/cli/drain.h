// Which moves take leadership, or every replica, away from a broker: the plan alone, from what the cluster says.
//
// Pure functions. A replica goes to the living broker that does not have the partition yet, in a rack where it has none
// if there is one, and of those to the one that holds the fewest, what is planned counted in.
#pragma once

#include <string>
#include <vector>

#include "cli/broker_info.h"
#include "cli/partition_client.h"

namespace penstock::cli {

struct DrainPlan {
    std::vector<ReplicaMove> moves;
    std::vector<std::string> stuck;   ///< what cannot be moved, and why: a line each
};

/// Partitions that `broker` leads get another replica that is in sync as their preferred leader.
DrainPlan plan_leaders_away(const BrokerLoads& loads, int32_t broker);
/// Another broker takes the place of each replica on `broker`.
DrainPlan plan_replicas_away(const BrokerLoads& loads, int32_t broker);

}  // namespace penstock::cli
