// DescribeGroups: one call for each group.
#include "wire/kafka/describe_groups.h"

#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::describe_groups {

namespace {

using wire::kafka::DescribeGroupsRequest;
using wire::kafka::DescribeGroupsResponse;

constexpr int16_t first_with_not_found = 6;
/// Kafka's bits of what may be done to a group: read, delete, describe, describe configs, alter configs. Without an
/// authorizer that is all of it.
constexpr int32_t all_operations = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

struct State {
    DescribeGroupsRequest asked;
    std::span<DescribeGroupCall*> calls;   // one for each group, in order
};

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const size_t count = state.asked.groups.size();
    state.calls = request.arena.make_array<DescribeGroupCall*>(count);
    if (count > limits::groups_per_request || state.calls.size() != count) return serving.close(request), false;
    for (size_t i = 0; i < count; ++i) {
        state.calls[i] = &new_group_call<DescribeGroupCall>(request);
        if (state.asked.groups[i].empty()) state.calls[i]->error = ErrorCode::invalid_group_id;
        else start_group_call(request, serving, *state.calls[i], state.asked.groups[i]);
    }
    return true;
}

bool fill(Request& request, const State& state, size_t index, DescribeGroupsResponse::Group& out) {
    const DescribeGroupCall& call = *state.calls[index];
    out.group_id = state.asked.groups[index];
    out.error_code = group_error(call.error);
    if (call.error != ErrorCode::none) return true;
    if (state.asked.include_authorized_operations) out.authorized_operations = all_operations;
    if (!call.found) {
        out.group_state = "Dead";
        if (request.header.version < first_with_not_found) return true;
        out.error_code = ErrorCode::group_id_not_found;
        out.error_message = "There is no group of this id";
        return true;
    }
    auto members = request.arena.make_array<DescribeGroupsResponse::Member>(call.members.size());
    if (members.size() != call.members.size()) return false;
    for (size_t i = 0; i < members.size(); ++i) {
        const DescribeGroupCall::Member& member = call.members[i];
        members[i] = {member.id, member.instance_id, member.client_id, member.client_host, bytes_of(member.metadata),
                      bytes_of(member.assignment)};
    }
    out.group_state = call.state;
    out.protocol_type = call.protocol_type;
    out.protocol_data = call.protocol;
    out.members = members;
    return true;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    auto groups = request.arena.make_array<DescribeGroupsResponse::Group>(state.calls.size());
    if (groups.size() != state.calls.size()) return serving.close(request);
    for (size_t i = 0; i < groups.size(); ++i)
        if (!fill(request, state, i, groups[i])) return serving.close(request);
    DescribeGroupsResponse response;
    response.groups = groups;
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::describe_groups, Steps::start, Steps::resume};

}  // namespace penstock::broker::describe_groups
