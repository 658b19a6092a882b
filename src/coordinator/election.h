// Who leads a partition. Pure rules over the state; every change is part of the transaction being built.
//
// The rules: only a living in-sync replica is elected, the first in the order of the replicas. Every change of leader
// raises the leader epoch by one. A partition whose in-sync replicas are all fenced keeps its leader on record and
// waits for one of them: nobody else has what was acknowledged. A broker's new incarnation never goes on under an epoch
// that it led before, since it may have lost the unwritten end of its log.
#pragma once

#include "base/units.h"
#include "coordinator/state.h"

namespace penstock::coordinator {

/// Elects where the leader on record is not alive. Call when a broker was fenced or came back.
void elect_where_needed(State& state);

/// `broker` is registered and alive with a new incarnation: ends its leaderships and elects anew, maybe itself.
void end_leaderships(State& state, NodeId broker);

/// `broker` has other storage than before and is nobody's last in-sync replica: takes it out of every in-sync set.
void leave_in_sync_sets(State& state, NodeId broker);

/// Partitions whose only in-sync replica is `broker`.
uint64_t count_sole_replicas(const State& state, NodeId broker);

}  // namespace penstock::coordinator
