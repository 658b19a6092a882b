// DeleteRecords: one call for each partition; its owner answers when a restart cannot bring the records back.
#include "wire/kafka/delete_records.h"

#include <algorithm>

#include "broker/group_place.h"
#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::delete_records {

namespace {

using wire::kafka::DeleteRecordsRequest;
using wire::kafka::DeleteRecordsResponse;

struct State {
    DeleteRecordsRequest asked;
    std::span<DeleteRecordsCall> calls;  // one for each partition, in order; those with an error were not started
};

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    auto topics = request.arena.make_array<DeleteRecordsResponse::Topic>(state.asked.topics.size());
    auto partitions = request.arena.make_array<DeleteRecordsResponse::Partition>(state.calls.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.calls.size())
        return serving.close(request);
    size_t at = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const DeleteRecordsRequest::Topic& asked = state.asked.topics[t];
        topics[t].name = asked.name;
        topics[t].partitions = partitions.subspan(at, asked.partitions.size());
        for (const DeleteRecordsRequest::Partition& partition : asked.partitions) {
            const DeleteRecordsCall& call = state.calls[at];
            partitions[at++] = {partition.partition_index, call.low_watermark, call.error};
        }
    }
    DeleteRecordsResponse response;
    response.topics = topics;
    serving.respond(request, response);
}

ErrorCode check(const Place& place) {
    if (place.partition != nullptr && is_internal_topic(place.topic->view->name)) return ErrorCode::invalid_topic;
    if (place.error != ErrorCode::none) return place.error;
    const log::LogConfig& config = place.topic->settings.log;
    return config.compact && !config.remove_old ? ErrorCode::policy_violation : ErrorCode::none;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    size_t count = 0;
    for (const DeleteRecordsRequest::Topic& topic : state.asked.topics) count += topic.partitions.size();
    state.calls = request.arena.make_array<DeleteRecordsCall>(count);
    if (state.calls.size() != count) return serving.close(request);
    size_t at = 0;
    for (const DeleteRecordsRequest::Topic& topic : state.asked.topics) {
        const Topic* known = serving.topics.find(topic.name);
        for (const DeleteRecordsRequest::Partition& partition : topic.partitions) {
            DeleteRecordsCall& call = state.calls[at++];
            const Place place = find_place(serving, known, partition.partition_index, false);
            call.error = check(place);
            if (call.error != ErrorCode::none) continue;
            call.key = place.key;
            call.before = partition.offset;
            serving.start_call(request, call, place.owner);
        }
    }
    if (request.open_calls == 0) return answer(request, serving);
    const int32_t timeout_ms = std::clamp(state.asked.timeout_ms, 1, limits::request_timeout_ms);
    serving.set_deadline(request, serving.time.now + timeout_ms * millisecond_ns);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::delete_records, start, resume};

}  // namespace penstock::broker::delete_records
