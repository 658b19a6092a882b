// ListGroups: every shard is asked for its groups. A client asks every broker.
#include "wire/kafka/list_groups.h"

#include <algorithm>

#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::list_groups {

namespace {

using wire::kafka::ListGroupsRequest;
using wire::kafka::ListGroupsResponse;

constexpr std::string_view type_of_all = "classic";

struct State {
    ListGroupsRequest asked;
    std::span<ListGroupsCall*> calls;   // one for each shard
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// An empty filter lets everything pass. Kafka's tools write names in several ways.
bool passes(wire::Array<std::string_view> filter, std::string_view value) {
    if (filter.empty()) return true;
    return std::ranges::any_of(filter, [&](std::string_view wanted) {
        return std::ranges::equal(wanted, value, {}, lower, lower);
    });
}

void answer(Request& request, Serving& serving) {
    if (request.connection == nullptr) return serving.respond_nothing(request);
    const State& state = request.state_as<State>();
    size_t count = 0;
    for (const ListGroupsCall* call : state.calls) count += call->groups.size();
    auto groups = request.arena.make_array<ListGroupsResponse::Group>(count);
    if (groups.size() != count) return serving.close(request);
    ListGroupsResponse response;
    size_t filled = 0;
    for (const ListGroupsCall* call : state.calls) {
        // Those of other shards are told beside it, as Kafka does while it loads.
        if (call->error != ErrorCode::none) response.error_code = group_error(call->error);
        for (const ListGroupsCall::Group& group : call->groups) {
            if (!passes(state.asked.states_filter, group.state) || !passes(state.asked.types_filter, type_of_all))
                continue;
            groups[filled++] = {group.id, group.protocol_type, group.state, type_of_all};
        }
    }
    response.groups = groups.first(filled);
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    state.calls = request.arena.make_array<ListGroupsCall*>(serving.options.shard_count);
    for (ListGroupsCall*& call : state.calls) call = &new_group_call<ListGroupsCall>(request);
    for (uint32_t shard = 0; shard < state.calls.size(); ++shard)
        serving.start_call(request, *state.calls[shard], shard);
    if (request.open_calls == 0) return answer(request, serving);
    serving.set_deadline(request, serving.time.now + limits::group_call_ns);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.open_calls == 0) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::list_groups, start, resume};

}  // namespace penstock::broker::list_groups
