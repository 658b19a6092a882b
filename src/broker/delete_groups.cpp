// DeleteGroups: one call for each group, each with its own result.
#include "wire/kafka/delete_groups.h"

#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::delete_groups {

namespace {

using wire::kafka::DeleteGroupsRequest;
using wire::kafka::DeleteGroupsResponse;

struct State {
    DeleteGroupsRequest asked;
    std::span<DeleteGroupCall*> calls;   // one for each group, in order
};

bool call(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    const size_t count = state.asked.group_names.size();
    state.calls = request.arena.make_array<DeleteGroupCall*>(count);
    if (count > limits::groups_per_request || state.calls.size() != count) return serving.close(request), false;
    for (size_t i = 0; i < count; ++i) {
        state.calls[i] = &new_group_call<DeleteGroupCall>(request);
        if (state.asked.group_names[i].empty()) state.calls[i]->error = ErrorCode::invalid_group_id;
        else start_group_call(request, serving, *state.calls[i], state.asked.group_names[i]);
    }
    return true;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    auto results = request.arena.make_array<DeleteGroupsResponse::Result>(state.calls.size());
    if (results.size() != state.calls.size()) return serving.close(request);
    for (size_t i = 0; i < results.size(); ++i)
        results[i] = {state.asked.group_names[i], group_error(state.calls[i]->error)};
    DeleteGroupsResponse response;
    response.results = results;
    serving.respond(request, response);
}

using Steps = GroupSteps<State, call, answer>;

}  // namespace

const Handler handler{wire::kafka::ApiKey::delete_groups, Steps::start, Steps::resume};

}  // namespace penstock::broker::delete_groups
