// Replicate: the batches of each partition are checked here, its owner appends them; answered when all are settled.
#include "wire/node/replicate.h"

#include "broker/handlers.h"
#include "limits.h"
#include "wire/batch_row.h"

namespace penstock::broker::replicate {

namespace {

using wire::node::Cut;
using wire::node::ReplicatedPartition;
using wire::node::ReplicateRequest;
using wire::node::ReplicateResponse;
using wire::node::SettledPartition;

struct State {
    ReplicateRequest asked;
    std::span<ReplicateCall> calls;  // one for each partition, in order; those with an error were not started
};

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    const std::span<SettledPartition> settled = request.arena.make_array<SettledPartition>(state.calls.size());
    if (settled.size() != state.calls.size()) return serving.close(request);
    for (size_t i = 0; i < settled.size(); ++i) {
        const ReplicateCall& call = state.calls[i];
        settled[i] = {static_cast<int16_t>(call.error), call.end.value, call.durable.value};
    }
    ReplicateResponse response;
    response.partitions = settled;
    serving.respond(request, response);
}

ErrorCode prepare(Request& request, const ReplicatedPartition& asked, ReplicateCall& call) {
    const bool known_cut = asked.cut == Cut::none || asked.cut == Cut::at || asked.cut == Cut::anew;
    if (!known_cut || asked.from < 0) return ErrorCode::invalid_request;
    call.key = {asked.topic, asked.partition};
    call.epoch = LeaderEpoch(asked.leader_epoch);
    call.session = asked.session;
    call.cut = asked.cut;
    call.from = Offset(asked.from);
    call.high_watermark = Offset(asked.high_watermark);
    call.log_start = Offset(asked.log_start);
    const auto batches = wire::read_batch_row(asked.records, request.arena);
    if (!batches) return batches.error();
    call.batches = *batches;
    return ErrorCode::none;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    state.calls = request.arena.make_array<ReplicateCall>(state.asked.partitions.size());
    if (state.calls.size() != state.asked.partitions.size()) return serving.close(request);
    for (size_t i = 0; i < state.calls.size(); ++i) {
        ReplicateCall& call = state.calls[i];
        call.error = prepare(request, state.asked.partitions[i], call);
        if (call.error == ErrorCode::none) serving.start_call(request, call, serving.owner_of(call.key));
    }
    if (request.open_calls == 0) return answer(request, serving);
    serving.set_deadline(request, serving.time.now + limits::replicate_wait_ns);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::node::NodeKey::replicate, start, resume};

}  // namespace penstock::broker::replicate
