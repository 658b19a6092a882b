// ListPartitionReassignments: replicas stay where they are, so there is never one under way. Kafka says nothing of
// topics that it does not know.
#include "wire/kafka/list_partition_reassignments.h"

#include "broker/handlers.h"

namespace penstock::broker::list_partition_reassignments {

namespace {

void start(Request& request, wire::Reader& reader, Serving& serving) {
    wire::kafka::ListPartitionReassignmentsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    serving.respond(request, wire::kafka::ListPartitionReassignmentsResponse());
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::list_partition_reassignments, start, nullptr};

}  // namespace penstock::broker::list_partition_reassignments
