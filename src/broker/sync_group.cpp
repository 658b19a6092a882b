// SyncGroup: held by the group until its leader has said who reads what.
#include "wire/kafka/sync_group.h"

#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::sync_group {

namespace {

using wire::kafka::SyncGroupRequest;
using wire::kafka::SyncGroupResponse;

constexpr int16_t first_with_protocol = 5;

struct State {
    SyncGroupRequest asked;
    SyncGroupCall* call = nullptr;
};

ErrorCode check(const Request& request, const SyncGroupRequest& asked) {
    if (asked.group_id.empty()) return ErrorCode::invalid_group_id;
    const bool named = asked.protocol_type && asked.protocol_name;
    if (request.header.version >= first_with_protocol && !named) return ErrorCode::inconsistent_group_protocol;
    return ErrorCode::none;
}

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const SyncGroupRequest& asked = state.asked;
    auto assignments = request.arena.make_array<SyncGroupCall::Assignment>(asked.assignments.size());
    if (assignments.size() != asked.assignments.size()) return serving.close(request), false;
    for (size_t i = 0; i < assignments.size(); ++i)
        assignments[i] = {asked.assignments[i].member_id, asked.assignments[i].assignment};
    SyncGroupCall& sync = new_group_call<SyncGroupCall>(request);
    state.call = &sync;
    sync.member = {asked.member_id, asked.group_instance_id, asked.generation_id};
    sync.protocol_type = asked.protocol_type;
    sync.protocol = asked.protocol_name;
    sync.assignments = assignments;
    sync.error = check(request, asked);
    if (sync.error != ErrorCode::none) return true;
    serving.set_deadline(request, serving.time.now + limits::group_wait_ns + limits::group_wait_slack_ns);
    start_group_call(request, serving, sync, asked.group_id);
    return true;
}

void answer(Request& request, Serving& serving) {
    const SyncGroupCall& sync = *request.state_as<State>().call;
    SyncGroupResponse response;
    response.error_code = group_error(sync.error);
    if (sync.error == ErrorCode::none) {
        response.protocol_type = sync.chosen_protocol_type;
        response.protocol_name = sync.chosen_protocol;
        response.assignment = bytes_of(sync.assignment);
    }
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::sync_group, Steps::start, Steps::resume};

}  // namespace penstock::broker::sync_group
