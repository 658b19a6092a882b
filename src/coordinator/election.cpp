#include "coordinator/election.h"

#include <algorithm>

namespace penstock::coordinator {

namespace {

bool in_sync(const Partition& partition, NodeId id) {
    return std::ranges::find(partition.isr, id) != partition.isr.end();
}

NodeId first_candidate(const State& state, const Partition& partition) {
    for (NodeId id : partition.replicas)
        if (in_sync(partition, id) && state.alive(id)) return id;
    return no_node;
}

void lead(Partition& partition, NodeId leader) {
    partition.leader = leader;
    partition.leader_epoch += 1;
}

// Calls `change` with a copy of every partition; where it answers true, the copy becomes the state.
template <class Change>
void change_partitions(State& state, Change change) {
    for (const auto& [id, topic] : state.topics()) {
        for (size_t i = 0; i < topic.partitions.size(); ++i) {
            Partition changed = topic.partitions[i];
            if (change(changed)) state.set_partition(id, static_cast<int32_t>(i), std::move(changed));
        }
    }
}

}  // namespace

void elect_where_needed(State& state) {
    change_partitions(state, [&](Partition& partition) {
        if (state.alive(partition.leader)) return false;
        NodeId candidate = first_candidate(state, partition);
        if (candidate == no_node) return false;
        lead(partition, candidate);
        return true;
    });
}

void end_leaderships(State& state, NodeId broker) {
    change_partitions(state, [&](Partition& partition) {
        if (partition.leader != broker) return false;
        lead(partition, first_candidate(state, partition));  // at least `broker` itself: the leader is in sync
        return true;
    });
}

void leave_in_sync_sets(State& state, NodeId broker) {
    change_partitions(state, [&](Partition& partition) {
        if (!in_sync(partition, broker)) return false;
        std::erase(partition.isr, broker);
        if (partition.leader == broker) lead(partition, first_candidate(state, partition));
        return true;
    });
}

uint64_t count_sole_replicas(const State& state, NodeId broker) {
    uint64_t count = 0;
    for (const auto& [id, topic] : state.topics())
        count += static_cast<uint64_t>(std::ranges::count_if(
            topic.partitions, [&](const Partition& p) { return p.isr.size() == 1 && p.isr.front() == broker; }));
    return count;
}

}  // namespace penstock::coordinator
