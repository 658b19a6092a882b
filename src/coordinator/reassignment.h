// Moving partitions to other brokers: the rules, over the state. Errors are Kafka's, one per partition.
//
// While it lasts, the replicas are the wanted ones and behind them those that will go; `adding` and `removing` say who
// is which. It ends by itself once all wanted replicas are in sync (settle() in partition_change.h). A second one
// replaces the first, and counts from the replicas that there were before it. Nothing is begun that would leave no
// replica in sync.
#pragma once

#include <vector>

#include "coordinator/leader_elections.h"
#include "coordinator/state.h"
#include "wire/node/partitions.h"

namespace penstock::coordinator {

/// Each partition is moved or refused on its own; in the order of the request.
std::vector<PartitionOutcome> alter_reassignments(State& state, const wire::node::AlterReassignmentsRequest& request);

/// `partition` on its way to `target`, which is neither empty nor leaves nobody in sync. Not settled.
Partition reassigned(const Partition& partition, const std::vector<NodeId>& target);

}  // namespace penstock::coordinator
