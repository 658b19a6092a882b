// DescribeTopicPartitions: what Metadata says of topics, in order of name and in pages of a bounded number of
// partitions.
#include "wire/kafka/describe_topic_partitions.h"

#include <algorithm>

#include "broker/group_place.h"
#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::describe_topic_partitions {

namespace {

using wire::kafka::DescribeTopicPartitionsRequest;
using wire::kafka::DescribeTopicPartitionsResponse;
using wire::kafka::TopicPartitionsCursor;
using Names = std::span<std::string_view>;

/// Kafka's bits of everything that can be done to a topic: read, write, create, delete, alter, describe, and describe
/// and alter its configs. There are no rules yet that would forbid anybody any of it.
constexpr int32_t all_operations = 0xdf8;

/// In order, each once, those before the cursor left out.
Names names_of(Request& request, const ClusterView& view, const DescribeTopicPartitionsRequest& asked) {
    const std::string_view first = asked.cursor ? asked.cursor->topic_name : std::string_view();
    const bool all = asked.topics.empty();
    Names names = request.arena.make_array<std::string_view>(all ? view.topics.size() : asked.topics.size());
    for (size_t i = 0; i < names.size(); ++i) names[i] = all ? view.topics[i]->name : asked.topics[i].name;
    if (!all) {
        std::ranges::sort(names);
        names = names.first(names.size() - std::ranges::unique(names).size());
    }
    return names.subspan(static_cast<size_t>(std::ranges::lower_bound(names, first) - names.begin()));
}

/// Kafka answers such a request with this for every topic that it names.
void refuse(Request& request, Serving& serving, const DescribeTopicPartitionsRequest& asked) {
    auto topics = request.arena.make_array<DescribeTopicPartitionsResponse::Topic>(asked.topics.size());
    for (size_t i = 0; i < topics.size(); ++i) {
        topics[i].error_code = ErrorCode::invalid_request;
        topics[i].name = asked.topics[i].name;
    }
    DescribeTopicPartitionsResponse response;
    response.topics = topics;
    serving.respond(request, response);
}

/// So many partitions from the one on.
std::span<const DescribeTopicPartitionsResponse::Partition> describe(Request& request, const ClusterView& view,
                                                                     const TopicView& topic, size_t from,
                                                                     size_t count) {
    auto out = request.arena.make_array<DescribeTopicPartitionsResponse::Partition>(count);
    for (size_t i = 0; i < out.size(); ++i) {
        const PartitionView& partition = topic.partitions[from + i];
        out[i].partition_index = static_cast<int32_t>(from + i);
        out[i].leader_id = view.alive(partition.leader) ? partition.leader.value : no_node.value;
        out[i].leader_epoch = partition.leader_epoch.value;
        out[i].replica_nodes = node_ids(request, partition.replicas);
        out[i].isr_nodes = node_ids(request, partition.isr);
        out[i].eligible_leader_replicas = wire::Array<int32_t>();
        out[i].last_known_elr = wire::Array<int32_t>();
        out[i].offline_replicas = offline_ids(request, view, partition.replicas);
    }
    return out;
}

void answer(Request& request, Serving& serving, const DescribeTopicPartitionsRequest& asked, Names names) {
    const ClusterView& view = serving.topics.view();
    auto topics = request.arena.make_array<DescribeTopicPartitionsResponse::Topic>(names.size());
    if (topics.size() != names.size()) return serving.close(request);
    auto room = static_cast<size_t>(std::clamp(asked.response_partition_limit, 1, limits::described_partitions));
    DescribeTopicPartitionsResponse response;
    size_t count = 0;
    for (const std::string_view name : names) {
        if (room == 0) {
            response.next_cursor = TopicPartitionsCursor{name, 0};
            break;
        }
        DescribeTopicPartitionsResponse::Topic& out = topics[count++];
        out.name = name;
        out.is_internal = is_internal_topic(name);
        out.topic_authorized_operations = all_operations;
        const TopicView* topic = view.topic(name);
        if (topic == nullptr) {
            out.error_code = is_topic_name(name) ? ErrorCode::unknown_topic_or_partition : ErrorCode::invalid_topic;
            continue;
        }
        out.topic_id = topic->id;
        const bool at_cursor = asked.cursor && asked.cursor->topic_name == name;
        const size_t total = topic->partitions.size();
        const size_t from = std::min(at_cursor ? static_cast<size_t>(asked.cursor->partition_index) : 0, total);
        const size_t taken = std::min(room, total - from);
        out.partitions = describe(request, view, *topic, from, taken);
        if (out.partitions.size() != taken) return serving.close(request);
        room -= taken;
        if (from + taken < total) {
            response.next_cursor = TopicPartitionsCursor{name, static_cast<int32_t>(from + taken)};
            break;
        }
    }
    response.topics = topics.first(count);
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    DescribeTopicPartitionsRequest asked;
    if (!decode_body(request, serving, reader, asked)) return;
    const ClusterView& view = serving.topics.view();
    const Names names = names_of(request, view, asked);
    // The cursor must stand at one of the topics; when all are asked for, at the place where one was.
    const bool astray = asked.cursor && !asked.topics.empty() &&
                        (names.empty() || names.front() != asked.cursor->topic_name);
    if (astray || (asked.cursor && asked.cursor->partition_index < 0)) return refuse(request, serving, asked);
    answer(request, serving, asked, names);
}

}  // namespace

const Handler handler{wire::kafka::ApiKey::describe_topic_partitions, start, nullptr};

}  // namespace penstock::broker::describe_topic_partitions
