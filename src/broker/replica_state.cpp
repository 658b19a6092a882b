// ReplicaState: one call to the partition's owner.
#include "wire/node/replica_state.h"

#include "broker/handlers.h"

namespace penstock::broker::replica_state {

namespace {

using wire::node::ReplicaEpoch;
using wire::node::ReplicaStateRequest;
using wire::node::ReplicaStateResponse;

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ReplicaStateRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    request.replica_state_call = std::make_unique<ReplicaStateCall>();
    ReplicaStateCall& call = *request.replica_state_call;
    call.key = {asked.topic, asked.partition};
    call.epoch = LeaderEpoch(asked.leader_epoch);
    call.session = asked.session;
    serving.start_call(request, call, serving.owner_of(call.key));
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls > 0) return;
    const ReplicaStateCall& call = *request.replica_state_call;
    ReplicaStateResponse response;
    response.error = static_cast<int16_t>(call.error);
    response.incarnation = serving.options.incarnation;
    response.start = call.start.value;
    response.end = call.end.value;
    response.durable = call.durable.value;
    const std::span<ReplicaEpoch> epochs = request.arena.make_array<ReplicaEpoch>(call.epochs.size());
    if (epochs.size() != call.epochs.size()) return serving.close(request);
    for (size_t i = 0; i < epochs.size(); ++i) epochs[i] = {call.epochs[i].epoch.value, call.epochs[i].start.value};
    response.epochs = epochs;
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::node::NodeKey::replica_state, start, resume};

}  // namespace penstock::broker::replica_state
