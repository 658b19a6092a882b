// AlterPartitionReassignments. Records are not copied between brokers, so replicas can only stay where they are: to ask
// for that is done, to ask for anything else is refused.
#include "wire/kafka/alter_partition_reassignments.h"

#include <algorithm>
#include <string>

#include "broker/handlers.h"

namespace penstock::broker::alter_partition_reassignments {

namespace {

using wire::kafka::AlterPartitionReassignmentsRequest;
using wire::kafka::AlterPartitionReassignmentsResponse;

void refuse(Request& request, AlterPartitionReassignmentsResponse::Partition& out, ErrorCode error,
            std::string_view message) {
    out.error_code = error;
    out.error_message = request.arena.copy(message);
}

void judge(Request& request, const ClusterView& view, const PartitionView& partition,
           const AlterPartitionReassignmentsRequest::Partition& asked, bool may_change_factor,
           AlterPartitionReassignmentsResponse::Partition& out) {
    if (!asked.replicas)
        return refuse(request, out, ErrorCode::no_reassignment_in_progress, "No reassignment is under way");
    const wire::Array<int32_t> replicas = *asked.replicas;
    const ErrorCode wrong = ErrorCode::invalid_replica_assignment;
    if (replicas.empty()) return refuse(request, out, wrong, "The assignment includes an empty replica list");
    for (size_t i = 0; i < replicas.size(); ++i) {
        if (view.broker(NodeId(replicas[i])) == nullptr)
            return refuse(request, out, wrong,
                          "The assignment includes broker " + std::to_string(replicas[i]) +
                              ", but no such broker is registered");
        // No longer than the number of brokers: one that is longer names one twice.
        const auto before = replicas.first(i);
        if (std::ranges::find(before, replicas[i]) != before.end())
            return refuse(request, out, wrong,
                          "The assignment includes the broker " + std::to_string(replicas[i]) + " more than once");
    }
    if (!may_change_factor && replicas.size() != partition.replicas.size())
        return refuse(request, out, ErrorCode::invalid_replication_factor,
                      "The assignment would change the replication factor, which the request does not allow");
    if (!std::ranges::equal(replicas, partition.replicas, {}, {}, &NodeId::value))
        return refuse(request, out, wrong, "Replicas cannot move: records are not copied between brokers");
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    AlterPartitionReassignmentsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    auto topics = request.arena.make_array<AlterPartitionReassignmentsResponse::Topic>(asked.topics.size());
    if (topics.size() != asked.topics.size()) return serving.close(request);
    for (size_t t = 0; t < topics.size(); ++t) {
        const AlterPartitionReassignmentsRequest::Topic& topic = asked.topics[t];
        const Topic* known = serving.topics.find(topic.name);
        const size_t count = topic.partitions.size();
        auto partitions = request.arena.make_array<AlterPartitionReassignmentsResponse::Partition>(count);
        if (partitions.size() != count) return serving.close(request);
        for (size_t p = 0; p < count; ++p) {
            const int32_t index = topic.partitions[p].partition_index;
            partitions[p].partition_index = index;
            const bool there = known != nullptr && index >= 0 &&
                               static_cast<size_t>(index) < known->view->partitions.size();
            if (there)
                judge(request, serving.topics.view(), known->view->partitions[static_cast<size_t>(index)],
                      topic.partitions[p], asked.allow_replication_factor_change, partitions[p]);
            else refuse(request, partitions[p], ErrorCode::unknown_topic_or_partition, "There is no such partition");
        }
        topics[t] = {topic.name, partitions};
    }
    AlterPartitionReassignmentsResponse response;
    response.allow_replication_factor_change = asked.allow_replication_factor_change;
    response.responses = topics;
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::alter_partition_reassignments, start, nullptr};

}  // namespace penstock::broker::alter_partition_reassignments
