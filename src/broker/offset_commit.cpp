// OffsetCommit: partitions are judged one by one here, those that pass go to the group in one call.
#include "wire/kafka/offset_commit.h"

#include "broker/group_request.h"
#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::offset_commit {

namespace {

using wire::kafka::OffsetCommitRequest;
using wire::kafka::OffsetCommitResponse;

constexpr int16_t first_with_unknown_group = 9;
constexpr int16_t first_by_id = 10;

struct State {
    OffsetCommitRequest asked;
    std::span<ErrorCode> errors;         // of all partitions of all topics, in order
    CommitOffsetsCall* call = nullptr;   // of those without an error
};

ErrorCode check(const Serving& serving, const Topic* topic, const OffsetCommitRequest::Partition& partition,
                bool by_id) {
    // Whoever leads the partition: a group commits on all of them.
    const Place place = find_place(serving, topic, partition.partition_index, by_id);
    if (place.partition == nullptr) return place.error;
    if (partition.committed_metadata && partition.committed_metadata->size() > limits::offset_metadata_bytes)
        return ErrorCode::offset_metadata_too_large;
    return ErrorCode::none;
}

size_t count_partitions(const OffsetCommitRequest& asked) {
    size_t count = 0;
    for (const OffsetCommitRequest::Topic& topic : asked.topics) count += topic.partitions.size();
    return count;
}

/// Those of `offsets` that are filled.
std::span<CommitOffsetsCall::Offset> judge(Request& request, const Serving& serving, State& state,
                                           std::span<CommitOffsetsCall::Offset> offsets) {
    const bool by_id = request.header.version >= first_by_id;
    size_t at = 0, passed = 0;
    for (const OffsetCommitRequest::Topic& topic : state.asked.topics) {
        const Topic* known = by_id ? serving.topics.find(topic.topic_id) : serving.topics.find(topic.name);
        std::string_view name = topic.name;
        if (by_id && known != nullptr) name = request.arena.copy(known->view->name);
        for (const OffsetCommitRequest::Partition& partition : topic.partitions) {
            ErrorCode& error = state.errors[at++];
            error = check(serving, known, partition, by_id);
            if (error != ErrorCode::none) continue;
            offsets[passed++] = {name, known->view->id, partition.partition_index, partition.committed_offset,
                                 partition.committed_leader_epoch,
                                 partition.committed_metadata.value_or(std::string_view())};
        }
    }
    return offsets.first(passed);
}

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const OffsetCommitRequest& asked = state.asked;
    const size_t count = count_partitions(asked);
    state.errors = request.arena.make_array<ErrorCode>(count);
    auto offsets = request.arena.make_array<CommitOffsetsCall::Offset>(count);
    if (state.errors.size() != count || offsets.size() != count) return serving.close(request), false;
    const auto passed = judge(request, serving, state, offsets);
    if (passed.empty()) return true;
    CommitOffsetsCall& commit = new_group_call<CommitOffsetsCall>(request);
    state.call = &commit;
    commit.member = {asked.member_id, asked.group_instance_id, asked.generation_id};
    commit.offsets = passed;
    commit.unknown_group_is_not_found = request.header.version >= first_with_unknown_group;
    start_group_call(request, serving, commit, asked.group_id);
    return true;
}

ErrorCode commit_error(ErrorCode error) {
    if (error == ErrorCode::message_too_large || error == ErrorCode::record_list_too_large)
        return ErrorCode::invalid_commit_offset_size;
    return group_error(error);
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    const ErrorCode error = state.call == nullptr ? ErrorCode::none : commit_error(state.call->error);
    auto topics = request.arena.make_array<OffsetCommitResponse::Topic>(state.asked.topics.size());
    auto partitions = request.arena.make_array<OffsetCommitResponse::Partition>(state.errors.size());
    if (topics.size() != state.asked.topics.size() || partitions.size() != state.errors.size())
        return serving.close(request);
    size_t at = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const OffsetCommitRequest::Topic& asked = state.asked.topics[t];
        topics[t] = {asked.name, asked.topic_id, partitions.subspan(at, asked.partitions.size())};
        for (const OffsetCommitRequest::Partition& partition : asked.partitions) {
            const ErrorCode own = state.errors[at];
            partitions[at++] = {partition.partition_index, own == ErrorCode::none ? error : own};
        }
    }
    OffsetCommitResponse response;
    response.topics = topics;
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::offset_commit, Steps::start, Steps::resume};

}  // namespace penstock::broker::offset_commit
