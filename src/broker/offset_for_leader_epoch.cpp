// OffsetForLeaderEpoch: one call for each partition; the owner's log knows its epochs.
#include "wire/kafka/offset_for_leader_epoch.h"

#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::offset_for_leader_epoch {

namespace {

using wire::kafka::OffsetForLeaderEpochRequest;
using wire::kafka::OffsetForLeaderEpochResponse;

struct State {
    OffsetForLeaderEpochRequest asked;
    std::span<EpochEndCall> calls;  // one for each partition, in order; those with an error were not started
};

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    auto topics = request.arena.make_array<OffsetForLeaderEpochResponse::Topic>(state.asked.topics.size());
    auto partitions = request.arena.make_array<OffsetForLeaderEpochResponse::Partition>(state.calls.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.calls.size())
        return serving.close(request);
    size_t at = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const OffsetForLeaderEpochRequest::Topic& asked = state.asked.topics[t];
        topics[t].topic = asked.topic;
        topics[t].partitions = partitions.subspan(at, asked.partitions.size());
        for (const OffsetForLeaderEpochRequest::Partition& partition : asked.partitions) {
            const EpochEndCall& call = state.calls[at];
            partitions[at++] = {call.error, partition.partition, call.end.epoch, call.end.offset};
        }
    }
    OffsetForLeaderEpochResponse response;
    response.topics = topics;
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    size_t count = 0;
    for (const OffsetForLeaderEpochRequest::Topic& topic : state.asked.topics) count += topic.partitions.size();
    state.calls = request.arena.make_array<EpochEndCall>(count);
    if (state.calls.size() != count) return serving.close(request);
    size_t at = 0;
    for (const OffsetForLeaderEpochRequest::Topic& topic : state.asked.topics) {
        const Topic* known = serving.topics.find(topic.topic);
        for (const OffsetForLeaderEpochRequest::Partition& partition : topic.partitions) {
            EpochEndCall& call = state.calls[at++];
            const Place place = find_place(serving, known, partition.partition, false);
            call.error = place.error;
            if (call.error != ErrorCode::none) continue;
            call.key = place.key;
            call.epoch = partition.leader_epoch;
            call.current_leader_epoch = partition.current_leader_epoch;
            serving.start_call(request, call, place.owner);
        }
    }
    if (request.open_calls == 0) answer(request, serving);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::offset_for_leader_epoch, start, resume};

}  // namespace penstock::broker::offset_for_leader_epoch
