#include "cli/partition_client.h"

#include <algorithm>
#include <map>
#include <set>

#include "cli/output.h"
#include "wire/kafka/alter_partition_reassignments.h"
#include "wire/kafka/elect_leaders.h"
#include "wire/kafka/list_partition_reassignments.h"

namespace penstock::cli {

namespace {

using wire::kafka::AlterPartitionReassignmentsRequest;
using wire::kafka::AlterPartitionReassignmentsResponse;
using wire::kafka::ElectLeadersRequest;
using wire::kafka::ElectLeadersResponse;
using wire::kafka::ListPartitionReassignmentsRequest;
using wire::kafka::ListPartitionReassignmentsResponse;

constexpr Duration poll_first = std::chrono::milliseconds(50);
constexpr Duration poll_last = std::chrono::seconds(1);

/// One request to the controller; tried again while it moves. Asked twice, these do no more than once.
template <class Response, class Request>
Outcome<Reply<Response>> ask_controller(Client& client, const Request& request, std::string_view what,
                                        Deadline deadline) {
    return client.retry(deadline, [&]() -> Outcome<Reply<Response>> {
        auto connection = client.controller(deadline);
        if (!connection) return std::unexpected(std::move(connection.error()));
        auto reply = (*connection)->call<Response>(request, deadline);
        if (!reply) {
            if (reply.error().connection_lost) client.drop(*connection);
            return std::unexpected(std::move(reply.error()));
        }
        if (reply->message.error_code == ErrorCode::none) return reply;
        std::optional<std::string_view> detail;
        if constexpr (requires { reply->message.error_message; }) detail = reply->message.error_message;
        return std::unexpected(refusal(std::string(what), reply->message.error_code, detail));
    });
}

/// By topic, since that is how they are asked for; the indexes lead back to the order of the caller.
template <class T, class NameOf>
std::map<std::string_view, std::vector<size_t>> by_topic(const std::vector<T>& all, NameOf name_of) {
    std::map<std::string_view, std::vector<size_t>> topics;
    for (size_t i = 0; i < all.size(); ++i) topics[name_of(all[i]).topic].push_back(i);
    return topics;
}

Outcome<std::vector<PartitionOutcome>> in_order(std::map<PartitionName, PartitionOutcome> answered,
                                                const std::vector<PartitionName>& asked) {
    std::vector<PartitionOutcome> outcomes;
    for (const PartitionName& name : asked) {
        const auto found = answered.find(name);
        if (found == answered.end()) return refuse("the broker left " + name.text() + " out of its answer");
        outcomes.push_back(found->second);
    }
    return outcomes;
}

PartitionOutcome outcome_of(std::string_view topic, int32_t partition, ErrorCode error, wire::NullableString message) {
    return {.name = {std::string(topic), partition}, .error = error, .message = printable(message.value_or(""))};
}

}  // namespace

std::string PartitionOutcome::text() const {
    if (error == ErrorCode::none) return name.text() + ": done";
    return name.text() + ": " + show_error(error) + (message.empty() ? "" : ": " + message);
}

Outcome<std::vector<PartitionOutcome>> reassign(Client& client, const std::vector<ReplicaMove>& moves,
                                                Deadline deadline) {
    std::vector<std::vector<AlterPartitionReassignmentsRequest::Partition>> partitions;
    std::vector<AlterPartitionReassignmentsRequest::Topic> topics;
    for (const auto& [topic, indexes] : by_topic(moves, [](const ReplicaMove& move) -> auto& { return move.name; })) {
        auto& list = partitions.emplace_back();
        for (const size_t i : indexes) {
            list.push_back({.partition_index = moves[i].name.partition, .replicas = {}});
            if (moves[i].replicas) list.back().replicas = *moves[i].replicas;
        }
        topics.push_back({.name = topic, .partitions = {}});
    }
    for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = partitions[i];
    AlterPartitionReassignmentsRequest request;
    request.timeout_ms = client.timeout_ms();
    request.topics = topics;
    const auto reply = ask_controller<AlterPartitionReassignmentsResponse>(client, request, "cannot reassign replicas",
                                                                           deadline);
    if (!reply) return std::unexpected(reply.error());
    std::map<PartitionName, PartitionOutcome> answered;
    for (const auto& topic : reply->message.responses)
        for (const auto& p : topic.partitions)
            answered[{std::string(topic.name), p.partition_index}] =
                outcome_of(topic.name, p.partition_index, p.error_code, p.error_message);
    std::vector<PartitionName> asked;
    for (const ReplicaMove& move : moves) asked.push_back(move.name);
    return in_order(std::move(answered), asked);
}

Outcome<std::vector<PartitionOutcome>> elect(Client& client, Election election,
                                             const std::vector<PartitionName>& wanted, Deadline deadline) {
    std::vector<std::vector<int32_t>> partitions;
    std::vector<ElectLeadersRequest::Topic> topics;
    for (const auto& [topic, indexes] : by_topic(wanted, [](const PartitionName& name) -> auto& { return name; })) {
        auto& list = partitions.emplace_back();
        for (const size_t i : indexes) list.push_back(wanted[i].partition);
        topics.push_back({.topic = topic, .partitions = {}});
    }
    for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = partitions[i];
    ElectLeadersRequest request;
    request.election_type = static_cast<int8_t>(election);
    request.timeout_ms = client.timeout_ms();
    request.topic_partitions = wire::Array<ElectLeadersRequest::Topic>(topics);
    const auto reply = ask_controller<ElectLeadersResponse>(client, request, "cannot elect leaders", deadline);
    if (!reply) return std::unexpected(reply.error());
    std::map<PartitionName, PartitionOutcome> answered;
    for (const auto& topic : reply->message.replica_election_results)
        for (const auto& p : topic.partition_result)
            answered[{std::string(topic.topic), p.partition_id}] =
                outcome_of(topic.topic, p.partition_id, p.error_code, p.error_message);
    return in_order(std::move(answered), wanted);
}

Outcome<std::vector<Reassignment>> list_reassignments(Client& client, Deadline deadline) {
    ListPartitionReassignmentsRequest request;
    request.timeout_ms = client.timeout_ms();
    const auto reply = ask_controller<ListPartitionReassignmentsResponse>(
        client, request, "cannot list the reassignments under way", deadline);
    if (!reply) return std::unexpected(reply.error());
    std::vector<Reassignment> under_way;
    for (const auto& topic : reply->message.topics)
        for (const auto& p : topic.partitions)
            under_way.push_back({.name = {std::string(topic.name), p.partition_index},
                                 .replicas = {p.replicas.begin(), p.replicas.end()},
                                 .adding = {p.adding_replicas.begin(), p.adding_replicas.end()},
                                 .removing = {p.removing_replicas.begin(), p.removing_replicas.end()}});
    return under_way;
}

Outcome<void> wait_for_moves(Client& client, const std::vector<PartitionName>& moving, Progress& progress) {
    const std::set<PartitionName> wanted(moving.begin(), moving.end());
    for (Duration pause = poll_first;; pause = std::min(pause * 2, poll_last)) {
        const auto under_way = list_reassignments(client, client.deadline());
        if (!under_way) return std::unexpected(under_way.error());
        const auto left = std::ranges::count_if(*under_way, [&](const auto& r) { return wanted.contains(r.name); });
        progress.show(wanted.size() - static_cast<size_t>(left));
        if (left == 0) return {};
        if (auto waited = Client::wait(pause); !waited) {
            waited.error().hint = "The cluster goes on without this program; 'penstock cluster status' shows how far.";
            return waited;
        }
    }
}

}  // namespace penstock::cli
