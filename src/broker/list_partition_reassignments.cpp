// ListPartitionReassignments: from the view, what is on record and not done. Kafka says nothing of topics and
// partitions that it does not know, nor of those where nothing is under way.
#include "wire/kafka/list_partition_reassignments.h"

#include <optional>

#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::list_partition_reassignments {

namespace {

using wire::kafka::ListPartitionReassignmentsRequest;
using wire::kafka::ListPartitionReassignmentsResponse;

/// What is asked for of one topic; no indexes: all of it.
struct Asked {
    const TopicView* topic = nullptr;
    std::optional<wire::Array<int32_t>> indexes;
};

std::span<ListPartitionReassignmentsResponse::Partition> under_way(Request& request, const Asked& asked) {
    const std::vector<PartitionView>& partitions = asked.topic->partitions;
    const size_t most = asked.indexes ? asked.indexes->size() : partitions.size();
    const auto index_of = [&](size_t i) { return asked.indexes ? (*asked.indexes)[i] : static_cast<int32_t>(i); };
    const auto moving = [&](int32_t index) {
        if (index < 0 || static_cast<size_t>(index) >= partitions.size()) return false;
        const PartitionView& partition = partitions[static_cast<size_t>(index)];
        return !partition.adding.empty() || !partition.removing.empty();
    };
    size_t count = 0;
    for (size_t i = 0; i < most; ++i) count += moving(index_of(i));
    auto out = request.arena.make_array<ListPartitionReassignmentsResponse::Partition>(count);
    size_t at = 0;
    for (size_t i = 0; i < most && at < out.size(); ++i) {
        if (!moving(index_of(i))) continue;
        const PartitionView& partition = partitions[static_cast<size_t>(index_of(i))];
        out[at++] = {index_of(i), node_ids(request, partition.replicas), node_ids(request, partition.adding),
                     node_ids(request, partition.removing)};
    }
    return out;
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ListPartitionReassignmentsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    const ClusterView& view = serving.topics.view();
    const size_t count = asked.topics ? asked.topics->size() : view.topics.size();
    auto topics = request.arena.make_array<ListPartitionReassignmentsResponse::Topic>(count);
    if (topics.size() != count) return serving.close(request);
    size_t used = 0;
    for (size_t t = 0; t < count; ++t) {
        Asked one;
        if (asked.topics) {
            one.topic = view.topic((*asked.topics)[t].name);
            one.indexes = (*asked.topics)[t].partition_indexes;
        } else {
            one.topic = view.topics[t].get();
        }
        if (one.topic == nullptr) continue;
        const auto partitions = under_way(request, one);
        if (!partitions.empty()) topics[used++] = {one.topic->name, partitions};
    }
    ListPartitionReassignmentsResponse response;
    response.topics = topics.first(used);
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::list_partition_reassignments, start, nullptr};

}  // namespace penstock::broker::list_partition_reassignments
