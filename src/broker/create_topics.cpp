// CreateTopics: what can be judged here is judged here, the rest goes to the coordinator in one call. The answer waits
// until every shard knows the new topics, so a client's next request finds them.
#include "wire/kafka/create_topics.h"

#include <algorithm>
#include <string>

#include "broker/config_description.h"
#include "broker/handlers.h"

namespace penstock::broker::create_topics {

namespace {

using wire::kafka::CreateTopicsRequest;
using wire::kafka::CreateTopicsResponse;

constexpr int16_t first_with_configs = 5;

struct Item {
    ErrorCode error = ErrorCode::none;
    std::string_view message;
    uint32_t forwarded = UINT32_MAX;   // its place in the call
    bool repeated = false;             // named before: no result of its own
};

struct State {
    CreateTopicsRequest asked;
    std::span<Item> items;
};

void refuse(Request& request, Item& item, ErrorCode error, std::string_view message) {
    item.error = error;
    item.message = request.arena.copy(message.substr(0, limits::error_message_bytes));
}

/// Replicas of each partition, which must be numbered from 0 without gaps.
bool read_assignment(const CreateTopicsRequest::Topic& asked, NewTopic& topic) {
    topic.assignment.resize(asked.assignments.size());
    for (const CreateTopicsRequest::Assignment& assignment : asked.assignments) {
        const auto index = static_cast<size_t>(assignment.partition_index);
        if (assignment.partition_index < 0 || index >= topic.assignment.size() || assignment.broker_ids.empty() ||
            !topic.assignment[index].empty())
            return false;
        for (const int32_t id : assignment.broker_ids) topic.assignment[index].push_back(NodeId(id));
    }
    return true;
}

void check_configs(Request& request, const CreateTopicsRequest::Topic& asked, NewTopic& topic, Item& item) {
    for (const CreateTopicsRequest::Config& config : asked.configs) {
        if (!config.value) {
            const std::string message = "Null value not supported for topic configs: " + std::string(config.name);
            return refuse(request, item, ErrorCode::invalid_config, message);
        }
        if (const auto problem = config_problem(config.name, *config.value))
            return refuse(request, item, ErrorCode::invalid_config, *problem);
        topic.configs.push_back({std::string(config.name), std::string(*config.value)});
    }
    if (const auto problem = configs_problem(topic.name, topic.configs))
        refuse(request, item, ErrorCode::invalid_config, *problem);
}

void check(Request& request, const Serving& serving, const CreateTopicsRequest::Topic& asked, NewTopic& topic,
           Item& item) {
    if (!is_topic_name(asked.name))
        return refuse(request, item, ErrorCode::invalid_topic,
                      "A topic name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and is not '.' or "
                      "'..'");
    topic.name = asked.name;
    if (!asked.assignments.empty()) {
        if (asked.num_partitions != -1 || asked.replication_factor != -1)
            return refuse(request, item, ErrorCode::invalid_request,
                          "With an assignment, the number of partitions and the replication factor must be -1");
        if (!read_assignment(asked, topic))
            return refuse(request, item, ErrorCode::invalid_replica_assignment,
                          "Partitions of an assignment are numbered from 0, each once, each with brokers");
    } else {
        if (asked.num_partitions == 0 || asked.num_partitions < -1)
            return refuse(request, item, ErrorCode::invalid_partitions, "The number of partitions must be above 0");
        if (asked.replication_factor == 0 || asked.replication_factor < -1)
            return refuse(request, item, ErrorCode::invalid_replication_factor,
                          "The replication factor must be above 0");
        topic.partitions = asked.num_partitions == -1 ? serving.options.default_partitions : asked.num_partitions;
        topic.replication_factor = asked.replication_factor;
    }
    check_configs(request, asked, topic, item);
}

/// All that apply to the new topic, also those that it has not set. False: there is no room.
bool fill_configs(Request& request, const Serving& serving, const TopicResult& made, CreateTopicsResponse::Topic& out) {
    const ConfigDescriptions described =
        describe_topic_configs(made.configs, static_cast<size_t>(std::max<int16_t>(made.replication_factor, 1)),
                               serving.options, {}, request.arena);
    if (!described) return false;
    auto configs = request.arena.make_array<CreateTopicsResponse::Config>(described->size());
    if (configs.size() != described->size()) return false;
    std::ranges::transform(*described, configs.begin(), [](const ConfigDescription& config) {
        return CreateTopicsResponse::Config{config.name, config.value, config.read_only,
                                            static_cast<int8_t>(config.source), config.is_sensitive};
    });
    out.configs = configs;
    return true;
}

/// False: there is no room.
bool fill(Request& request, const Serving& serving, const State& state, size_t index,
          CreateTopicsResponse::Topic& out) {
    const Item& item = state.items[index];
    out.name = state.asked.topics[index].name;
    out.error_code = item.error;
    if (!item.message.empty()) out.error_message = item.message;
    if (item.forwarded == UINT32_MAX) return true;
    const AdminResult& admin = request.topics_call->result;
    if (admin.error != ErrorCode::none || item.forwarded >= admin.topics.size()) {
        out.error_code = admin.error != ErrorCode::none ? admin.error : ErrorCode::unknown_server_error;
        if (!admin.message.empty()) out.error_message = admin.message;
        return true;
    }
    const TopicResult& result = admin.topics[item.forwarded];
    out.error_code = result.error;
    if (!result.message.empty()) out.error_message = result.message;
    if (result.error != ErrorCode::none) return true;
    out.topic_id = result.id;
    out.num_partitions = result.partitions;
    out.replication_factor = result.replication_factor;
    return request.header.version < first_with_configs || fill_configs(request, serving, result, out);
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    auto topics = request.arena.make_array<CreateTopicsResponse::Topic>(state.items.size());
    if (topics.size() != state.items.size()) return serving.close(request);
    size_t count = 0;
    for (size_t i = 0; i < state.items.size(); ++i)
        if (!state.items[i].repeated && !fill(request, serving, state, i, topics[count++]))
            return serving.close(request);
    CreateTopicsResponse response;
    response.topics = topics.first(count);
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    if (state.asked.topics.size() > limits::topics_per_request) return serving.close(request);
    state.items = request.arena.make_array<Item>(state.asked.topics.size());
    auto call = std::make_unique<TopicsCall>();
    for (size_t i = 0; i < state.items.size(); ++i) {
        const auto same = [&](const CreateTopicsRequest::Topic& other) {
            return other.name == state.asked.topics[i].name;
        };
        Item& item = state.items[i];
        item.repeated = std::ranges::any_of(state.asked.topics.first(i), same);
        if (item.repeated) continue;
        if (std::ranges::any_of(state.asked.topics.subspan(i + 1), same)) {
            refuse(request, item, ErrorCode::invalid_request, "The topic is named more than once in the request");
            continue;
        }
        NewTopic topic;
        check(request, serving, state.asked.topics[i], topic, item);
        if (item.error != ErrorCode::none) continue;
        item.forwarded = static_cast<uint32_t>(call->created.size());
        call->created.push_back(std::move(topic));
    }
    if (call->created.empty()) return answer(request, serving);
    call->validate_only = state.asked.validate_only;
    const int32_t timeout_ms = std::clamp(state.asked.timeout_ms, 1, limits::request_timeout_ms);
    serving.start_topics_call(request, std::move(call), timeout_ms);
}

void resume(Request& request, Call&, Serving& serving) { answer(request, serving); }

}  // namespace

const Handler handler{wire::kafka::ApiKey::create_topics, start, resume};

}  // namespace penstock::broker::create_topics
