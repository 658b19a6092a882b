// The coordinator's requests that may change the state: decoded, judged by the rules of their own files, and answered
// once the store has confirmed what they changed. Each handler answers false if the body is malformed.
#include <algorithm>
#include <utility>

#include "coordinator/coordinator.h"
#include "coordinator/membership.h"
#include "coordinator/partitions.h"
#include "coordinator/proposals.h"
#include "coordinator/reassignment.h"
#include "limits.h"
#include "wire/node/allocate_producer_ids.h"
#include "wire/node/alter_partitions.h"
#include "wire/node/partitions.h"
#include "wire/node/register_broker.h"
#include "wire/node/topics.h"

namespace penstock::coordinator {

using wire::kafka::ErrorCode;
using namespace wire::node;

namespace {

constexpr int64_t heartbeats_per_session = 10;

}  // namespace

bool Coordinator::handle(const Request& request, Peer& peer, Nanos now) {
    Fragment bytes{request.body.data(), static_cast<uint32_t>(request.body.size())};
    decode_arena_.reset();
    wire::Reader reader(std::span(&bytes, 1), decode_arena_);
    switch (NodeKey{request.header.key}) {
        case NodeKey::register_broker: return on_register(request, peer, reader, now);
        case NodeKey::create_topics: return on_create_topics(request, peer, reader);
        case NodeKey::delete_topics: return on_delete_topics(request, peer, reader);
        case NodeKey::create_partitions: return on_create_partitions(request, peer, reader);
        case NodeKey::alter_topic_configs: return on_alter_configs(request, peer, reader);
        case NodeKey::allocate_producer_ids: return on_allocate_producer_ids(request, peer, reader);
        case NodeKey::alter_partitions: return on_alter_partitions(request, peer, reader);
        case NodeKey::elect_leaders: return on_elect_leaders(request, peer, reader);
        case NodeKey::alter_reassignments: return on_alter_reassignments(request, peer, reader);
        case NodeKey::broker_heartbeat:
        case NodeKey::watch_cluster:
        case NodeKey::replica_state:
        case NodeKey::read_replica:
        case NodeKey::replicate: break;
    }
    PENSTOCK_ASSERT(false);  // those never wait
}

bool Coordinator::on_register(const Request& request, Peer& peer, wire::Reader& reader, Nanos now) {
    RegisterBrokerRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    RegisterBrokerResponse response;
    response.cluster_id = state_.cluster_id();
    if (auto refusal = check_registration(state_, body)) {
        response.error = std::to_underlying(refusal->error);
        response.message = refusal->message;
        response.revision = static_cast<int64_t>(state_.revision());
        note(true, "refused a registration: " + refusal->message);
        answer(request.connection, request.header, response, held_);
        return true;
    }
    const NodeId id{body.node_id};
    Session* old = sessions_.find(id);
    if (old != nullptr && old->connection && *old->connection != request.connection) {
        peers_.erase(*old->connection);
        closing_.push_back(*old->connection);
    }
    register_broker(state_, body);
    peer.broker = id;
    const auto session_id = static_cast<int64_t>(random_.next() >> 1);
    const Session& session = sessions_.open(id, session_id, request.connection, now);
    opened_.push_back(id);
    response.session = session.id;
    response.epoch_id = state_.epoch_id();
    response.sequence = session.sequence;
    response.revision = next_revision();
    response.session_timeout_ms = static_cast<int32_t>(options_.session_timeout_ns / millisecond_ns);
    response.heartbeat_interval_ms = std::max(
        1, static_cast<int32_t>(options_.session_timeout_ns / heartbeats_per_session / millisecond_ns));
    note(false, "broker " + std::to_string(id.value) + " registered: " + std::string(body.host) + ":" +
                    std::to_string(body.port) + ", storage " + body.storage_id.text() + ", incarnation " +
                    body.incarnation.text());
    answer(request.connection, request.header, response, held_);
    return true;
}

template <class Response>
void Coordinator::answer_topics(const Request& request, ErrorCode error, const std::vector<TopicOutcome>& outcomes) {
    Response response;
    response.error = std::to_underlying(error);
    response.revision = next_revision();
    std::vector<ChangedTopic> topics;
    std::vector<std::vector<TopicConfig>> configs;
    topics.reserve(outcomes.size());
    configs.reserve(outcomes.size());
    for (const TopicOutcome& o : outcomes) {
        auto& list = configs.emplace_back();
        for (const auto& [key, value] : o.configs) list.push_back({key, value});
        topics.push_back({.name = o.name, .id = o.id, .error = std::to_underlying(o.error), .message = {},
                          .partitions = o.partitions, .replication_factor = o.replication_factor, .configs = list});
        if (!o.message.empty()) topics.back().message = o.message;
    }
    response.topics = topics;
    answer(request.connection, request.header, response, held_);
}

bool Coordinator::on_create_topics(const Request& request, const Peer& peer, wire::Reader& reader) {
    CreateTopicsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = create_topics(state_, body, options_.topic_defaults, random_);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none && !body.validate_only)
            note(false, "topic \"" + o.name + "\" created: id " + o.id.text() + ", " + std::to_string(o.partitions) +
                            " partitions, replication factor " + std::to_string(o.replication_factor));
    answer_topics<CreateTopicsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_delete_topics(const Request& request, const Peer& peer, wire::Reader& reader) {
    DeleteTopicsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = delete_topics(state_, body);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none) note(false, "topic \"" + o.name + "\" deleted: id " + o.id.text());
    answer_topics<DeleteTopicsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_create_partitions(const Request& request, const Peer& peer, wire::Reader& reader) {
    CreatePartitionsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = create_partitions(state_, body);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none && !body.validate_only)
            note(false, "topic \"" + o.name + "\" has " + std::to_string(o.partitions) + " partitions now");
    answer_topics<CreatePartitionsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_alter_configs(const Request& request, const Peer& peer, wire::Reader& reader) {
    AlterTopicConfigsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<TopicOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.topics.size() > limits::changed_topics_max) error = ErrorCode::invalid_request;
    else outcomes = alter_topic_configs(state_, body);
    for (const TopicOutcome& o : outcomes)
        if (o.error == ErrorCode::none && !body.validate_only) note(false, "topic \"" + o.name + "\": configs altered");
    answer_topics<AlterTopicConfigsResponse>(request, error, outcomes);
    return true;
}

bool Coordinator::on_allocate_producer_ids(const Request& request, const Peer& peer, wire::Reader& reader) {
    AllocateProducerIdsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    AllocateProducerIdsResponse response;
    if (session_of(request.connection, peer, body.session) == nullptr) {
        response.error = std::to_underlying(ErrorCode::broker_id_not_registered);
    } else {
        response.first = state_.allocate_producer_ids(limits::producer_id_block);
        if (response.first < 0) response.error = std::to_underlying(ErrorCode::unknown_server_error);
        else response.count = limits::producer_id_block;
    }
    answer(request.connection, request.header, response, held_);
    return true;
}

// --- Partitions

bool Coordinator::on_alter_partitions(const Request& request, const Peer& peer, wire::Reader& reader) {
    AlterPartitionsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    AlterPartitionsResponse response;
    std::vector<ProposalOutcome> outcomes;
    if (session_of(request.connection, peer, body.session) == nullptr)
        response.error = std::to_underlying(ErrorCode::broker_id_not_registered);
    else if (body.partitions.size() > limits::changed_partitions_max)
        response.error = std::to_underlying(ErrorCode::invalid_request);
    else outcomes = take_proposals(state_, peer.broker, body.partitions);
    std::vector<AlteredPartition> partitions;
    std::vector<std::vector<int32_t>> sets;
    partitions.reserve(outcomes.size());
    sets.reserve(outcomes.size());
    for (const ProposalOutcome& o : outcomes) {
        AlteredPartition& out = partitions.emplace_back();
        out.topic = o.topic;
        out.partition = o.partition;
        out.error = std::to_underlying(o.error);
        if (!o.message.empty()) out.message = o.message;
        if (!o.record) continue;
        auto& isr = sets.emplace_back();
        for (NodeId id : o.record->isr) isr.push_back(id.value);
        out.leader = o.record->leader.value;
        out.leader_epoch = o.record->leader_epoch.value;
        out.isr = isr;
        out.partition_epoch = o.record->partition_epoch;
    }
    response.partitions = partitions;
    answer(request.connection, request.header, response, held_);
    return true;
}

template <class Response>
void Coordinator::answer_partitions(const Request& request, ErrorCode error,
                                    const std::vector<PartitionOutcome>& outcomes, bool more) {
    Response response;
    response.error = std::to_underlying(error);
    response.revision = next_revision();
    response.more = more;
    std::vector<ChangedPartition> partitions;
    partitions.reserve(outcomes.size());
    for (const PartitionOutcome& o : outcomes) {
        partitions.push_back(
            {.topic = o.topic, .partition = o.partition, .error = std::to_underlying(o.error), .message = {}});
        if (!o.message.empty()) partitions.back().message = o.message;
    }
    response.partitions = partitions;
    answer(request.connection, request.header, response, held_);
}

bool Coordinator::on_elect_leaders(const Request& request, const Peer& peer, wire::Reader& reader) {
    ElectLeadersRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    const bool known_type = body.type == ElectionType::preferred || body.type == ElectionType::unclean;
    Elections elections;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (!known_type || (body.partitions && body.partitions->size() > limits::changed_partitions_max))
        error = ErrorCode::invalid_request;
    else elections = elect_leaders(state_, body);
    for (const PartitionOutcome& loss : elections.losses)
        note(true, "unclean election of \"" + loss.topic + "\" partition " + std::to_string(loss.partition) + ": " +
                       loss.message + ", records that it does not have are lost");
    answer_partitions<ElectLeadersResponse>(request, error, elections.outcomes, elections.more);
    return true;
}

bool Coordinator::on_alter_reassignments(const Request& request, const Peer& peer, wire::Reader& reader) {
    AlterReassignmentsRequest body;
    if (!wire::decode(reader, body, request.header.version)) return false;
    std::vector<PartitionOutcome> outcomes;
    ErrorCode error = ErrorCode::none;
    if (session_of(request.connection, peer, body.session) == nullptr) error = ErrorCode::broker_id_not_registered;
    else if (body.partitions.size() > limits::changed_partitions_max) error = ErrorCode::invalid_request;
    else outcomes = alter_reassignments(state_, body);
    const auto good = std::ranges::count(outcomes, ErrorCode::none, &PartitionOutcome::error);
    if (good > 0) note(false, "the replicas of " + std::to_string(good) + " partitions were reassigned");
    answer_partitions<AlterReassignmentsResponse>(request, error, outcomes, false);
    return true;
}

}  // namespace penstock::coordinator
