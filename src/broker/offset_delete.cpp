// OffsetDelete: partitions are judged one by one here, those that exist go to the group in one call.
#include "wire/kafka/offset_delete.h"

#include "broker/group_request.h"
#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::offset_delete {

namespace {

using wire::kafka::OffsetDeleteRequest;
using wire::kafka::OffsetDeleteResponse;

struct State {
    OffsetDeleteRequest asked;
    std::span<bool> exists;              // of all partitions of all topics, in order
    DeleteOffsetsCall* call = nullptr;
};

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    size_t count = 0;
    for (const OffsetDeleteRequest::Topic& topic : state.asked.topics) count += topic.partitions.size();
    state.exists = request.arena.make_array<bool>(count);
    auto wanted = request.arena.make_array<DeleteOffsetsCall::Wanted>(count);
    if (state.exists.size() != count || wanted.size() != count) return serving.close(request), false;
    size_t at = 0, passed = 0;
    for (const OffsetDeleteRequest::Topic& topic : state.asked.topics) {
        const Topic* known = serving.topics.find(topic.name);
        for (const OffsetDeleteRequest::Partition& partition : topic.partitions) {
            const Place place = find_place(serving, known, partition.partition_index, false);
            state.exists[at] = place.partition != nullptr;
            if (state.exists[at++]) wanted[passed++] = {topic.name, partition.partition_index, ErrorCode::none};
        }
    }
    DeleteOffsetsCall& remove = new_group_call<DeleteOffsetsCall>(request);
    state.call = &remove;
    remove.wanted = wanted.first(passed);
    if (state.asked.group_id.empty()) remove.error = ErrorCode::invalid_group_id;
    else start_group_call(request, serving, remove, state.asked.group_id);
    return true;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    OffsetDeleteResponse response;
    response.error_code = group_error(state.call->error);
    if (response.error_code != ErrorCode::none) return serving.respond(request, response);
    auto topics = request.arena.make_array<OffsetDeleteResponse::Topic>(state.asked.topics.size());
    auto partitions = request.arena.make_array<OffsetDeleteResponse::Partition>(state.exists.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.exists.size())
        return serving.close(request);
    size_t at = 0, passed = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const OffsetDeleteRequest::Topic& asked = state.asked.topics[t];
        topics[t] = {asked.name, partitions.subspan(at, asked.partitions.size())};
        for (const OffsetDeleteRequest::Partition& partition : asked.partitions) {
            OffsetDeleteResponse::Partition& out = partitions[at];
            out.partition_index = partition.partition_index;
            out.error_code = state.exists[at++] ? group_error(state.call->wanted[passed++].error)
                                                : ErrorCode::unknown_topic_or_partition;
        }
    }
    response.topics = topics;
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::offset_delete, Steps::start, Steps::resume};

}  // namespace penstock::broker::offset_delete
