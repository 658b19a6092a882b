// Metadata: brokers, topics, leaders; and unknown topics made on demand, where both the client and the operator allow
// it.
//
// A topic that is made on demand is waited for, for a while: a client that hears "unknown" would only ask again.
#include "wire/kafka/metadata.h"

#include <algorithm>

#include "broker/connection.h"
#include "broker/group_place.h"
#include "broker/group_request.h"
#include "broker/handlers.h"
#include "broker/place.h"

namespace penstock::broker::metadata {

namespace {

using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

struct State {
    MetadataRequest asked;
    bool all = false;
};

/// Zero ids stand for "by name". Kafka takes ids from version 12 on.
bool asks_by_id(const MetadataRequest::Topic& topic) { return !topic.topic_id.is_zero(); }

bool to_be_created(const Serving& serving, const MetadataRequest::Topic& topic) {
    return !asks_by_id(topic) && topic.name && is_topic_name(*topic.name) &&
           serving.topics.find(*topic.name) == nullptr;
}

/// True: topics are being made, the answer waits.
bool create_missing(Request& request, Serving& serving, const State& state) {
    if (state.all || !state.asked.allow_auto_topic_creation || !serving.options.auto_create_topics) return false;
    auto call = std::make_unique<TopicsCall>();
    for (const MetadataRequest::Topic& topic : *state.asked.topics) {
        if (!to_be_created(serving, topic) || call->created.size() >= limits::auto_create_topics) continue;
        const bool named_before = std::ranges::any_of(
            call->created, [&](const NewTopic& other) { return other.name == *topic.name; });
        if (named_before) continue;
        NewTopic made;
        if (is_internal_topic(*topic.name)) made = new_offsets_topic(serving.options);
        else made.partitions = serving.options.default_partitions;
        made.name = *topic.name;
        call->created.push_back(std::move(made));
    }
    if (call->created.empty()) return false;
    serving.start_topics_call(request, std::move(call), limits::auto_create_wait_ms);
    return true;
}

/// What the coordinator said of a topic that it did not make.
ErrorCode creation_error(const Request& request, std::string_view name) {
    if (request.topics_call == nullptr) return ErrorCode::unknown_topic_or_partition;
    for (const TopicResult& result : request.topics_call->result.topics) {
        if (result.name != name || result.error == ErrorCode::none) continue;
        const auto error = result.error;
        // Made by somebody else a moment ago: it will be there when the client asks again.
        return error == ErrorCode::topic_already_exists ? ErrorCode::leader_not_available : error;
    }
    return ErrorCode::unknown_topic_or_partition;
}

/// Native clients go to the shard that owns a partition; nobody else sees a byte of it. -1: there is no such road.
int32_t native_port(const Request& request, const BrokerView* broker, const log::LogKey* key) {
    if (request.connection->road != io::Road::native || broker == nullptr || broker->native_port == 0) return -1;
    return broker->native_port + static_cast<int32_t>(key == nullptr ? 0 : log::shard_of(*key, broker->shard_count));
}

void describe(Request& request, const ClusterView& view, const TopicView& topic, MetadataResponse::Topic& out) {
    out.name = topic.name;
    out.topic_id = topic.id;
    out.is_internal = is_internal_topic(topic.name);
    auto partitions = request.arena.make_array<MetadataResponse::Partition>(topic.partitions.size());
    for (size_t i = 0; i < partitions.size(); ++i) {
        const PartitionView& partition = topic.partitions[i];
        partitions[i].partition_index = static_cast<int32_t>(i);
        partitions[i].leader_epoch = partition.leader_epoch.value;
        partitions[i].replica_nodes = node_ids(request, partition.replicas);
        partitions[i].isr_nodes = node_ids(request, partition.isr);
        partitions[i].offline_replicas = offline_ids(request, view, partition.replicas);
        if (!view.alive(partition.leader)) {
            partitions[i].error_code = ErrorCode::leader_not_available;
            continue;
        }
        partitions[i].leader_id = partition.leader.value;
        const log::LogKey key{topic.id, static_cast<int32_t>(i)};
        partitions[i].native_port = native_port(request, view.broker(partition.leader), &key);
    }
    out.partitions = partitions;
}

void describe(Request& request, const Serving& serving, const MetadataRequest::Topic& asked,
              MetadataResponse::Topic& out) {
    const bool by_id = asks_by_id(asked);
    const Topic* topic = by_id ? serving.topics.find(asked.topic_id)
                               : serving.topics.find(asked.name.value_or(std::string_view()));
    if (topic != nullptr) return describe(request, serving.topics.view(), *topic->view, out);
    out.topic_id = asked.topic_id;
    if (by_id) {
        out.error_code = ErrorCode::unknown_topic_id;
        if (request.header.version >= 12) out.name.reset();
        return;
    }
    out.name = asked.name.value_or(std::string_view());
    out.is_internal = is_internal_topic(*out.name);
    out.error_code = is_topic_name(*out.name) ? creation_error(request, *out.name) : ErrorCode::invalid_topic;
}

void answer(Request& request, Serving& serving) {
    const State& state = request.state_as<State>();
    if (request.connection == nullptr) return serving.respond_nothing(request);
    const ClusterView& view = serving.topics.view();
    MetadataResponse response;
    const auto alive = endpoints(request, view);
    auto brokers = request.arena.make_array<MetadataResponse::Broker>(alive.size());
    for (size_t i = 0; i < brokers.size(); ++i)
        brokers[i] = {alive[i].node_id, alive[i].host, alive[i].port, alive[i].rack,
                      native_port(request, view.broker(NodeId{alive[i].node_id}), nullptr)};
    response.brokers = brokers;
    const std::string cluster_id = view.cluster_id.text();
    response.cluster_id = request.arena.copy(cluster_id);
    response.controller_id = view.controller_id.value;
    const size_t count = state.all ? view.topics.size() : state.asked.topics->size();
    auto topics = request.arena.make_array<MetadataResponse::Topic>(count);
    if (topics.size() != count) return serving.close(request);
    for (size_t i = 0; i < count; ++i) {
        if (state.all) describe(request, view, *view.topics[i], topics[i]);
        else describe(request, serving, (*state.asked.topics)[i], topics[i]);
    }
    response.topics = topics;
    serving.respond(request, response);
}

void start(Request& request, wire::Reader& reader, Serving& serving) {
    State& state = request.arena.make_array<State>(1).front();
    request.state = &state;
    if (!decode_body(request, serving, reader, state.asked)) return;
    state.all = !state.asked.topics || (request.header.version == 0 && state.asked.topics->empty());
    if (!create_missing(request, serving, state)) answer(request, serving);
}

void resume(Request& request, Call&, Serving& serving) { answer(request, serving); }

}  // namespace

const Handler handler{wire::kafka::ApiKey::metadata, start, resume};

}  // namespace penstock::broker::metadata
