// DeleteTopics: by name or by id, through the coordinator. The answer waits until every shard has forgotten the topics.
#include "wire/kafka/delete_topics.h"

#include <algorithm>

#include "broker/group_place.h"
#include "broker/handlers.h"

namespace penstock::broker::delete_topics {

namespace {

using wire::kafka::DeleteTopicsRequest;
using wire::kafka::DeleteTopicsResponse;

constexpr int16_t first_by_id = 6;

struct State {
    std::span<DeleteTopicsRequest::Topic> asked;
    std::span<DeleteTopicsResponse::Topic> results;
    std::span<uint32_t> forwarded;   // for each topic its place in the call, or UINT32_MAX
};

ErrorCode check(const Serving& serving, const State& state, size_t index) {
    const DeleteTopicsRequest::Topic& topic = state.asked[index];
    const bool by_id = !topic.topic_id.is_zero();
    if (by_id == topic.name.has_value()) return ErrorCode::invalid_request;
    const auto times = std::ranges::count_if(state.asked, [&](const DeleteTopicsRequest::Topic& other) {
        return by_id ? other.topic_id == topic.topic_id : other.name == topic.name;
    });
    if (times > 1) return ErrorCode::invalid_request;
    const Topic* known = by_id ? serving.topics.find(topic.topic_id) : serving.topics.find(*topic.name);
    if (known != nullptr && is_internal_topic(known->view->name)) return ErrorCode::invalid_topic;
    return by_id || is_topic_name(*topic.name) ? ErrorCode::none : ErrorCode::unknown_topic_or_partition;
}

void answer(Request& request, Serving& serving) {
    State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    for (size_t i = 0; i < state.results.size(); ++i) {
        DeleteTopicsResponse::Topic& out = state.results[i];
        if (state.forwarded[i] == UINT32_MAX) continue;
        const AdminResult& admin = request.topics_call->result;
        if (admin.error != ErrorCode::none || state.forwarded[i] >= admin.topics.size()) {
            out.error_code = admin.error != ErrorCode::none ? admin.error : ErrorCode::unknown_server_error;
            if (!admin.message.empty()) out.error_message = admin.message;
            continue;
        }
        const TopicResult& result = admin.topics[state.forwarded[i]];
        out.error_code = result.error;
        if (!result.message.empty()) out.error_message = result.message;
        if (!result.name.empty()) out.name = result.name;
        if (!result.id.is_zero()) out.topic_id = result.id;
    }
    DeleteTopicsResponse response;
    response.topics = state.results;
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    DeleteTopicsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    const bool has_ids = request.header.version >= first_by_id;
    const size_t count = has_ids ? asked.topics.size() : asked.topic_names.size();
    if (count > limits::topics_per_request) return serving.close(request);
    state.asked = request.arena.make_array<DeleteTopicsRequest::Topic>(count);
    state.results = request.arena.make_array<DeleteTopicsResponse::Topic>(count);
    state.forwarded = request.arena.make_array<uint32_t>(count);
    if (state.asked.size() != count || state.results.size() != count || state.forwarded.size() != count)
        return serving.close(request);
    for (size_t i = 0; i < count; ++i) {
        if (has_ids) state.asked[i] = asked.topics[i];
        else state.asked[i].name = asked.topic_names[i];
    }
    auto call = std::make_unique<TopicsCall>();
    call->change = TopicsChange::remove;
    for (size_t i = 0; i < count; ++i) {
        state.results[i].name = state.asked[i].name;
        state.results[i].topic_id = state.asked[i].topic_id;
        state.results[i].error_code = check(serving, state, i);
        state.forwarded[i] = UINT32_MAX;
        if (state.results[i].error_code != ErrorCode::none) continue;
        state.forwarded[i] = static_cast<uint32_t>(call->removed.size());
        const std::string_view name = state.asked[i].name.value_or(std::string_view());
        call->removed.push_back({std::string(name), state.asked[i].topic_id});
    }
    if (call->removed.empty()) return answer(request, serving);
    serving.start_topics_call(request, std::move(call), std::clamp(asked.timeout_ms, 1, limits::request_timeout_ms));
}

void resume(Request& request, Call&, Serving& serving) { answer(request, serving); }

}  // namespace

const Handler handler{wire::kafka::ApiKey::delete_topics, start, resume};

}  // namespace penstock::broker::delete_topics
