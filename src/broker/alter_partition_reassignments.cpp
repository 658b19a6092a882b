// AlterPartitionReassignments: begun, changed or cancelled by the coordinator, partition by partition. The answer says
// that a reassignment is on record; how far it is, ListPartitionReassignments tells.
#include "wire/kafka/alter_partition_reassignments.h"

#include <string>

#include "broker/handlers.h"
#include "broker/partition_changes.h"

namespace penstock::broker::alter_partition_reassignments {

namespace {

using wire::kafka::AlterPartitionReassignmentsRequest;
using wire::kafka::AlterPartitionReassignmentsResponse;

struct State {
    PartitionChanges changes;
    bool may_change_factor = true;
};

/// The client wants as many replicas as before: that is judged here, by what is known here.
void check_factor(Request& request, const Serving& serving, PartitionChange& change) {
    if (!change.replicas) return;
    const Topic* topic = serving.topics.find(change.topic);
    const bool there = topic != nullptr && change.partition >= 0 &&
                       static_cast<size_t>(change.partition) < topic->view->partitions.size();
    if (!there) {
        change.decided = true;
        change.error = ErrorCode::unknown_topic_or_partition;
        change.message = "There is no such partition";
        return;
    }
    const PartitionView& partition = topic->view->partitions[static_cast<size_t>(change.partition)];
    const size_t factor = partition.replicas.size() - partition.adding.size();
    if (change.replicas->size() == factor) return;
    change.decided = true;
    change.error = ErrorCode::invalid_replication_factor;
    change.message = request.arena.copy("The replication factor would change from " + std::to_string(factor) + " to " +
                                        std::to_string(change.replicas->size()) + ", which the request does not allow");
}

/// False: the arena is full.
bool list(Request& request, const AlterPartitionReassignmentsRequest& asked, PartitionChanges& changes) {
    size_t count = 0;
    for (const AlterPartitionReassignmentsRequest::Topic& topic : asked.topics) count += topic.partitions.size();
    changes.all = request.arena.make_array<PartitionChange>(count);
    if (changes.all.size() != count) return false;
    size_t at = 0;
    for (const AlterPartitionReassignmentsRequest::Topic& topic : asked.topics) {
        for (const AlterPartitionReassignmentsRequest::Partition& partition : topic.partitions) {
            changes.all[at].topic = topic.name;
            changes.all[at].partition = partition.partition_index;
            changes.all[at++].replicas = partition.replicas;
        }
    }
    return true;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    using Response = AlterPartitionReassignmentsResponse;
    Response response;
    response.allow_replication_factor_change = state.may_change_factor;
    response.error_code = state.changes.error;
    response.error_message = state.changes.message;
    const auto results = results_of<Response::Topic, Response::Partition>(request, state.changes,
                                                                          [](const PartitionChange&) { return true; });
    if (results.empty() != state.changes.all.empty()) return serving.close(request);
    response.responses = results;
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    AlterPartitionReassignmentsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    state.may_change_factor = asked.allow_replication_factor_change;
    if (!list(request, asked, state.changes)) return serving.close(request);
    if (!state.may_change_factor)
        for (PartitionChange& change : state.changes.all) check_factor(request, serving, change);
    if (!start_changes(request, serving, state.changes, asked.timeout_ms)) answer(request, serving);
}

void resume(Request& request, Call&, Serving& serving) {
    if (!go_on(request, serving, request.state_as<State>().changes)) answer(request, serving);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::alter_partition_reassignments, start, resume};

}  // namespace penstock::broker::alter_partition_reassignments
