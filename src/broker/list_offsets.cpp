// ListOffsets: one call for each partition; the owner knows its log.
#include "wire/kafka/list_offsets.h"

#include <algorithm>
#include <utility>

#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::list_offsets {

namespace {

using wire::kafka::earliest_local_timestamp;
using wire::kafka::earliest_pending_upload_timestamp;
using wire::kafka::earliest_timestamp;
using wire::kafka::latest_tiered_timestamp;
using wire::kafka::ListOffsetsRequest;
using wire::kafka::ListOffsetsResponse;
using wire::kafka::max_timestamp;

constexpr int32_t wait_ms = 10'000;  // for a disk that does not answer, if the client says nothing

/// The first version that may ask for it.
int16_t version_of(int64_t timestamp) {
    switch (timestamp) {
        case max_timestamp: return 7;
        case earliest_local_timestamp: return 8;
        case latest_tiered_timestamp: return 9;
        case earliest_pending_upload_timestamp: return 11;
        default: return timestamp < earliest_timestamp ? INT16_MAX : 0;
    }
}

struct State {
    ListOffsetsRequest asked;
    std::span<ListOffsetCall> calls;  // one for each partition, in order; those with an error were not started
};

void answer(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    ListOffsetsResponse response;
    auto topics = request.arena.make_array<ListOffsetsResponse::Topic>(state.asked.topics.size());
    auto partitions = request.arena.make_array<ListOffsetsResponse::Partition>(state.calls.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.calls.size())
        return serving.close(request);
    size_t at = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const ListOffsetsRequest::Topic& asked = state.asked.topics[t];
        topics[t].name = asked.name;
        topics[t].partitions = partitions.subspan(at, asked.partitions.size());
        for (const ListOffsetsRequest::Partition& partition : asked.partitions) {
            const ListOffsetCall& call = state.calls[at];
            ListOffsetsResponse::Partition& out = partitions[at++];
            out.partition_index = partition.partition_index;
            out.error_code = call.error;
            if (call.error != ErrorCode::none) continue;
            out.offset = call.offset;
            out.timestamp = call.found_timestamp;
            out.leader_epoch = call.leader_epoch;
        }
    }
    response.topics = topics;
    serving.respond(request, response);
}

struct Named {
    std::string_view topic;
    int32_t partition = 0;
    uint32_t call = 0;

    bool same(const Named& other) const { return topic == other.topic && partition == other.partition; }
};

/// As in Kafka, a partition that is named twice is refused both times. False: there is no memory.
bool refuse_repeated(Request& request, State& state) {
    std::span<Named> named = request.arena.make_array<Named>(state.calls.size());
    if (named.size() != state.calls.size()) return false;
    uint32_t at = 0;
    for (const ListOffsetsRequest::Topic& topic : state.asked.topics)
        for (const ListOffsetsRequest::Partition& partition : topic.partitions) {
            named[at] = {topic.name, partition.partition_index, at};
            ++at;
        }
    std::ranges::sort(named, {}, [](const Named& item) { return std::pair(item.topic, item.partition); });
    for (size_t i = 1; i < named.size(); ++i) {
        if (!named[i].same(named[i - 1])) continue;
        state.calls[named[i].call].error = state.calls[named[i - 1].call].error = ErrorCode::invalid_request;
    }
    return true;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    size_t count = 0;
    for (const ListOffsetsRequest::Topic& topic : state.asked.topics) count += topic.partitions.size();
    state.calls = request.arena.make_array<ListOffsetCall>(count);
    if (state.calls.size() != count || !refuse_repeated(request, state)) return serving.close(request);
    size_t at = 0;
    for (const ListOffsetsRequest::Topic& topic : state.asked.topics) {
        const Topic* known = serving.topics.find(topic.name);
        for (const ListOffsetsRequest::Partition& partition : topic.partitions) {
            ListOffsetCall& call = state.calls[at++];
            const Place place = find_place(serving, known, partition.partition_index, false);
            if (call.error == ErrorCode::none) call.error = place.error;
            if (request.header.version < version_of(partition.timestamp)) call.error = ErrorCode::unsupported_version;
            if (call.error != ErrorCode::none) continue;
            call.key = place.key;
            call.timestamp = partition.timestamp;
            call.current_leader_epoch = partition.current_leader_epoch;
            serving.start_call(request, call, place.owner);
        }
    }
    if (request.open_calls == 0) return answer(request, serving);
    const int32_t asked_ms = state.asked.timeout_ms > 0 ? state.asked.timeout_ms : wait_ms;
    serving.set_deadline(request, serving.time.now + std::min(asked_ms, limits::request_timeout_ms) * millisecond_ns);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::list_offsets, start, resume};

}  // namespace penstock::broker::list_offsets
