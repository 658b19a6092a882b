// OffsetFetch: one call for each group. A topic need not exist to have committed offsets, unless it is asked for by id.
//
// Nothing is ever pending here (transactions are not advertised), so every committed offset is stable.
#include "wire/kafka/offset_fetch.h"

#include <algorithm>

#include "base/assert.h"
#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::offset_fetch {

namespace {

using wire::kafka::OffsetFetchRequest;
using wire::kafka::OffsetFetchResponse;

constexpr int16_t first_with_error = 2;
constexpr int16_t first_with_several = 8;
constexpr int16_t first_by_id = 10;

using AskedTopics = wire::Array<OffsetFetchRequest::Topic>;

struct Asked {
    OffsetFetchRequest::Group group;
    std::span<bool> known;               // of each topic that is asked for by id: in the call
    FetchOffsetsCall* call = nullptr;
};

struct State {
    OffsetFetchRequest asked;
    std::span<Asked> groups;             // up to version 7: one
};

AskedTopics topics_of(const Asked& asked) { return asked.group.topics.value_or(AskedTopics()); }

/// The partitions that the group is asked for; topics with unknown ids are left out.
bool collect(Request& request, const Serving& serving, Asked& asked) {
    const AskedTopics topics = topics_of(asked);
    size_t count = 0;
    for (const OffsetFetchRequest::Topic& topic : topics) count += topic.partition_indexes.size();
    asked.known = request.arena.make_array<bool>(topics.size());
    auto wanted = request.arena.make_array<FetchOffsetsCall::Wanted>(count);
    if (asked.known.size() != topics.size() || wanted.size() != count) return false;
    size_t filled = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        std::string_view name = topics[t].name;
        asked.known[t] = true;
        if (request.header.version >= first_by_id) {
            const Topic* topic = serving.topics.find(topics[t].topic_id);
            asked.known[t] = topic != nullptr;
            if (topic == nullptr) continue;
            name = request.arena.copy(topic->view->name);
        }
        for (const int32_t partition : topics[t].partition_indexes) wanted[filled++] = {name, partition};
    }
    asked.call = &new_group_call<FetchOffsetsCall>(request);
    asked.call->all = !asked.group.topics.has_value();
    asked.call->wanted = wanted.first(filled);
    asked.call->member = {asked.group.member_id.value_or(std::string_view()), std::nullopt, asked.group.member_epoch};
    return true;
}

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const bool several = request.header.version >= first_with_several;
    const size_t count = several ? state.asked.groups.size() : 1;
    state.groups = request.arena.make_array<Asked>(count);
    if (count > limits::groups_per_request || state.groups.size() != count) return serving.close(request), false;
    for (size_t i = 0; i < count; ++i) {
        if (several) {
            state.groups[i].group = state.asked.groups[i];
        } else {
            state.groups[i].group.group_id = state.asked.group_id;
            state.groups[i].group.topics = state.asked.topics;
        }
        if (!collect(request, serving, state.groups[i])) return serving.close(request), false;
    }
    for (const Asked& asked : state.groups) start_group_call(request, serving, *asked.call, asked.group.group_id);
    return true;
}

/// A topic that was deleted and made again has other records at the offsets that were committed for the old one.
bool is_of_earlier_topic(const Serving& serving, std::string_view name, const FetchOffsetsCall::Offset& offset) {
    const Topic* topic = serving.topics.find(name);
    return topic != nullptr && !offset.topic_id.is_zero() && topic->view->id != offset.topic_id;
}

void fill(const FetchOffsetsCall::Offset& offset, OffsetFetchResponse::Partition& out) {
    out.committed_offset = offset.offset;
    out.committed_leader_epoch = offset.leader_epoch;
    out.metadata = offset.metadata;
}

/// What was asked for, in that order.
bool fill_wanted(Request& request, const Serving& serving, const Asked& asked, ErrorCode error,
                 wire::Array<OffsetFetchResponse::Topic>& out) {
    const AskedTopics wanted = topics_of(asked);
    auto topics = request.arena.make_array<OffsetFetchResponse::Topic>(wanted.size());
    if (topics.size() != wanted.size()) return false;
    size_t at = 0;
    for (size_t t = 0; t < topics.size(); ++t) {
        const size_t count = wanted[t].partition_indexes.size();
        auto partitions = request.arena.make_array<OffsetFetchResponse::Partition>(count);
        if (partitions.size() != count) return false;
        for (size_t p = 0; p < count; ++p) {
            partitions[p].partition_index = wanted[t].partition_indexes[p];
            partitions[p].error_code = asked.known[t] ? error : ErrorCode::unknown_topic_id;
            if (!asked.known[t] || error != ErrorCode::none) continue;
            const std::string_view name = asked.call->wanted[at].topic;
            const FetchOffsetsCall::Offset& offset = asked.call->offsets[at++];
            if (!is_of_earlier_topic(serving, name, offset)) fill(offset, partitions[p]);
        }
        topics[t] = {wanted[t].name, wanted[t].topic_id, partitions};
    }
    out = topics;
    return true;
}

/// Everything that the group has. By id, topics that are gone cannot be told.
bool fill_all(Request& request, const Serving& serving, const Asked& asked,
              wire::Array<OffsetFetchResponse::Topic>& out) {
    const std::vector<FetchOffsetsCall::Offset>& offsets = asked.call->offsets;
    auto topics = request.arena.make_array<OffsetFetchResponse::Topic>(offsets.size());
    auto partitions = request.arena.make_array<OffsetFetchResponse::Partition>(offsets.size());
    if (topics.size() != offsets.size() || partitions.size() != offsets.size()) return false;
    size_t count = 0, filled = 0;
    for (size_t next = 0; next < offsets.size();) {
        const std::string& name = offsets[next].topic;
        const size_t first = filled;
        for (; next < offsets.size() && offsets[next].topic == name; ++next) {
            if (is_of_earlier_topic(serving, name, offsets[next])) continue;
            partitions[filled].partition_index = offsets[next].partition;
            fill(offsets[next], partitions[filled++]);
        }
        Uuid id;
        if (request.header.version >= first_by_id) {
            const Topic* topic = serving.topics.find(name);
            if (topic == nullptr) continue;
            id = topic->view->id;
        }
        if (filled > first) topics[count++] = {name, id, partitions.subspan(first, filled - first)};
    }
    out = topics.first(count);
    return true;
}

/// Java's consumer dies of a "not available" here, and looks for the coordinator again on "not coordinator".
ErrorCode fetch_error(ErrorCode error) {
    const ErrorCode told = group_error(error);
    return told == ErrorCode::coordinator_not_available ? ErrorCode::not_coordinator : told;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    auto groups = request.arena.make_array<OffsetFetchResponse::Group>(state.groups.size());
    if (groups.size() != state.groups.size()) return serving.close(request);
    for (size_t i = 0; i < groups.size(); ++i) {
        const Asked& asked = state.groups[i];
        OffsetFetchResponse::Group& out = groups[i];
        out.group_id = asked.group.group_id;
        out.error_code = fetch_error(asked.call->error);
        bool filled = true;
        if (out.error_code == ErrorCode::none) {
            PENSTOCK_ASSERT(asked.call->all || asked.call->offsets.size() == asked.call->wanted.size());
            filled = asked.call->all ? fill_all(request, serving, asked, out.topics)
                                     : fill_wanted(request, serving, asked, ErrorCode::none, out.topics);
        } else if (request.header.version < first_with_error) {
            // There is no other place for it.
            filled = fill_wanted(request, serving, asked, out.error_code, out.topics);
        }
        if (!filled) return serving.close(request);
    }
    OffsetFetchResponse response;
    response.groups = groups;
    if (request.header.version < first_with_several) {
        response.topics = groups.front().topics;
        response.error_code = groups.front().error_code;
    }
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::offset_fetch, Steps::start, Steps::resume};

}  // namespace penstock::broker::offset_fetch
