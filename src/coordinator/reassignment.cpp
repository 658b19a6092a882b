#include "coordinator/reassignment.h"

#include <algorithm>

#include "base/assert.h"
#include "coordinator/node_ids.h"
#include "coordinator/partition_change.h"
#include "coordinator/verdict.h"
#include "limits.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using wire::node::ReassignedPartition;

namespace {

std::vector<NodeId> without(std::vector<NodeId> ids, const std::vector<NodeId>& gone) {
    std::erase_if(ids, [&](NodeId id) { return contains(gone, id); });
    return ids;
}

const std::vector<NodeId>& original_of(const Partition& partition) {
    return partition.before.empty() ? partition.replicas : partition.before;
}

Verdict check_target(const State& state, const Partition& partition, wire::Array<int32_t> target) {
    const ErrorCode wrong = ErrorCode::invalid_replica_assignment;
    if (target.empty()) return refuse(wrong, "a partition has at least one replica");
    if (target.size() > limits::replication_factor_max)
        return refuse(wrong, "a partition has at most " + std::to_string(limits::replication_factor_max) + " replicas");
    std::vector<NodeId> ids;
    for (int32_t number : target) {
        const NodeId id{number};
        const std::string who = "broker " + std::to_string(number);
        if (contains(ids, id)) return refuse(wrong, who + " is named twice");
        if (!state.alive(id)) return refuse(wrong, who + " is not alive in this cluster");
        if (!state.eligible(id) && !contains(partition.replicas, id)) return refuse(wrong, who + " is about to stop");
        ids.push_back(id);
    }
    const std::vector<NodeId> all = reassigned(partition, ids).replicas;
    if (all.size() > limits::replication_factor_max)
        return refuse(wrong, "with those that go, the partition would have " + std::to_string(all.size()) +
                                 " replicas meanwhile, more than " + std::to_string(limits::replication_factor_max));
    return {};
}

Verdict check_sync(const Partition& changed) {
    if (!changed.isr.empty()) return {};
    return refuse(ErrorCode::invalid_replica_assignment,
                  "none of the replicas that would be left is in sync: records would be lost");
}

Verdict check_cancel(const Partition& partition) {
    if (!partition.before.empty()) return {};
    return refuse(ErrorCode::no_reassignment_in_progress, "no reassignment is in progress");
}

std::vector<NodeId> ids_of(wire::Array<int32_t> numbers) {
    std::vector<NodeId> ids;
    for (int32_t number : numbers) ids.push_back(NodeId{number});
    return ids;
}

Verdict change(State& state, const Topic& topic, const ReassignedPartition& wanted) {
    const Partition& partition = topic.partitions[static_cast<size_t>(wanted.partition)];
    if (Verdict v = wanted.replicas ? check_target(state, partition, *wanted.replicas) : check_cancel(partition);
        !v.good())
        return v;
    Partition changed =
        reassigned(partition, wanted.replicas ? ids_of(*wanted.replicas) : original_of(partition));
    if (Verdict v = check_sync(changed); !v.good()) return v;
    settle(state, changed);
    if (changed != partition) state.set_partition(topic.id, wanted.partition, std::move(changed));
    return {};
}

}  // namespace

Partition reassigned(const Partition& partition, const std::vector<NodeId>& target) {
    PENSTOCK_ASSERT(!target.empty());
    const std::vector<NodeId>& original = original_of(partition);
    Partition changed = partition;
    changed.adding = without(target, original);
    changed.removing = without(original, target);
    changed.before.clear();
    if (!changed.adding.empty() || !changed.removing.empty()) changed.before = original;
    changed.replicas = target;
    changed.replicas.insert(changed.replicas.end(), changed.removing.begin(), changed.removing.end());
    std::erase_if(changed.isr, [&](NodeId id) { return !contains(changed.replicas, id); });
    return changed;
}

std::vector<PartitionOutcome> alter_reassignments(State& state, const wire::node::AlterReassignmentsRequest& request) {
    std::vector<PartitionOutcome> outcomes;
    outcomes.reserve(request.partitions.size());
    for (const ReassignedPartition& wanted : request.partitions) {
        auto& outcome = outcomes.emplace_back(std::string(wanted.topic), wanted.partition);
        const Topic* topic = state.topic(wanted.topic);
        const bool there = topic != nullptr && wanted.partition >= 0 &&
                           static_cast<size_t>(wanted.partition) < topic->partitions.size();
        Verdict verdict = there ? change(state, *topic, wanted)
                                : refuse(ErrorCode::unknown_topic_or_partition, "there is no such partition");
        outcome.error = verdict.error;
        outcome.message = std::move(verdict.message);
    }
    return outcomes;
}

}  // namespace penstock::coordinator
