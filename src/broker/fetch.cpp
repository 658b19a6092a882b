// Fetch: ask the owners of the partitions, wait until there is enough, splice what they lend into the response.
//
// One owner: it is asked for min_bytes and answers when they are there. Several: each is asked for its share of what is
// missing; the first that has its share (whatever is missing is somewhere, so at least one has) makes the others answer
// too. Is the sum too small still, all slices go back and a new round asks for shares of the rest. The deadline
// cancels the calls: then the answer is what there is.
// Limits are Kafka's: partitions in the order of the request, each within its own, all within the response's, and the
// first batch whole however large. Each owner keeps them for its part; the sum over owners is cut here, in order.
// Sessions are declined (id 0), so every request names all its partitions and every response holds them all.
#include <algorithm>

#include "base/assert.h"
#include "broker/fetch_response.h"
#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::fetch {

namespace {

using wire::kafka::FetchRequest;

/// Counts the partitions of each owner, then gives each owner its call.
bool make_calls(Request& request, Serving& serving, FetchState& state) {
    std::span<uint32_t> counts = request.arena.make_array<uint32_t>(serving.options.shard_count);
    std::span<FetchCall*> by_owner = request.arena.make_array<FetchCall*>(serving.options.shard_count);
    if (counts.empty() || by_owner.empty()) return false;
    for (const FetchEntry& entry : state.entries)
        if (entry.error == ErrorCode::none) ++counts[entry.owner];
    for (uint32_t owner = 0; owner < counts.size(); ++owner) {
        if (counts[owner] == 0) continue;
        by_owner[owner] = &serving.take_fetch_call(request);
        by_owner[owner]->parts = request.arena.make_array<FetchPart>(counts[owner]);
        if (by_owner[owner]->parts.size() != counts[owner]) return false;
        by_owner[owner]->owner = owner;
        by_owner[owner]->bytes_wanted = 0;
        counts[owner] = 0;
    }
    size_t at = 0;
    for (const FetchRequest::Topic& topic : state.asked.topics) {
        for (const FetchRequest::Partition& partition : topic.partitions) {
            FetchEntry& entry = state.entries[at++];
            if (entry.error != ErrorCode::none) continue;
            entry.call = by_owner[entry.owner];
            entry.part = &entry.call->parts[counts[entry.owner]++];
            entry.part->key = entry.key;
            entry.part->from = Offset(partition.fetch_offset);
            entry.part->bytes_max = static_cast<uint32_t>(std::max(partition.partition_max_bytes, 0));
            entry.part->current_leader_epoch = partition.current_leader_epoch;
        }
    }
    return true;
}

/// Asks every owner to answer once it has what it had plus its share of what is missing.
void start_round(Request& request, Serving& serving, FetchState& state) {
    const uint64_t owners = request.fetch_calls.size();
    const uint64_t missing = state.bytes_wanted - std::min(state.bytes_wanted, state.bytes_had);
    state.cancelled = false;
    for (FetchCall* call : request.fetch_calls) {
        const uint64_t had = call->bytes_wanted;  // the last round left it here
        call->bytes_max = state.bytes_max;
        call->bytes_wanted = state.immediate || request.timed_out ? 0 : had + (missing + owners - 1) / owners;
        serving.start_call(request, *call, call->owner);
    }
}

void end_round(Request& request, Serving& serving, FetchState& state) {
    state.bytes_had = 0;
    bool any_error = false;
    for (const FetchCall* call : request.fetch_calls) {
        state.bytes_had += call->bytes;
        any_error |= call->any_error;
    }
    if (request.timed_out || state.immediate || any_error || request.fetch_calls.size() == 1 ||
        state.bytes_had >= state.bytes_wanted)
        return respond_to_fetch(request, serving, state);
    state.releasing = true;
    for (FetchCall* call : request.fetch_calls) {
        call->bytes_wanted = call->bytes;
        if (!call->slices.empty()) serving.release_slices(request, *call);
    }
    if (request.open_calls > 0) return;
    state.releasing = false;
    start_round(request, serving, state);
}

void resume(Request& request, Call&, Serving& serving) {
    FetchState& state = request.state_as<FetchState>();
    if (request.open_calls == 0 && state.releasing) {
        state.releasing = false;
        return start_round(request, serving, state);
    }
    if (request.open_calls == 0) return end_round(request, serving, state);
    if (state.releasing || state.cancelled) return;
    state.cancelled = true;
    serving.cancel_calls(request);
}

bool has_session_error(const FetchRequest& asked, ErrorCode& error) {
    // We never gave out a session, so every id but 0 is unknown. Epoch 0 offers one, -1 asks for none.
    if (asked.session_id != 0) error = ErrorCode::fetch_session_id_not_found;
    else if (asked.session_epoch > 0) error = ErrorCode::invalid_fetch_session_epoch;
    return error != ErrorCode::none;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    FetchState& state = request.arena.make_array<FetchState>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    ErrorCode error = ErrorCode::none;
    if (has_session_error(state.asked, error)) return respond_to_fetch_with(request, serving, error);
    size_t count = 0;
    for (const FetchRequest::Topic& topic : state.asked.topics) count += topic.partitions.size();
    state.entries = request.arena.make_array<FetchEntry>(count);
    if (state.entries.size() != count) return serving.close(request);
    const bool by_id = request.header.version >= fetch_first_by_id;
    size_t at = 0;
    bool any_error = false;
    for (const FetchRequest::Topic& topic : state.asked.topics) {
        const Topic* known = by_id ? serving.topics.find(topic.topic_id) : serving.topics.find(topic.name);
        for (const FetchRequest::Partition& partition : topic.partitions) {
            const Place place = find_place(serving, known, partition.partition, by_id);
            any_error |= place.error != ErrorCode::none;
            FetchEntry& entry = state.entries[at++];
            entry.error = place.error;
            entry.owner = place.owner;
            entry.key = place.key;
        }
    }
    if (!make_calls(request, serving, state)) return serving.close(request);
    if (request.fetch_calls.empty()) return respond_to_fetch(request, serving, state);
    const uint64_t response_max = std::min<uint64_t>(limits::fetch_response_bytes, serving.options.lent_bytes_max / 2);
    state.bytes_max = std::clamp<uint64_t>(static_cast<uint64_t>(std::max(state.asked.max_bytes, 1)), 1, response_max);
    state.immediate = any_error || state.asked.max_wait_ms <= 0 || state.asked.min_bytes <= 0;
    if (!state.immediate) {
        state.bytes_wanted = std::min(static_cast<uint64_t>(state.asked.min_bytes), state.bytes_max);
        const int32_t wait_ms = std::min(state.asked.max_wait_ms, limits::fetch_wait_ms);
        serving.set_deadline(request, serving.time.now + wait_ms * millisecond_ns);
    }
    start_round(request, serving, state);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::fetch, start, resume};

}  // namespace penstock::broker::fetch
