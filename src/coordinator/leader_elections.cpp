#include "coordinator/leader_elections.h"

#include <algorithm>

#include "coordinator/partition_change.h"
#include "limits.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using wire::node::ElectedPartition;
using wire::node::ElectionType;

namespace {

struct Election {
    ErrorCode error = ErrorCode::none;
    const char* message = "";
    Partition elected;
    bool unclean = false;
};

Election prefer(const State& state, const Partition& partition) {
    Election election{.elected = partition};
    const NodeId preferred = partition.replicas.front();
    if (!state.eligible(preferred) || !in_sync(partition, preferred)) {
        election.error = ErrorCode::preferred_leader_not_available;
        election.message = "the preferred leader is not alive and in sync";
    } else if (partition.leader == preferred) {
        election.error = ErrorCode::election_not_needed;
        election.message = "the preferred leader leads already";
    } else {
        lead(election.elected, preferred);
    }
    return election;
}

Election force(const State& state, const Partition& partition) {
    Election election{.elected = partition};
    if (state.alive(partition.leader)) {
        election.error = ErrorCode::election_not_needed;
        election.message = "the leader is alive";
        return election;
    }
    NodeId next = candidate(state, partition);
    if (next == no_node) {
        const auto living = std::ranges::find_if(partition.replicas, [&](NodeId id) { return state.eligible(id); });
        if (living == partition.replicas.end()) {
            election.error = ErrorCode::eligible_leaders_not_available;
            election.message = "no replica is alive";
            return election;
        }
        next = *living;
        election.elected.isr = {next};
        election.unclean = true;
    }
    lead(election.elected, next);
    return election;
}

// What `request` asks for, of one partition that exists.
PartitionOutcome elect(State& state, const Topic& topic, size_t index, ElectionType type,
                       std::vector<PartitionOutcome>& losses) {
    PartitionOutcome outcome{.topic = topic.name, .partition = static_cast<int32_t>(index)};
    const Partition& partition = topic.partitions[index];
    Election election = type == ElectionType::preferred ? prefer(state, partition) : force(state, partition);
    outcome.error = election.error;
    outcome.message = election.message;
    if (election.error != ErrorCode::none) return outcome;
    if (election.unclean)
        losses.push_back({.topic = topic.name, .partition = outcome.partition,
                          .message = "broker " + std::to_string(election.elected.leader.value) +
                                     " leads without having been in sync"});
    settle(state, election.elected);
    state.set_partition(topic.id, outcome.partition, std::move(election.elected));
    return outcome;
}

Elections elect_all(State& state, ElectionType type) {
    Elections elections;
    for (const auto& [id, topic] : state.topics()) {
        for (size_t i = 0; i < topic.partitions.size(); ++i) {
            if (elections.outcomes.size() >= limits::changed_partitions_max) {
                elections.more = true;
                return elections;
            }
            PartitionOutcome outcome = elect(state, topic, i, type, elections.losses);
            if (outcome.error != ErrorCode::election_not_needed) elections.outcomes.push_back(std::move(outcome));
        }
    }
    return elections;
}

}  // namespace

Elections elect_leaders(State& state, const wire::node::ElectLeadersRequest& request) {
    if (!request.partitions) return elect_all(state, request.type);
    Elections elections;
    for (const ElectedPartition& wanted : *request.partitions) {
        const Topic* topic = state.topic(wanted.topic);
        const bool there = topic != nullptr && wanted.partition >= 0 &&
                           static_cast<size_t>(wanted.partition) < topic->partitions.size();
        if (there)
            elections.outcomes.push_back(
                elect(state, *topic, static_cast<size_t>(wanted.partition), request.type, elections.losses));
        else
            elections.outcomes.push_back({.topic = std::string(wanted.topic), .partition = wanted.partition,
                                          .error = ErrorCode::unknown_topic_or_partition,
                                          .message = "there is no such partition"});
    }
    return elections;
}

}  // namespace penstock::coordinator
