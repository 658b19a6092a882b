// What all changes of a partition's record have in common: who may lead, and what a change brings about by itself.
//
// Used by all that changes partitions: election, membership, proposals, reassignment. Pure rules over the state.
// Invariants of a settled partition: its leader is in sync; it is alive and not about to stop, as far as anybody in
// sync is; who is about to stop is in sync only where nobody else could lead; and a reassignment whose replicas are all
// in sync is done. Every change of leader raises the leader epoch by one.
#pragma once

#include <utility>

#include "base/units.h"
#include "coordinator/state.h"

namespace penstock::coordinator {

bool in_sync(const Partition& partition, NodeId id);

/// The replicas that stay when the reassignment under way is done: all, if there is none.
std::vector<NodeId> target_of(const Partition& partition);

/// Who leads next: the first replica that is in sync, alive and not about to stop; no_node if there is none.
NodeId candidate(const State& state, const Partition& partition);

/// Under a higher epoch, also if it has led before.
void lead(Partition& partition, NodeId leader);

/// `partition` is a changed copy that is not in the state yet. A leader that is away, but in sync, stays on record
/// while nobody can follow it: nobody else has what was acknowledged.
void settle(const State& state, Partition& partition);

/// For every partition that `concerned` says yes to: `change` gets a copy, which is settled and becomes the state.
template <class Concerned, class Change>
void change_partitions(State& state, Concerned concerned, Change change) {
    for (const auto& [id, topic] : state.topics()) {
        for (size_t i = 0; i < topic.partitions.size(); ++i) {
            if (!concerned(topic, topic.partitions[i])) continue;
            Partition changed = topic.partitions[i];
            change(changed);
            settle(state, changed);
            if (changed != topic.partitions[i]) state.set_partition(id, static_cast<int32_t>(i), std::move(changed));
        }
    }
}

}  // namespace penstock::coordinator
