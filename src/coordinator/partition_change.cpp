#include "coordinator/partition_change.h"

#include <algorithm>

#include "coordinator/node_ids.h"

namespace penstock::coordinator {

namespace {

bool stopping(const State& state, NodeId id) {
    const Broker* broker = state.broker(id);
    return broker != nullptr && broker->stopping;
}

void complete_reassignment(Partition& partition) {
    if (partition.before.empty()) return;
    std::vector<NodeId> target = target_of(partition);
    if (!std::ranges::all_of(target, [&](NodeId id) { return in_sync(partition, id); })) return;
    std::erase_if(partition.isr, [&](NodeId id) { return contains(partition.removing, id); });
    partition.replicas = std::move(target);
    partition.adding.clear();
    partition.removing.clear();
    partition.before.clear();
}

}  // namespace

bool in_sync(const Partition& partition, NodeId id) { return contains(partition.isr, id); }

std::vector<NodeId> target_of(const Partition& partition) {
    std::vector<NodeId> target = partition.replicas;
    std::erase_if(target, [&](NodeId id) { return contains(partition.removing, id); });
    return target;
}

NodeId candidate(const State& state, const Partition& partition) {
    for (NodeId id : partition.replicas)
        if (in_sync(partition, id) && state.eligible(id)) return id;
    return no_node;
}

void lead(Partition& partition, NodeId leader) {
    partition.leader = leader;
    partition.leader_epoch += 1;
}

void settle(const State& state, Partition& partition) {
    complete_reassignment(partition);
    const NodeId next = candidate(state, partition);
    if (next != no_node) std::erase_if(partition.isr, [&](NodeId id) { return stopping(state, id); });
    const bool on_record = in_sync(partition, partition.leader);
    if (on_record && state.eligible(partition.leader)) return;
    if (next != no_node) lead(partition, next);
    else if (!on_record && partition.leader != no_node) lead(partition, no_node);
}

}  // namespace penstock::coordinator
