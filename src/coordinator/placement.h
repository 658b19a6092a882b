// Which brokers get the replicas of a new topic. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/units.h"

namespace penstock::coordinator {

/// The replicas of each of `partitions` partitions, the preferred leader first. Leaders go round the brokers from
/// `start`; the followers of one leader shift from round to round, so that when a broker fails its leaderships spread
/// over all others instead of falling on its neighbour. Requires 1 <= replication_factor <= brokers.size().
std::vector<std::vector<NodeId>> place(std::span<const NodeId> brokers, uint32_t partitions,
                                       uint32_t replication_factor, uint64_t start);

}  // namespace penstock::coordinator
