// Heartbeat: keeps a member's session, and tells it of a rebalance.
#include "wire/kafka/heartbeat.h"

#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::heartbeat {

namespace {

using wire::kafka::HeartbeatRequest;
using wire::kafka::HeartbeatResponse;

struct State {
    HeartbeatRequest asked;
    HeartbeatCall* call = nullptr;
};

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const HeartbeatRequest& asked = state.asked;
    HeartbeatCall& heartbeat = new_group_call<HeartbeatCall>(request);
    state.call = &heartbeat;
    heartbeat.member = {asked.member_id, asked.group_instance_id, asked.generation_id};
    if (asked.group_id.empty()) heartbeat.error = ErrorCode::invalid_group_id;
    else start_group_call(request, serving, heartbeat, asked.group_id);
    return true;
}

void answer(Request& request, Serving& serving) {
    HeartbeatResponse response;
    response.error_code = group_error(request.state_as<State>().call->error);
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::heartbeat, Steps::start, Steps::resume};

}  // namespace penstock::broker::heartbeat
