#include "broker/fetch_response.h"

#include <algorithm>

#include "broker/place.h"
#include "wire/batch.h"

namespace penstock::broker {

namespace {

using wire::kafka::FetchRequest;
using wire::kafka::FetchResponse;

/// The codes that clients know from a Fetch; any other ends the application of a Java consumer.
ErrorCode fetch_error(ErrorCode error) {
    switch (error) {
        case ErrorCode::none:
        case ErrorCode::offset_out_of_range:
        case ErrorCode::offset_not_available:
        case ErrorCode::corrupt_message:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unknown_leader_epoch:
        case ErrorCode::unknown_topic_id: return error;
        default: return ErrorCode::unknown_server_error;
    }
}

/// The bytes that a part lent, at most `bytes_max` of them unless it is the first of the response.
std::span<Fragment> records_of(Request& request, const FetchEntry& entry, uint64_t bytes_max, bool first) {
    const auto slices = std::span(entry.call->slices).subspan(entry.part->first_slice, entry.part->slice_count);
    std::span<Fragment> chain = request.arena.make_array<Fragment>(slices.size());
    if (chain.size() != slices.size()) return {};
    std::ranges::transform(slices, chain.begin(), [](const log::Slice& s) { return Fragment{s.data, s.size}; });
    return first || entry.part->bytes <= bytes_max ? chain : cut_batches(chain, bytes_max);
}

class Assembly {
public:
    Assembly(Request& request, Serving& serving, FetchState& state)
        : request_(request), serving_(serving), state_(state), by_id_(request.header.version >= fetch_first_by_id) {}

    void fill(FetchResponse::Partition& out, const FetchRequest::Topic& topic, const FetchRequest::Partition& asked,
              const FetchEntry& entry) {
        out.partition_index = asked.partition;
        ErrorCode error = entry.part != nullptr ? entry.part->error : entry.error;
        const Topic* known = by_id_ ? serving_.topics.find(topic.topic_id) : serving_.topics.find(topic.name);
        // It was there when the request came: the topic has gone since.
        if (error == ErrorCode::unknown_topic_or_partition && by_id_ && entry.part != nullptr)
            error = ErrorCode::unknown_topic_id;
        // It was waited for: the client is to ask again. Without an error the watermark would have to be a true one.
        if (error == ErrorCode::none && entry.part != nullptr && !entry.part->confirmed)
            error = ErrorCode::offset_not_available;
        out.error_code = fetch_error(error);
        if (error == ErrorCode::not_leader_or_follower || error == ErrorCode::fenced_leader_epoch) {
            moved = true;
            out.current_leader = leader_of(find_place(serving_, known, asked.partition, by_id_).partition);
        }
        if (entry.part == nullptr) return;
        out.high_watermark = out.last_stable_offset = entry.part->high_watermark;
        out.log_start_offset = entry.part->log_start_offset;
        if (state_.asked.isolation_level == 1) out.aborted_transactions = wire::Array<AbortedTransaction>();
        if (entry.part->bytes == 0 || error != ErrorCode::none) return;
        const uint64_t room = state_.bytes_max - std::min(state_.bytes_max, bytes_);
        std::span<Fragment> records = records_of(request_, entry, room, bytes_ == 0);
        bytes_ += total_size(records);
        out.records = records;
    }

    bool moved = false;   ///< some partition has its leader elsewhere

private:
    using AbortedTransaction = FetchResponse::AbortedTransaction;
    Request& request_;
    Serving& serving_;
    FetchState& state_;
    const bool by_id_;
    uint64_t bytes_ = 0;
};

}  // namespace

std::span<Fragment> cut_batches(std::span<Fragment> chain, uint64_t bytes_max) {
    std::byte head[wire::batch_length_prefix_bytes] = {};
    size_t filled = 0;
    for (const Fragment& fragment : chain)
        for (uint32_t i = 0; i < fragment.size && filled < sizeof head; ++i) head[filled++] = fragment.data[i];
    const int64_t first_batch =
        int64_t{load_be<int32_t>(head + 8)} + static_cast<int64_t>(wire::batch_length_prefix_bytes);
    if (filled < sizeof head || first_batch < 0 || static_cast<uint64_t>(first_batch) > bytes_max) return {};
    size_t count = 0;
    for (; count < chain.size() && bytes_max > 0; ++count) {
        chain[count].size = static_cast<uint32_t>(std::min<uint64_t>(chain[count].size, bytes_max));
        bytes_max -= chain[count].size;
    }
    return chain.first(count);
}

void respond_to_fetch(Request& request, Serving& serving, FetchState& state) {
    if (request.connection == nullptr) return serving.respond_nothing(request);
    FetchResponse response;
    auto topics = request.arena.make_array<FetchResponse::Topic>(state.asked.topics.size());
    auto partitions = request.arena.make_array<FetchResponse::Partition>(state.entries.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.entries.size())
        return serving.close(request);
    Assembly assembly(request, serving, state);
    size_t at = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const FetchRequest::Topic& asked = state.asked.topics[t];
        topics[t].name = asked.name;
        topics[t].topic_id = asked.topic_id;
        topics[t].partitions = partitions.subspan(at, asked.partitions.size());
        for (const FetchRequest::Partition& partition : asked.partitions) {
            assembly.fill(partitions[at], asked, partition, state.entries[at]);
            ++at;
        }
    }
    response.topics = topics;
    if (assembly.moved) response.node_endpoints = endpoints(request, serving.topics.view());
    serving.respond(request, response);
}

void respond_to_fetch_with(Request& request, Serving& serving, ErrorCode error) {
    FetchResponse response;
    response.error_code = error;
    serving.respond(request, response);
}

}  // namespace penstock::broker
