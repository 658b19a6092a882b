#include "broker/partition_changes.h"

#include <algorithm>

#include "limits.h"

namespace penstock::broker {

namespace {

/// As many as one call takes, from asked_to on. False: there are none left.
bool fill_call(PartitionChanges& changes, TopicsCall& call) {
    call.change = changes.election ? TopicsChange::elect : TopicsChange::reassign;
    call.election = changes.election.value_or(Election::preferred);
    call.elected.clear();
    call.reassigned.clear();
    call.result = {};
    changes.asked_from = changes.asked_to;
    size_t count = 0;
    while (changes.asked_to < changes.all.size() && count < limits::changed_partitions_max) {
        const PartitionChange& change = changes.all[changes.asked_to++];
        if (change.decided) continue;
        ++count;
        if (changes.election) {
            call.elected.push_back({std::string(change.topic), change.partition});
            continue;
        }
        NewReplicas& wanted = call.reassigned.emplace_back();
        wanted.topic = change.topic;
        wanted.partition = change.partition;
        if (!change.replicas) continue;
        wanted.replicas.emplace();
        for (const int32_t id : *change.replicas) wanted.replicas->push_back(NodeId(id));
    }
    return count > 0;
}

/// Nothing is known of those that are not decided.
void give_up(PartitionChanges& changes, ErrorCode error, wire::NullableString message) {
    changes.error = error;
    changes.message = message;
    for (PartitionChange& change : changes.all.subspan(changes.asked_from)) {
        if (change.decided) continue;
        change.decided = true;
        change.error = error;
        change.message = message;
    }
}

}  // namespace

bool start_changes(Request& request, Serving& serving, PartitionChanges& changes, int32_t timeout_ms) {
    auto call = std::make_unique<TopicsCall>();
    if (!fill_call(changes, *call)) return false;
    serving.start_topics_call(request, std::move(call), std::clamp(timeout_ms, 1, limits::request_timeout_ms));
    return true;
}

bool go_on(Request& request, Serving& serving, PartitionChanges& changes) {
    TopicsCall& call = *request.topics_call;
    const AdminResult& result = call.result;
    const auto text = [&](const std::string& message) {
        return message.empty() ? wire::NullableString() : wire::NullableString(request.arena.copy(message));
    };
    if (result.error != ErrorCode::none) {
        give_up(changes, result.error, text(result.message));
        return false;
    }
    size_t answered = 0;
    for (PartitionChange& change : changes.all.subspan(changes.asked_from, changes.asked_to - changes.asked_from)) {
        if (change.decided) continue;
        if (answered == result.partitions.size()) {
            give_up(changes, ErrorCode::unknown_server_error, "The coordinator did not answer for all partitions");
            return false;
        }
        const PartitionResult& outcome = result.partitions[answered++];
        change.decided = true;
        change.error = outcome.error;
        change.message = text(outcome.message);
    }
    if (request.timed_out) {
        changes.asked_from = changes.asked_to;
        if (changes.asked_to < changes.all.size())
            give_up(changes, ErrorCode::request_timed_out, "There was no time to ask for this partition, too");
        return false;
    }
    if (!fill_call(changes, call)) return false;
    serving.start_call(request, call, 0);
    return true;
}

}  // namespace penstock::broker
