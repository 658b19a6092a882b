#include "coordinator/topics.h"

#include <algorithm>
#include <set>

#include "coordinator/placement.h"
#include "coordinator/verdict.h"
#include "limits.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using wire::node::CreatableTopic;

namespace {

Verdict check_configs(const Configs& configs) {
    if (configs.size() > limits::topic_configs_max)
        return refuse(ErrorCode::invalid_config,
                      "more than " + std::to_string(limits::topic_configs_max) + " configs for one topic");
    for (const auto& [key, value] : configs)
        if (key.empty() || key.size() > limits::config_key_bytes_max || value.size() > limits::config_value_bytes_max)
            return refuse(ErrorCode::invalid_config, "the config \"" + key.substr(0, limits::config_key_bytes_max) +
                                                         "\" has an empty or too long name or a too long value");
    return {};
}

Configs to_configs(wire::Array<wire::node::TopicConfig> list) {
    Configs configs;
    for (const auto& config : list) configs.insert_or_assign(std::string(config.key), std::string(config.value));
    return configs;
}

Verdict check_name(const State& state, const CreatableTopic& topic, const std::set<std::string_view>& repeated) {
    if (!is_topic_name(topic.name))
        return refuse(ErrorCode::invalid_topic,
                      "a topic name has 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-', "
                      "and is not \".\" or \"..\"");
    if (repeated.contains(topic.name)) return refuse(ErrorCode::invalid_request, "the request names this topic twice");
    if (state.topic(topic.name) != nullptr)
        return refuse(ErrorCode::topic_already_exists, "Topic '" + std::string(topic.name) + "' already exists.");
    if (state.topics().size() >= limits::topics_max)
        return refuse(ErrorCode::policy_violation,
                      "the cluster has " + std::to_string(limits::topics_max) + " topics, its limit");
    return {};
}

Verdict check_partitions(const State& state, int64_t partitions) {
    if (partitions < 1) return refuse(ErrorCode::invalid_partitions, "a topic has at least one partition");
    if (partitions > limits::partitions_per_topic_max)
        return refuse(ErrorCode::invalid_partitions,
                      "a topic has at most " + std::to_string(limits::partitions_per_topic_max) + " partitions");
    if (state.partition_count() + static_cast<uint64_t>(partitions) > limits::partitions_max)
        return refuse(ErrorCode::invalid_partitions,
                      "the cluster would have more than " + std::to_string(limits::partitions_max) + " partitions");
    return {};
}

// The client says itself which brokers hold which partition.
Verdict check_assignment(const State& state, const CreatableTopic& topic) {
    if (topic.partitions != -1 || topic.replication_factor != -1)
        return refuse(ErrorCode::invalid_request, "with an assignment, partitions and replication factor must be -1");
    const size_t factor = topic.assignment.front().size();
    if (factor == 0 || factor > limits::replication_factor_max)
        return refuse(ErrorCode::invalid_replica_assignment, "a partition has 1 to 16 replicas");
    for (const auto& replicas : topic.assignment) {
        if (replicas.size() != factor)
            return refuse(ErrorCode::invalid_replica_assignment, "partitions have different numbers of replicas");
        std::set<int32_t> distinct(replicas.begin(), replicas.end());
        if (distinct.size() != replicas.size())
            return refuse(ErrorCode::invalid_replica_assignment, "a partition names a broker twice");
        for (int32_t id : replicas)
            if (!state.eligible(NodeId{id}))
                return refuse(ErrorCode::invalid_replica_assignment,
                              "broker " + std::to_string(id) + " is not alive in this cluster, or about to stop");
    }
    return {};
}

Verdict check_factor(const State& state, int32_t factor) {
    if (factor < 1) return refuse(ErrorCode::invalid_replication_factor, "the replication factor is at least 1");
    const size_t alive = state.eligible_brokers().size();
    if (static_cast<size_t>(factor) > alive || factor > static_cast<int32_t>(limits::replication_factor_max))
        return refuse(ErrorCode::invalid_replication_factor,
                      "replication factor " + std::to_string(factor) + " is more than the " + std::to_string(alive) +
                          " brokers that are alive");
    return {};
}

std::set<std::string_view> repeated_names(wire::Array<CreatableTopic> topics) {
    std::set<std::string_view> seen, repeated;
    for (const CreatableTopic& topic : topics)
        if (!seen.insert(topic.name).second) repeated.insert(topic.name);
    return repeated;
}

std::vector<std::vector<NodeId>> replicas_of(const State& state, const CreatableTopic& topic, int32_t partitions,
                                             int16_t factor) {
    if (topic.assignment.empty())
        return Placement(state).place(static_cast<uint32_t>(partitions), static_cast<uint32_t>(factor));
    std::vector<std::vector<NodeId>> replicas;
    for (const auto& numbers : topic.assignment) {
        auto& ids = replicas.emplace_back();
        for (int32_t number : numbers) ids.push_back(NodeId{number});
    }
    return replicas;
}

Topic make_topic(const State& state, const TopicOutcome& outcome, const std::vector<std::vector<NodeId>>& replicas) {
    Topic topic{.id = outcome.id, .name = outcome.name, .revision = 0, .partitions = {}, .configs = outcome.configs};
    for (const auto& ids : replicas) topic.partitions.push_back(new_partition(state, ids));
    return topic;
}

Verdict check_topic(const State& state, const CreatableTopic& topic, const TopicOutcome& wanted,
                    const std::set<std::string_view>& repeated) {
    if (Verdict v = check_name(state, topic, repeated); !v.good()) return v;
    if (Verdict v = check_configs(wanted.configs); !v.good()) return v;
    if (Verdict v = check_partitions(state, wanted.partitions); !v.good()) return v;
    if (!topic.assignment.empty()) return check_assignment(state, topic);
    return check_factor(state, wanted.replication_factor);
}

TopicOutcome create_topic(State& state, const CreatableTopic& topic, bool validate_only,
                          const std::set<std::string_view>& repeated, const TopicDefaults& defaults, Random& random) {
    TopicOutcome outcome{.name = std::string(topic.name), .configs = to_configs(topic.configs)};
    if (topic.assignment.empty()) {
        outcome.partitions = topic.partitions;
        outcome.replication_factor = topic.replication_factor;
        if (outcome.partitions == -1) outcome.partitions = defaults.partitions;
        if (outcome.replication_factor == -1) outcome.replication_factor = defaults.replication_factor;
    } else {
        outcome.partitions = static_cast<int32_t>(topic.assignment.size());
        outcome.replication_factor = static_cast<int16_t>(std::min<size_t>(topic.assignment.front().size(), INT16_MAX));
    }
    if (Verdict v = check_topic(state, topic, outcome, repeated); !v.good())
        return {.name = outcome.name, .error = v.error, .message = v.message};
    if (validate_only) return outcome;
    do outcome.id = make_uuid(random.next(), random.next());
    while (state.topic(outcome.id) != nullptr || state.deleted().contains(outcome.id));
    const auto replicas = replicas_of(state, topic, outcome.partitions, outcome.replication_factor);
    state.add_topic(make_topic(state, outcome, replicas));
    return outcome;
}

TopicOutcome delete_topic(State& state, const wire::node::DeletableTopic& wanted) {
    TopicOutcome outcome{.name = std::string(wanted.name), .id = wanted.id};
    const bool by_name = !wanted.name.empty();
    if (by_name == !wanted.id.is_zero()) {
        outcome.error = ErrorCode::invalid_request;
        outcome.message = "a topic is deleted by name or by id";
        return outcome;
    }
    const Topic* topic = by_name ? state.topic(wanted.name) : state.topic(wanted.id);
    if (topic == nullptr) {
        outcome.error = by_name ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id;
        return outcome;
    }
    outcome.name = topic->name;
    outcome.id = topic->id;
    if (state.deleted().size() >= limits::deleted_topics_max) {
        outcome.error = ErrorCode::policy_violation;
        outcome.message = std::to_string(limits::deleted_topics_max) +
                          " deleted topics wait for brokers that are away: bring those back first";
        return outcome;
    }
    state.delete_topic(topic->id);
    return outcome;
}

TopicOutcome alter_topic(State& state, const wire::node::AlteredTopic& wanted, bool validate_only) {
    TopicOutcome outcome{.name = std::string(wanted.name), .id = wanted.id};
    const Topic* topic = state.topic(wanted.id);
    if (topic == nullptr) {
        outcome.error = ErrorCode::unknown_topic_or_partition;
        return outcome;
    }
    outcome.name = topic->name;
    if (topic->configs != to_configs(wanted.expected)) {
        outcome.error = ErrorCode::invalid_update_version;
        outcome.message = "the topic's configs have changed meanwhile";
        return outcome;
    }
    Configs configs = to_configs(wanted.configs);
    if (Verdict v = check_configs(configs); !v.good()) {
        outcome.error = v.error;
        outcome.message = v.message;
        return outcome;
    }
    outcome.partitions = static_cast<int32_t>(topic->partitions.size());
    outcome.replication_factor = static_cast<int16_t>(topic->partitions.front().replicas.size());
    if (!validate_only && configs != topic->configs) state.set_configs(topic->id, configs);
    outcome.configs = std::move(configs);
    return outcome;
}

}  // namespace

bool is_topic_name(std::string_view name) {
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= limits::topic_name_bytes_max && name != "." && name != ".." &&
           std::ranges::all_of(name, allowed);
}

Partition new_partition(const State& state, const std::vector<NodeId>& replicas) {
    std::vector<NodeId> in_sync = replicas;
    std::erase_if(in_sync, [&](NodeId id) {
        return id != replicas.front() && (!state.eligible(id) || state.broker(id)->native_port == 0);
    });
    return {.leader = replicas.front(), .leader_epoch = LeaderEpoch{0}, .replicas = replicas, .isr = in_sync};
}

std::vector<TopicOutcome> create_topics(State& state, const wire::node::CreateTopicsRequest& request,
                                        const TopicDefaults& defaults, Random& random) {
    const std::set<std::string_view> repeated = repeated_names(request.topics);
    std::vector<TopicOutcome> outcomes;
    outcomes.reserve(request.topics.size());
    for (const CreatableTopic& topic : request.topics)
        outcomes.push_back(create_topic(state, topic, request.validate_only, repeated, defaults, random));
    return outcomes;
}

std::vector<TopicOutcome> delete_topics(State& state, const wire::node::DeleteTopicsRequest& request) {
    std::vector<TopicOutcome> outcomes;
    outcomes.reserve(request.topics.size());
    for (const auto& topic : request.topics) outcomes.push_back(delete_topic(state, topic));
    return outcomes;
}

std::vector<TopicOutcome> alter_topic_configs(State& state, const wire::node::AlterTopicConfigsRequest& request) {
    std::vector<TopicOutcome> outcomes;
    outcomes.reserve(request.topics.size());
    for (const auto& topic : request.topics) outcomes.push_back(alter_topic(state, topic, request.validate_only));
    return outcomes;
}

}  // namespace penstock::coordinator
