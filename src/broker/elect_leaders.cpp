// ElectLeaders. A partition has one replica in sync, its leader, so there is never another one to elect: the answer
// says for each partition whether one would be needed.
#include "wire/kafka/elect_leaders.h"

#include "broker/handlers.h"

namespace penstock::broker::elect_leaders {

namespace {

using wire::kafka::ElectLeadersRequest;
using wire::kafka::ElectLeadersResponse;
using wire::kafka::election_preferred;
using wire::kafka::election_unclean;

ElectLeadersResponse::Partition outcome(const TopicView* topic, int32_t partition, int8_t type) {
    if (topic == nullptr || partition < 0 || static_cast<size_t>(partition) >= topic->partitions.size())
        return {partition, ErrorCode::unknown_topic_or_partition, "There is no such partition"};
    const PartitionView& view = topic->partitions[static_cast<size_t>(partition)];
    if (type == election_unclean) {
        if (view.leader != no_node) return {partition, ErrorCode::election_not_needed, "The partition has a leader"};
        return {partition, ErrorCode::eligible_leaders_not_available, "No replica can lead the partition"};
    }
    if (view.leader == view.replicas.front())
        return {partition, ErrorCode::election_not_needed, "The preferred leader leads the partition"};
    return {partition, ErrorCode::preferred_leader_not_available, "The preferred leader is not in sync"};
}

/// Those alone that wanted an election.
void elect_all(Request& request, Serving& serving, int8_t type) {
    const ClusterView& view = serving.topics.view();
    auto topics = request.arena.make_array<ElectLeadersResponse::Topic>(view.topics.size());
    for (size_t t = 0; t < topics.size(); ++t) {
        const TopicView& topic = *view.topics[t];
        topics[t].topic = topic.name;
        size_t wanted = 0;
        for (size_t p = 0; p < topic.partitions.size(); ++p)
            wanted += outcome(&topic, static_cast<int32_t>(p), type).error_code != ErrorCode::election_not_needed;
        if (wanted == 0) continue;
        auto partitions = request.arena.make_array<ElectLeadersResponse::Partition>(wanted);
        size_t count = 0;
        for (size_t p = 0; p < topic.partitions.size() && count < partitions.size(); ++p) {
            partitions[count] = outcome(&topic, static_cast<int32_t>(p), type);
            count += partitions[count].error_code != ErrorCode::election_not_needed;
        }
        topics[t].partition_result = partitions.first(count);
    }
    ElectLeadersResponse response;
    response.replica_election_results = topics;
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    ElectLeadersRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    const int8_t type = asked.election_type;
    const bool known_type = type == election_preferred || type == election_unclean;
    if (!asked.topic_partitions && known_type) return elect_all(request, serving, type);
    ElectLeadersResponse response;
    if (!known_type) response.error_code = ErrorCode::invalid_request;
    const auto listed = asked.topic_partitions.value_or(wire::Array<ElectLeadersRequest::Topic>());
    auto topics = request.arena.make_array<ElectLeadersResponse::Topic>(listed.size());
    if (topics.size() != listed.size()) return serving.close(request);
    for (size_t t = 0; t < topics.size(); ++t) {
        const ElectLeadersRequest::Topic& topic = listed[t];
        const Topic* known = serving.topics.find(topic.topic);
        auto partitions = request.arena.make_array<ElectLeadersResponse::Partition>(topic.partitions.size());
        if (partitions.size() != topic.partitions.size()) return serving.close(request);
        for (size_t p = 0; p < partitions.size(); ++p) {
            const int32_t index = topic.partitions[p];
            if (known_type) partitions[p] = outcome(known == nullptr ? nullptr : known->view.get(), index, type);
            else partitions[p] = {index, ErrorCode::invalid_request, "There is no such type of election"};
        }
        topics[t] = {topic.topic, partitions};
    }
    response.replica_election_results = topics;
    serving.respond(request, response);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::elect_leaders, start, nullptr};

}  // namespace penstock::broker::elect_leaders
