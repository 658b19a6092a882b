// JoinGroup: held by the group until all its members have joined.
#include "wire/kafka/join_group.h"

#include <algorithm>

#include "broker/connection.h"
#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::join_group {

namespace {

using wire::kafka::JoinGroupRequest;
using wire::kafka::JoinGroupResponse;

constexpr int16_t first_with_required_id = 4;
constexpr int16_t first_with_null_protocol = 7;
constexpr int16_t first_with_skipped_assignment = 9;

struct State {
    JoinGroupRequest asked;
    JoinGroupCall* call = nullptr;
};

/// Version 0 has none, and some clients send -1: then it is the session timeout.
int32_t rebalance_timeout(const JoinGroupRequest& asked) {
    return asked.rebalance_timeout_ms >= 0 ? asked.rebalance_timeout_ms : asked.session_timeout_ms;
}

int64_t wait_ns(const JoinGroupCall& call) {
    const int64_t own_ms = std::max({call.session_timeout_ms, call.rebalance_timeout_ms, 0});
    return std::min(own_ms * millisecond_ns, limits::group_wait_ns) + limits::group_wait_slack_ns;
}

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const JoinGroupRequest& asked = state.asked;
    auto protocols = request.arena.make_array<JoinGroupCall::Protocol>(asked.protocols.size());
    if (protocols.size() != asked.protocols.size()) return serving.close(request), false;
    for (size_t i = 0; i < protocols.size(); ++i) protocols[i] = {asked.protocols[i].name, asked.protocols[i].metadata};
    JoinGroupCall& join = new_group_call<JoinGroupCall>(request);
    state.call = &join;
    join.member = {asked.member_id, asked.group_instance_id, -1};
    join.client_id = request.header.client_id.value_or(std::string_view());
    join.session_timeout_ms = asked.session_timeout_ms;
    join.rebalance_timeout_ms = rebalance_timeout(asked);
    join.protocol_type = asked.protocol_type;
    join.protocols = protocols;
    join.id_required = request.header.version >= first_with_required_id;
    join.may_skip_assignment = request.header.version >= first_with_skipped_assignment;
    // The connection may go while the group still looks at the call.
    if (request.connection != nullptr) join.client_host = request.arena.copy(request.connection->client_host);
    if (asked.group_id.empty()) {
        join.error = ErrorCode::invalid_group_id;
        return true;
    }
    serving.set_deadline(request, serving.time.now + wait_ns(join));
    start_group_call(request, serving, join, asked.group_id);
    return true;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    const JoinGroupCall& join = *state.call;
    JoinGroupResponse response;
    response.error_code = group_error(join.error);
    response.member_id = join.member_id.empty() ? state.asked.member_id : join.member_id;
    if (join.error != ErrorCode::none) {
        if (request.header.version >= first_with_null_protocol) response.protocol_name.reset();
        return serving.respond(request, response);
    }
    auto members = request.arena.make_array<JoinGroupResponse::Member>(join.members.size());
    if (members.size() != join.members.size()) return serving.close(request);
    for (size_t i = 0; i < members.size(); ++i) {
        const JoinGroupCall::Member& member = join.members[i];
        members[i] = {member.id, member.instance_id, bytes_of(member.metadata)};
    }
    response.generation_id = join.generation;
    response.protocol_type = join.chosen_protocol_type;
    response.protocol_name = join.chosen_protocol;
    response.leader = join.leader_id;
    response.skip_assignment = join.skip_assignment;
    response.members = members;
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::join_group, Steps::start, Steps::resume};

}  // namespace penstock::broker::join_group
