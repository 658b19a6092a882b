// CreatePartitions: what can be judged here is judged here, the rest goes to the coordinator in one call. The answer
// waits until every shard knows the new partitions and has their logs.
#include "wire/kafka/create_partitions.h"

#include <algorithm>
#include <string>

#include "broker/group_place.h"
#include "broker/handlers.h"

namespace penstock::broker::create_partitions {

namespace {

using wire::kafka::CreatePartitionsRequest;
using wire::kafka::CreatePartitionsResponse;

struct Item {
    ErrorCode error = ErrorCode::none;
    std::string_view message;
    uint32_t forwarded = UINT32_MAX;   // its place in the call
    bool repeated = false;             // named before: no result of its own
};

struct State {
    CreatePartitionsRequest asked;
    std::span<Item> items;
};

void check(const CreatePartitionsRequest& asked, size_t index, Item& item) {
    const CreatePartitionsRequest::Topic& topic = asked.topics[index];
    const auto same = [&](const CreatePartitionsRequest::Topic& other) { return other.name == topic.name; };
    item.repeated = std::ranges::any_of(asked.topics.first(index), same);
    if (std::ranges::any_of(asked.topics.subspan(index + 1), same)) {
        item.error = ErrorCode::invalid_request;
        item.message = "Duplicate topic name.";
    } else if (is_internal_topic(topic.name)) {
        item.error = ErrorCode::invalid_topic;
        item.message = "The partitions of an internal topic are fixed: groups would not find their offsets any more";
    }
}

NewPartitions forwarded(const CreatePartitionsRequest::Topic& topic) {
    NewPartitions wanted;
    wanted.topic = topic.name;
    wanted.count = topic.count;
    if (!topic.assignments) return wanted;
    wanted.assignment.emplace();
    for (const CreatePartitionsRequest::Assignment& assignment : *topic.assignments) {
        auto& replicas = wanted.assignment->emplace_back();
        for (const int32_t id : assignment.broker_ids) replicas.push_back(NodeId(id));
    }
    return wanted;
}

void fill(const Request& request, const State& state, size_t index, CreatePartitionsResponse::Result& out) {
    const Item& item = state.items[index];
    out.name = state.asked.topics[index].name;
    out.error_code = item.error;
    if (!item.message.empty()) out.error_message = item.message;
    if (item.forwarded == UINT32_MAX) return;
    const AdminResult& admin = request.topics_call->result;
    if (admin.error != ErrorCode::none || item.forwarded >= admin.topics.size()) {
        out.error_code = admin.error != ErrorCode::none ? admin.error : ErrorCode::unknown_server_error;
        if (!admin.message.empty()) out.error_message = admin.message;
        return;
    }
    const TopicResult& result = admin.topics[item.forwarded];
    out.error_code = result.error;
    if (!result.message.empty()) out.error_message = result.message;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    auto results = request.arena.make_array<CreatePartitionsResponse::Result>(state.items.size());
    if (results.size() != state.items.size()) return serving.close(request);
    size_t count = 0;
    for (size_t i = 0; i < state.items.size(); ++i)
        if (!state.items[i].repeated) fill(request, state, i, results[count++]);
    CreatePartitionsResponse response;
    response.results = results.first(count);
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    if (state.asked.topics.size() > limits::topics_per_request) return serving.close(request);
    state.items = request.arena.make_array<Item>(state.asked.topics.size());
    if (state.items.size() != state.asked.topics.size()) return serving.close(request);
    auto call = std::make_unique<TopicsCall>();
    call->change = TopicsChange::grow;
    for (size_t i = 0; i < state.items.size(); ++i) {
        Item& item = state.items[i];
        check(state.asked, i, item);
        if (item.repeated || item.error != ErrorCode::none) continue;
        item.forwarded = static_cast<uint32_t>(call->grown.size());
        call->grown.push_back(forwarded(state.asked.topics[i]));
    }
    if (call->grown.empty()) return answer(request, serving);
    call->validate_only = state.asked.validate_only;
    const int32_t timeout_ms = std::clamp(state.asked.timeout_ms, 1, limits::request_timeout_ms);
    serving.start_topics_call(request, std::move(call), timeout_ms);
}

void resume(Request& request, Call&, Serving& serving) { answer(request, serving); }

}  // namespace

const Handler handler{wire::kafka::ApiKey::create_partitions, start, resume};

}  // namespace penstock::broker::create_partitions
