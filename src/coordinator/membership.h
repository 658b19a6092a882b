// Whether a broker may register, and what its registration changes. Pure rules over the state.
//
// The rule for a broker id that is known with other storage: refused while that broker is alive (two processes with one
// id), and refused while any partition has its only in-sync copy on the old storage (registering would silently replace
// acknowledged records by an empty disk). Otherwise accepted: the broker leaves every in-sync set and starts empty.
// A new incarnation keeps the places that it still had in the in-sync sets of topics that are durable on disk; where
// durability is memory only one that was shut down cleanly does (election.h). A storage id belongs to one broker id. A
// broker of another cluster, or one that has seen a revision that is not in this state's history, is refused: somebody
// restored an old backup or mixed up two clusters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/state.h"
#include "wire/kafka/errors.h"
#include "wire/node/register_broker.h"

namespace penstock::coordinator {

struct Refusal {
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string message;   ///< what, and what the operator can do
};

std::optional<Refusal> check_registration(const State& state, const wire::node::RegisterBrokerRequest& request);

/// The request has passed the check. The broker is alive afterwards. Nothing changes when the same incarnation that is
/// alive registers again, after losing its connection.
void register_broker(State& state, const wire::node::RegisterBrokerRequest& request);

/// Its session is over.
void fence_broker(State& state, NodeId id);

/// It wants to stop, and is alive: it leads from now on only what nobody else could, until its session ends. False:
/// that was known already.
bool stop_broker(State& state, NodeId id);

}  // namespace penstock::coordinator
