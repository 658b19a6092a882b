// Produce: check each batch, have its owner append it, answer when all are as safe as the producer asked for.
//
// Batches are checked here, on the shard that received them: their bytes are in this core's cache, and the work spreads
// over the connections instead of piling up on the owner of a busy partition. The owner then copies once, into its log.
// acks=1 is answered when the batch is durable on this disk: that is what "the leader's own log" means here, and the
// journal's group commit makes it cheap. acks=all when every in-sync replica has it so. acks=0 has no response; an
// error then closes the connection, which is all that such a client can notice.
#include "wire/kafka/produce.h"

#include <algorithm>

#include "broker/group_place.h"
#include "broker/handlers.h"
#include "broker/place.h"
#include "wire/batch.h"
#include "wire/keys.h"

namespace penstock::broker::produce {

namespace {

using wire::kafka::ProduceRequest;
using wire::kafka::ProduceResponse;

constexpr int16_t first_served = 3;       // record batches began here; older ones are listed for old librdkafka only
constexpr int16_t first_by_id = 13;
constexpr int16_t first_with_zstd = 7;
constexpr int32_t timeout_min_ms = 100;   // less is no time for a disk

struct Part {
    ErrorCode error = ErrorCode::none;
    AppendCall* call = nullptr;            // null when there is an error
    int32_t record = -1;                   // the one that is to blame; -1: the batch as a whole
    int64_t log_append_time_ms = -1;
};

struct State {
    ProduceRequest asked;
    std::span<Part> parts;                 // all partitions of all topics, in order
};

bool by_id(const Request& request) { return request.header.version >= first_by_id; }

const Topic* known_topic(const Request& request, const Serving& serving, const ProduceRequest::Topic& topic) {
    return by_id(request) ? serving.topics.find(topic.topic_id) : serving.topics.find(topic.name);
}

Acks acks_of(int16_t asked) {
    return asked == 0 ? Acks::appended : asked == 1 ? Acks::settled : Acks::replicated;
}

/// Checks one batch and fills in the call that appends it.
ErrorCode prepare(Request& request, Serving& serving, const Place& place, wire::Records records, Part& part) {
    const TopicSettings& settings = place.topic->settings;
    wire::BatchLimits limits{.batch_bytes_max = settings.max_message_bytes,
                             .segment_bytes = settings.log.segment_bytes,
                             .now_ms = serving.time.wall_ms,
                             .timestamp_before_max_ms = settings.timestamp_before_max_ms,
                             .timestamp_after_max_ms = settings.timestamp_after_max_ms,
                             .zstd_allowed = request.header.version >= first_with_zstd};
    if (settings.log_append_time) limits.timestamp_before_max_ms = limits.timestamp_after_max_ms = INT64_MAX;
    auto batch = wire::validate_batch(records, limits, request.arena);
    if (!batch) return batch.error();
    // Transactions are not advertised: nobody has added this partition to one.
    if (batch->header.is_transactional()) return ErrorCode::invalid_txn_state;
    if (settings.log.compact) {
        const wire::Keys keys = wire::check_keys(batch->header, batch->body, part.record);
        if (keys != wire::Keys::missing) part.record = -1;
        if (keys != wire::Keys::all) return ErrorCode::invalid_record;
    }
    std::span<AppendCall> calls = request.arena.make_array<AppendCall>(1);
    if (calls.data() == nullptr) return ErrorCode::message_too_large;
    AppendCall& call = calls.front();
    call.key = place.key;
    call.batch.body = batch->body;
    call.batch.last_offset_delta = batch->header.last_offset_delta;
    call.batch.max_timestamp = batch->header.max_timestamp;
    call.batch.producer = {.producer_id = batch->header.producer_id,
                           .epoch = batch->header.producer_epoch,
                           .first_sequence = batch->header.base_sequence,
                           .last_offset_delta = batch->header.last_offset_delta,
                           .timestamp = serving.time.wall_ms};
    if (settings.log_append_time) {
        wire::stamp_append_time(batch->header_bytes, batch->body, serving.time.wall_ms);
        part.log_append_time_ms = call.batch.max_timestamp = serving.time.wall_ms;
    }
    static_assert(sizeof call.batch.header == wire::batch_header_bytes);
    std::ranges::copy(batch->header_bytes, call.batch.header);
    part.call = &call;
    return ErrorCode::none;
}

ErrorCode prepare(Request& request, Serving& serving, const State& state, const ProduceRequest::Topic& topic,
                  const ProduceRequest::Partition& partition, Part& part) {
    if (state.asked.acks < -1 || state.asked.acks > 1) return ErrorCode::invalid_required_acks;
    const Place place = find_place(serving, known_topic(request, serving, topic), partition.index, by_id(request));
    if (place.topic != nullptr && is_internal_topic(place.topic->view->name)) return ErrorCode::invalid_topic;
    if (place.error != ErrorCode::none) return place.error;
    const ErrorCode error = prepare(request, serving, place, partition.records, part);
    if (error == ErrorCode::none) {
        part.call->acks = acks_of(state.asked.acks);
        part.call->min_in_sync = place.topic->settings.min_insync_replicas;
        serving.start_call(request, *part.call, place.owner);
    }
    return error;
}

/// Names the record that the batch was refused for.
void explain(Request& request, const Part& part, ProduceResponse::Partition& out) {
    std::span<ProduceResponse::RecordError> errors = request.arena.make_array<ProduceResponse::RecordError>(1);
    if (errors.empty()) return;
    errors[0].batch_index = part.record;
    errors[0].message = "A compacted topic takes no record without a key.";
    out.record_errors = errors;
    out.error_message = "The batch has a record without a key; this topic is compacted by key.";
}

void answer(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    if (state.asked.acks == 0) {
        const bool failed = std::ranges::any_of(state.parts, [](const Part& part) {
            return part.error != ErrorCode::none || part.call->error != ErrorCode::none;
        });
        return failed ? serving.close(request) : serving.respond_nothing(request);
    }
    if (request.connection == nullptr) return serving.respond_nothing(request);
    ProduceResponse response;
    std::span<ProduceResponse::Topic> topics =
        request.arena.make_array<ProduceResponse::Topic>(state.asked.topics.size());
    std::span<ProduceResponse::Partition> partitions =
        request.arena.make_array<ProduceResponse::Partition>(state.parts.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.parts.size())
        return serving.close(request);
    size_t at = 0;
    bool moved = false;
    for (size_t t = 0; t < topics.size(); ++t) {
        const ProduceRequest::Topic& asked = state.asked.topics[t];
        topics[t].name = asked.name;
        topics[t].topic_id = asked.topic_id;
        topics[t].partitions = partitions.subspan(at, asked.partitions.size());
        for (const ProduceRequest::Partition& partition : asked.partitions) {
            const Part& part = state.parts[at];
            ProduceResponse::Partition& out = partitions[at++];
            out.index = partition.index;
            out.error_code = part.call != nullptr ? part.call->error : part.error;
            // It was there when the request came: the topic has gone since.
            if (out.error_code == ErrorCode::unknown_topic_or_partition && by_id(request) && part.call != nullptr)
                out.error_code = ErrorCode::unknown_topic_id;
            if (out.error_code == ErrorCode::not_leader_or_follower) {
                moved = true;
                const Topic* topic = known_topic(request, serving, asked);
                out.current_leader = leader_of(find_place(serving, topic, partition.index, false).partition);
            }
            if (part.record >= 0) explain(request, part, out);
            if (out.error_code != ErrorCode::none) continue;
            out.base_offset = part.call->base_offset;
            const bool duplicate = part.call->duplicate_timestamp >= 0;
            out.log_append_time_ms = duplicate && part.log_append_time_ms >= 0 ? part.call->duplicate_timestamp
                                                                               : part.log_append_time_ms;
            out.log_start_offset = part.call->log_start_offset;
        }
    }
    response.topics = topics;
    if (moved) response.node_endpoints = endpoints(request, serving.topics.view());
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    if (request.header.version < first_served) return serving.close(request);
    std::span<State> states = request.arena.make_array<State>(1);
    State& state = states.front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    size_t count = 0;
    for (const ProduceRequest::Topic& topic : state.asked.topics) count += topic.partitions.size();
    state.parts = request.arena.make_array<Part>(count);
    if (state.parts.size() != count) return serving.close(request);
    size_t at = 0;
    for (const ProduceRequest::Topic& topic : state.asked.topics) {
        for (const ProduceRequest::Partition& partition : topic.partitions) {
            Part& part = state.parts[at++];
            part.error = prepare(request, serving, state, topic, partition, part);
        }
    }
    if (request.open_calls == 0) return answer(request, serving);
    const int32_t timeout_ms = std::clamp(state.asked.timeout_ms, timeout_min_ms, limits::request_timeout_ms);
    serving.set_deadline(request, serving.time.now + timeout_ms * millisecond_ns);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::produce, start, resume};

}  // namespace penstock::broker::produce
