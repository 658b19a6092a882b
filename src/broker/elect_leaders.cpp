// ElectLeaders: of the preferred leaders, or of anybody alive where nobody in sync is. The coordinator decides; the
// answer waits until every shard knows the new leaders.
#include "wire/kafka/elect_leaders.h"

#include "broker/handlers.h"
#include "broker/partition_changes.h"

namespace penstock::broker::elect_leaders {

namespace {

using wire::kafka::ElectLeadersRequest;
using wire::kafka::ElectLeadersResponse;
using wire::kafka::election_preferred;
using wire::kafka::election_unclean;

struct State {
    PartitionChanges changes;
    bool all = false;      // asked for all partitions
};

/// Whether an election could change anything, as far as it is known here.
bool wants_election(const ClusterView& view, const PartitionView& partition, Election election) {
    if (election == Election::unclean) return !view.alive(partition.leader);
    return partition.leader != partition.replicas.front();
}

/// False: the arena is full.
bool list_all(Request& request, const ClusterView& view, PartitionChanges& changes) {
    const auto each = [&](auto take) {
        for (const auto& topic : view.topics)
            for (size_t p = 0; p < topic->partitions.size(); ++p)
                if (wants_election(view, topic->partitions[p], *changes.election))
                    take(topic->name, static_cast<int32_t>(p));
    };
    size_t count = 0;
    each([&](const std::string&, int32_t) { ++count; });
    changes.all = request.arena.make_array<PartitionChange>(count);
    if (changes.all.size() != count) return false;
    size_t at = 0;
    each([&](const std::string& topic, int32_t partition) {
        // The view may be gone before the answer.
        if (at == 0 || changes.all[at - 1].topic != topic) changes.all[at].topic = request.arena.copy(topic);
        else changes.all[at].topic = changes.all[at - 1].topic;
        changes.all[at++].partition = partition;
    });
    return true;
}

bool list(Request& request, wire::Array<ElectLeadersRequest::Topic> topics, PartitionChanges& changes) {
    size_t count = 0;
    for (const ElectLeadersRequest::Topic& topic : topics) count += topic.partitions.size();
    changes.all = request.arena.make_array<PartitionChange>(count);
    if (changes.all.size() != count) return false;
    size_t at = 0;
    for (const ElectLeadersRequest::Topic& topic : topics) {
        for (const int32_t partition : topic.partitions) {
            changes.all[at].topic = topic.topic;
            changes.all[at++].partition = partition;
        }
    }
    return true;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    // Of all partitions, those alone are told of that wanted one.
    const auto keep = [&](const PartitionChange& change) {
        return !state.all || change.error != ErrorCode::election_not_needed;
    };
    ElectLeadersResponse response;
    response.error_code = state.changes.error;
    const auto results =
        results_of<ElectLeadersResponse::Topic, ElectLeadersResponse::Partition>(request, state.changes, keep);
    if (!state.all && results.empty() != state.changes.all.empty()) return serving.close(request);
    response.replica_election_results = results;
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ElectLeadersRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    PartitionChanges& changes = state.changes;
    const bool known_type = asked.election_type == election_preferred || asked.election_type == election_unclean;
    changes.election = asked.election_type == election_unclean ? Election::unclean : Election::preferred;
    state.all = !asked.topic_partitions && known_type;
    const auto named = asked.topic_partitions.value_or(wire::Array<ElectLeadersRequest::Topic>());
    const bool listed = state.all ? list_all(request, serving.topics.view(), changes) : list(request, named, changes);
    if (!listed) return serving.close(request);
    if (!known_type) {
        changes.error = ErrorCode::invalid_request;
        for (PartitionChange& change : changes.all) {
            change.decided = true;
            change.error = ErrorCode::invalid_request;
            change.message = "There is no such type of election";
        }
    }
    if (!start_changes(request, serving, changes, asked.timeout_ms)) answer(request, serving);
}

void resume(Request& request, Call&, Serving& serving) {
    if (!go_on(request, serving, request.state_as<State>().changes)) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::elect_leaders, start, resume};

}  // namespace penstock::broker::elect_leaders
