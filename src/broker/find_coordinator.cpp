// FindCoordinator: the leader of the group's partition of the internal topic, which is made when it is first needed.
#include "wire/kafka/find_coordinator.h"

#include "broker/group_place.h"
#include "broker/group_request.h"
#include "broker/handlers.h"

namespace penstock::broker::find_coordinator {

namespace {

using wire::kafka::FindCoordinatorRequest;
using wire::kafka::FindCoordinatorResponse;

constexpr int16_t first_with_several = 4;

struct State {
    FindCoordinatorRequest asked;
};

void refuse(FindCoordinatorResponse::Coordinator& out, ErrorCode error, std::string_view message) {
    out.error_code = error;
    out.error_message = message;
}

void find(const Serving& serving, const State& state, std::string_view key, FindCoordinatorResponse::Coordinator& out) {
    out.key = key;
    if (state.asked.key_type != wire::kafka::coordinator_of_group)
        return refuse(out, ErrorCode::invalid_request, "Only consumer groups have coordinators here (key type 0)");
    const Place place = find_group(serving, key);
    if (place.partition == nullptr)
        return refuse(out, ErrorCode::coordinator_not_available, "The topic of consumer groups is not there yet");
    const ClusterView& view = serving.topics.view();
    const BrokerView* broker = view.broker(place.partition->leader);
    if (broker == nullptr || !broker->alive)
        return refuse(out, ErrorCode::coordinator_not_available, "The group's partition has no leader at the moment");
    out.node_id = broker->id.value;
    out.host = broker->host;
    out.port = broker->port;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    const bool several = request.header.version >= first_with_several;
    const size_t count = several ? state.asked.coordinator_keys.size() : 1;
    auto found = request.arena.make_array<FindCoordinatorResponse::Coordinator>(count);
    if (found.size() != count) return serving.close(request);
    FindCoordinatorResponse response;
    for (size_t i = 0; i < count; ++i) {
        find(serving, state, several ? state.asked.coordinator_keys[i] : state.asked.coordinator_key, found[i]);
    }
    response.coordinators = found;
    if (!several) {
        const FindCoordinatorResponse::Coordinator& only = found.front();
        response.error_code = only.error_code;
        response.error_message = only.error_message;
        response.node_id = only.node_id;
        response.host = only.host;
        response.port = only.port;
    }
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    if (state.asked.key_type == wire::kafka::coordinator_of_group && make_offsets_topic(request, serving)) return;
    answer(request, serving);
}

void resume(Request& request, Call&, Serving& serving) {
    if (request.connection == nullptr) serving.respond_nothing(request);
    else answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::find_coordinator, start, resume};

}  // namespace penstock::broker::find_coordinator
