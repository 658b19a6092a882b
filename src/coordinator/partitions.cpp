#include "coordinator/partitions.h"

#include <algorithm>
#include <set>

#include "coordinator/partition_change.h"
#include "coordinator/placement.h"
#include "coordinator/verdict.h"
#include "limits.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using wire::node::GrowingTopic;

namespace {

// Of the first partition, as it is when nothing moves.
size_t factor_of(const Topic& topic) { return target_of(topic.partitions.front()).size(); }

Verdict check_count(const State& state, const Topic& topic, const GrowingTopic& wanted) {
    const auto current = static_cast<int32_t>(topic.partitions.size());
    if (wanted.count == current)
        return refuse(ErrorCode::invalid_partitions, "Topic already has " + std::to_string(current) + " partition(s).");
    if (wanted.count < current)
        return refuse(ErrorCode::invalid_partitions,
                      "The topic " + topic.name + " currently has " + std::to_string(current) + " partition(s); " +
                          std::to_string(wanted.count) + " would not be an increase.");
    if (static_cast<uint32_t>(wanted.count) > limits::partitions_per_topic_max)
        return refuse(ErrorCode::invalid_partitions,
                      "a topic has at most " + std::to_string(limits::partitions_per_topic_max) + " partitions");
    if (state.partition_count() + static_cast<uint64_t>(wanted.count - current) > limits::partitions_max)
        return refuse(ErrorCode::invalid_partitions,
                      "the cluster would have more than " + std::to_string(limits::partitions_max) + " partitions");
    return {};
}

Verdict check_replicas(const State& state, wire::Array<int32_t> replicas, size_t factor) {
    const std::set<int32_t> distinct(replicas.begin(), replicas.end());
    if (replicas.empty())
        return refuse(ErrorCode::invalid_replica_assignment, "The assignment includes an empty replica list.");
    if (distinct.size() != replicas.size())
        return refuse(ErrorCode::invalid_replica_assignment, "a partition names a broker twice");
    for (int32_t id : replicas)
        if (!state.eligible(NodeId{id}))
            return refuse(ErrorCode::invalid_replica_assignment,
                          "broker " + std::to_string(id) + " is not alive in this cluster, or about to stop");
    if (replicas.size() != factor)
        return refuse(ErrorCode::invalid_replica_assignment,
                      "The assignment includes a partition with " + std::to_string(replicas.size()) +
                          " replica(s), but the other partitions have " + std::to_string(factor) + ".");
    return {};
}

Verdict check_assignment(const State& state, const Topic& topic, const GrowingTopic& wanted) {
    const size_t additional = static_cast<size_t>(wanted.count) - topic.partitions.size();
    if (wanted.assignment->size() != additional)
        return refuse(ErrorCode::invalid_replica_assignment,
                      "Attempted to add " + std::to_string(additional) + " additional partition(s), but " +
                          std::to_string(wanted.assignment->size()) + " assignment(s) were specified.");
    for (const auto& replicas : *wanted.assignment)
        if (Verdict v = check_replicas(state, replicas, factor_of(topic)); !v.good()) return v;
    return {};
}

Verdict check_alive(const State& state, size_t factor) {
    const size_t alive = state.eligible_brokers().size();
    if (factor <= alive) return {};
    return refuse(ErrorCode::invalid_replication_factor,
                  "replication factor " + std::to_string(factor) + " is more than the " + std::to_string(alive) +
                      " brokers that are alive");
}

std::vector<std::vector<NodeId>> place_beside(const State& state, const Topic& topic, size_t additional) {
    Placement placement(state);
    for (const Partition& partition : topic.partitions) placement.count(partition.replicas);
    return placement.place(static_cast<uint32_t>(additional), static_cast<uint32_t>(factor_of(topic)));
}

std::vector<std::vector<NodeId>> assigned(const GrowingTopic& wanted) {
    std::vector<std::vector<NodeId>> replicas;
    for (const auto& numbers : *wanted.assignment) {
        auto& ids = replicas.emplace_back();
        for (int32_t number : numbers) ids.push_back(NodeId{number});
    }
    return replicas;
}

Verdict check(const State& state, const Topic& topic, const GrowingTopic& wanted) {
    if (Verdict v = check_count(state, topic, wanted); !v.good()) return v;
    if (wanted.assignment) return check_assignment(state, topic, wanted);
    return check_alive(state, factor_of(topic));
}

TopicOutcome grow(State& state, const GrowingTopic& wanted, bool validate_only, bool repeated) {
    TopicOutcome outcome{.name = std::string(wanted.name)};
    const auto fail = [&](ErrorCode error, std::string message) {
        outcome.error = error;
        outcome.message = std::move(message);
        return outcome;
    };
    if (repeated) return fail(ErrorCode::invalid_request, "Duplicate topic name.");
    const Topic* topic = state.topic(wanted.name);
    if (topic == nullptr) return fail(ErrorCode::unknown_topic_or_partition, {});
    if (Verdict v = check(state, *topic, wanted); !v.good()) return fail(v.error, v.message);
    outcome.id = topic->id;
    outcome.partitions = wanted.count;
    outcome.replication_factor = static_cast<int16_t>(factor_of(*topic));
    if (validate_only) return outcome;
    const size_t additional = static_cast<size_t>(wanted.count) - topic->partitions.size();
    std::vector<Partition> partitions;
    for (auto& ids : wanted.assignment ? assigned(wanted) : place_beside(state, *topic, additional))
        partitions.push_back(new_partition(state, ids));
    state.add_partitions(topic->id, std::move(partitions));
    return outcome;
}

}  // namespace

std::vector<TopicOutcome> create_partitions(State& state, const wire::node::CreatePartitionsRequest& request) {
    std::set<std::string_view> seen, repeated;
    for (const GrowingTopic& topic : request.topics)
        if (!seen.insert(topic.name).second) repeated.insert(topic.name);
    std::vector<TopicOutcome> outcomes;
    outcomes.reserve(request.topics.size());
    for (const GrowingTopic& topic : request.topics)
        outcomes.push_back(grow(state, topic, request.validate_only, repeated.contains(topic.name)));
    return outcomes;
}

}  // namespace penstock::coordinator
