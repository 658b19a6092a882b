// Who leads a partition, and who is in sync, when brokers come and go. Pure rules over the state; every change is part
// of the transaction being built.
//
// The rules: only a living in-sync replica is elected, the first in the order of the replicas. Every change of leader
// raises the leader epoch by one. Whoever is fenced leaves the in-sync sets in which another lives. A partition whose
// in-sync replicas are all fenced keeps its leader on record and waits for one of them: nobody else has what was
// acknowledged. A broker's new incarnation never goes on under an epoch that it led before, since it may have lost the
// unwritten end of its log; and unless it stopped cleanly, it has lost the end of what was only in memory.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "coordinator/state.h"

namespace penstock::coordinator {

/// Elects where the leader on record is not alive. Call when a broker came back.
void elect_where_needed(State& state);

/// `broker` was fenced: takes it out of the in-sync sets where another member lives, and elects.
void leave_to_the_living(State& state, NodeId broker);

/// `broker` is registered and alive with a new incarnation: ends its leaderships and elects anew, maybe itself.
void end_leaderships(State& state, NodeId broker);

/// `broker` has other storage than before and is nobody's last in-sync replica: takes it out of every in-sync set.
void leave_in_sync_sets(State& state, NodeId broker);

/// `broker` was not shut down cleanly: takes it out of the in-sync sets of topics whose durability is memory, except
/// where it is the last member.
void leave_memory_sets(State& state, NodeId broker);

/// `broker` is about to stop: moves what it leads to others, and takes it out of the in-sync sets where others remain.
void hand_over(State& state, NodeId broker);

/// Gives leaderships back to the preferred leaders that may take them, at most `moves_max`. How many it gave.
uint32_t return_to_preferred(State& state, uint32_t moves_max);

/// Partitions whose only in-sync replica is `broker`.
uint64_t count_sole_replicas(const State& state, NodeId broker);

}  // namespace penstock::coordinator
