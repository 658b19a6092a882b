// LeaveGroup: members go at once, without waiting for their sessions to end.
#include "wire/kafka/leave_group.h"

#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::leave_group {

namespace {

using wire::kafka::LeaveGroupRequest;
using wire::kafka::LeaveGroupResponse;

constexpr int16_t first_with_several = 3;

struct State {
    LeaveGroupRequest asked;
    LeaveGroupCall* call = nullptr;
};

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const LeaveGroupRequest& asked = state.asked;
    const bool several = request.header.version >= first_with_several;
    const size_t count = several ? asked.members.size() : 1;
    auto members = request.arena.make_array<LeaveGroupCall::Member>(count);
    if (members.size() != count) return serving.close(request), false;
    if (!several) members[0].member_id = asked.member_id;
    for (size_t i = 0; several && i < count; ++i) {
        members[i].member_id = asked.members[i].member_id;
        members[i].instance_id = asked.members[i].group_instance_id;
    }
    LeaveGroupCall& leave = new_group_call<LeaveGroupCall>(request);
    state.call = &leave;
    leave.members = members;
    if (asked.group_id.empty()) leave.error = ErrorCode::invalid_group_id;
    else start_group_call(request, serving, leave, asked.group_id);
    return true;
}

void answer(Request& request, Serving& serving) {
    const LeaveGroupCall& leave = *request.state_as<State>().call;
    LeaveGroupResponse response;
    response.error_code = group_error(leave.error);
    if (leave.error != ErrorCode::none) return serving.respond(request, response);
    if (request.header.version < first_with_several) {
        response.error_code = group_error(leave.members.front().error);
        return serving.respond(request, response);
    }
    auto members = request.arena.make_array<LeaveGroupResponse::Member>(leave.members.size());
    if (members.size() != leave.members.size()) return serving.close(request);
    for (size_t i = 0; i < members.size(); ++i) {
        const LeaveGroupCall::Member& member = leave.members[i];
        members[i] = {member.member_id, member.instance_id, group_error(member.error)};
    }
    response.members = members;
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::leave_group, Steps::start, Steps::resume};

}  // namespace penstock::broker::leave_group
