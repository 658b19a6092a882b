// What a broker asks of the coordinator on its link: changes of topics and partitions, and in-sync sets.
#include <algorithm>
#include <utility>

#include "broker/coordinator_link_impl.h"
#include "wire/node/alter_partitions.h"
#include "wire/node/partitions.h"
#include "wire/node/topics.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;
using namespace wire::node;

namespace {

// Owned bytes as the views that messages hold.
std::vector<TopicConfig> configs_of(const std::vector<ConfigEntry>& entries) {
    std::vector<TopicConfig> out;
    for (const ConfigEntry& e : entries) out.push_back({e.key, e.value});
    return out;
}

}  // namespace

// --- Commands

Result<void> CoordinatorLink::create_topics(uint64_t token, std::span<const NewTopic> topics, bool validate_only,
                                            Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, CreateCommand{{topics.begin(), topics.end()}, validate_only}});
}

Result<void> CoordinatorLink::delete_topics(uint64_t token, std::span<const TopicRef> topics, Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, DeleteCommand{{topics.begin(), topics.end()}}});
}

Result<void> CoordinatorLink::create_partitions(uint64_t token, std::span<const NewPartitions> topics,
                                                bool validate_only, Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, GrowCommand{{topics.begin(), topics.end()}, validate_only}});
}

Result<void> CoordinatorLink::alter_configs(uint64_t token, std::span<const TopicConfigs> topics, bool validate_only,
                                            Nanos deadline) {
    if (topics.size() > limits::changed_topics_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, AlterCommand{{topics.begin(), topics.end()}, validate_only}});
}

Result<void> CoordinatorLink::elect_leaders(uint64_t token, Election election,
                                            std::optional<std::span<const PartitionRef>> partitions, Nanos deadline) {
    ElectCommand command{election, {}};
    if (partitions) {
        if (partitions->size() > limits::changed_partitions_max) return fail(Errc::too_large);
        command.partitions.emplace(partitions->begin(), partitions->end());
    }
    return impl_->queue({token, deadline, std::move(command)});
}

Result<void> CoordinatorLink::reassign(uint64_t token, std::span<const NewReplicas> partitions, Nanos deadline) {
    if (partitions.size() > limits::changed_partitions_max) return fail(Errc::too_large);
    return impl_->queue({token, deadline, ReassignCommand{{partitions.begin(), partitions.end()}}});
}

Result<void> CoordinatorLink::alter_partitions(uint64_t token, std::span<const InSyncProposal> partitions) {
    Impl& link = *impl_;
    if (link.state != LinkState::registered) return fail(Errc::not_ready);
    if (partitions.size() > limits::changed_partitions_max) return fail(Errc::too_large);
    if (link.in_sync_waiting.size() + link.in_sync_under_way.size() + link.in_sync_results.size() >=
        limits::link_in_sync_requests_max)
        return fail(Errc::would_block);
    link.in_sync_waiting.push_back({token, {partitions.begin(), partitions.end()}});
    return {};
}

Result<void> CoordinatorLink::Impl::queue(Admin admin) {
    if (admin_waiting.size() + admin_under_way.size() + results.size() >= limits::link_admin_requests_max)
        return fail(Errc::would_block);
    admin_waiting.push_back(std::move(admin));
    return {};
}

void CoordinatorLink::Impl::finish(const Admin& admin, ErrorCode error, std::string message) {
    if (!admin.answered) results.push_back({.token = admin.token, .error = error, .message = std::move(message)});
}

void CoordinatorLink::Impl::expire_admin(Nanos now) {
    std::erase_if(admin_waiting, [&](const Admin& admin) {
        if (admin.deadline > now) return false;
        finish(admin, ErrorCode::request_timed_out, "the coordinator cannot be reached: " + reason);
        return true;
    });
    for (auto& [id, admin] : admin_under_way) {
        if (admin.answered || admin.deadline > now) continue;
        finish(admin, ErrorCode::request_timed_out, "the coordinator has not answered yet: the change may be made");
        admin.answered = true;
    }
}

// --- Sending changes

void CoordinatorLink::Impl::send_admin() {
    while (!admin_waiting.empty() && admin_under_way.size() < limits::link_admin_under_way_max) {
        Admin admin = std::move(admin_waiting.front());
        admin_waiting.pop_front();
        auto id = std::visit([this](const auto& command) { return send_command(command); }, admin.command);
        if (id) admin_under_way.emplace(*id, std::move(admin));
        else finish(admin, ErrorCode::invalid_request, "the request is too large for the coordinator");
    }
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const CreateCommand& command) {
    std::vector<CreatableTopic> topics;
    std::vector<std::vector<TopicConfig>> configs;
    std::vector<std::vector<std::vector<int32_t>>> numbers;
    std::vector<std::vector<wire::Array<int32_t>>> assignments;
    for (const NewTopic& topic : command.topics) {
        auto& ids = numbers.emplace_back();
        for (const auto& replicas : topic.assignment) {
            auto& list = ids.emplace_back();
            for (NodeId id : replicas) list.push_back(id.value);
        }
        assignments.emplace_back(ids.begin(), ids.end());
        configs.push_back(configs_of(topic.configs));
    }
    for (size_t i = 0; i < command.topics.size(); ++i) {
        const NewTopic& topic = command.topics[i];
        topics.push_back({.name = topic.name, .partitions = topic.partitions,
                          .replication_factor = topic.replication_factor, .assignment = assignments[i],
                          .configs = configs[i]});
    }
    CreateTopicsRequest request;
    request.session = session;
    request.topics = topics;
    request.validate_only = command.validate_only;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const DeleteCommand& command) {
    std::vector<DeletableTopic> topics;
    for (const TopicRef& topic : command.topics) topics.push_back({topic.name, topic.id});
    DeleteTopicsRequest request;
    request.session = session;
    request.topics = topics;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const GrowCommand& command) {
    std::vector<GrowingTopic> topics;
    std::vector<std::vector<std::vector<int32_t>>> numbers;
    std::vector<std::vector<wire::Array<int32_t>>> assignments(command.topics.size());
    for (size_t i = 0; i < command.topics.size(); ++i) {
        const NewPartitions& topic = command.topics[i];
        topics.push_back({.name = topic.topic, .count = topic.count, .assignment = {}});
        if (!topic.assignment) continue;
        auto& ids = numbers.emplace_back();
        for (const auto& replicas : *topic.assignment) {
            auto& list = ids.emplace_back();
            for (NodeId id : replicas) list.push_back(id.value);
        }
        assignments[i].assign(ids.begin(), ids.end());
        topics.back().assignment = assignments[i];
    }
    CreatePartitionsRequest request;
    request.session = session;
    request.topics = topics;
    request.validate_only = command.validate_only;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const AlterCommand& command) {
    std::vector<std::vector<TopicConfig>> configs;
    for (const TopicConfigs& topic : command.topics) {
        configs.push_back(configs_of(topic.expected));
        configs.push_back(configs_of(topic.configs));
    }
    std::vector<AlteredTopic> topics;
    for (size_t i = 0; i < command.topics.size(); ++i) {
        const TopicConfigs& topic = command.topics[i];
        topics.push_back({topic.name, topic.id, configs[2 * i], configs[2 * i + 1]});
    }
    AlterTopicConfigsRequest request;
    request.session = session;
    request.topics = topics;
    request.validate_only = command.validate_only;
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const ElectCommand& command) {
    std::vector<ElectedPartition> partitions;
    ElectLeadersRequest request;
    request.session = session;
    request.type = command.election == Election::preferred ? ElectionType::preferred : ElectionType::unclean;
    if (command.partitions) {
        for (const PartitionRef& partition : *command.partitions)
            partitions.push_back({partition.topic, partition.partition});
        request.partitions = partitions;
    }
    return send(request);
}

std::optional<int32_t> CoordinatorLink::Impl::send_command(const ReassignCommand& command) {
    std::vector<std::vector<int32_t>> numbers;
    std::vector<ReassignedPartition> partitions;
    numbers.reserve(command.partitions.size());
    for (const NewReplicas& wanted : command.partitions) {
        partitions.push_back({.topic = wanted.topic, .partition = wanted.partition, .replicas = {}});
        if (!wanted.replicas) continue;
        auto& list = numbers.emplace_back();
        for (NodeId id : *wanted.replicas) list.push_back(id.value);
        partitions.back().replicas = list;
    }
    AlterReassignmentsRequest request;
    request.session = session;
    request.partitions = partitions;
    return send(request);
}

// --- Answers to changes

void CoordinatorLink::Impl::on_admin_answer(Admin admin, wire::Reader& reader, Nanos now) {
    if (std::holds_alternative<CreateCommand>(admin.command))
        return on_topics<CreateTopicsResponse>(std::move(admin), reader, now);
    if (std::holds_alternative<DeleteCommand>(admin.command))
        return on_topics<DeleteTopicsResponse>(std::move(admin), reader, now);
    if (std::holds_alternative<GrowCommand>(admin.command))
        return on_topics<CreatePartitionsResponse>(std::move(admin), reader, now);
    if (std::holds_alternative<ElectCommand>(admin.command))
        return on_partitions<ElectLeadersResponse>(std::move(admin), reader, now);
    if (std::holds_alternative<ReassignCommand>(admin.command))
        return on_partitions<AlterReassignmentsResponse>(std::move(admin), reader, now);
    on_topics<AlterTopicConfigsResponse>(std::move(admin), reader, now);
}

/// False: there is nothing to tell.
template <class Response>
bool CoordinatorLink::Impl::take_answer(Admin& admin, wire::Reader& reader, Response& response, Nanos now) {
    if (!wire::decode(reader, response, 0)) {
        finish(admin, ErrorCode::request_timed_out,
               "the coordinator's answer is malformed: the change may have been made");
        give_up(LinkState::waiting, "the coordinator sent a malformed answer", now);
        return false;
    }
    if (ErrorCode{response.error} == ErrorCode::broker_id_not_registered) {
        // Not carried out: it goes again in the next session, unless its deadline comes first.
        if (!admin.answered) admin_waiting.push_front(std::move(admin));
        give_up(LinkState::waiting, "the session ended: this broker was fenced", now);
        return false;
    }
    return !admin.answered;
}

template <class Response>
void CoordinatorLink::Impl::on_topics(Admin admin, wire::Reader& reader, Nanos now) {
    Response response;
    if (!take_answer(admin, reader, response, now)) return;
    AdminResult result{.token = admin.token, .error = ErrorCode{response.error},
                       .revision = static_cast<uint64_t>(std::max<int64_t>(response.revision, 0))};
    for (const ChangedTopic& topic : response.topics) {
        auto& out = result.topics.emplace_back();
        out.name = topic.name;
        out.id = topic.id;
        out.error = ErrorCode{topic.error};
        out.message = topic.message.value_or("");
        out.partitions = topic.partitions;
        out.replication_factor = topic.replication_factor;
        for (const TopicConfig& config : topic.configs)
            out.configs.push_back({std::string(config.key), std::string(config.value)});
    }
    results.push_back(std::move(result));
}

template <class Response>
void CoordinatorLink::Impl::on_partitions(Admin admin, wire::Reader& reader, Nanos now) {
    Response response;
    if (!take_answer(admin, reader, response, now)) return;
    AdminResult result{.token = admin.token, .error = ErrorCode{response.error},
                       .revision = static_cast<uint64_t>(std::max<int64_t>(response.revision, 0)),
                       .more = response.more};
    for (const ChangedPartition& partition : response.partitions)
        result.partitions.push_back({std::string(partition.topic), partition.partition, ErrorCode{partition.error},
                                     std::string(partition.message.value_or(""))});
    results.push_back(std::move(result));
}

// --- Proposals of in-sync sets

void CoordinatorLink::Impl::send_in_sync() {
    while (!in_sync_waiting.empty() && in_sync_under_way.size() < limits::link_in_sync_under_way_max) {
        InSyncRequest request = std::move(in_sync_waiting.front());
        in_sync_waiting.pop_front();
        if (auto id = send_proposals(request)) in_sync_under_way.emplace(*id, std::move(request));
        else lose(request, ErrorCode::invalid_request, "the proposals are too large for the coordinator");
    }
}

std::optional<int32_t> CoordinatorLink::Impl::send_proposals(const InSyncRequest& request) {
    std::vector<std::vector<wire::node::InSyncMember>> sets;
    std::vector<ProposedPartition> partitions;
    sets.reserve(request.partitions.size());
    for (const InSyncProposal& proposal : request.partitions) {
        auto& isr = sets.emplace_back();
        for (const InSyncMember& member : proposal.isr) isr.push_back({member.id.value, member.incarnation});
        partitions.push_back({.topic = proposal.topic, .partition = proposal.partition,
                              .leader_epoch = proposal.leader_epoch.value, .partition_epoch = proposal.partition_epoch,
                              .isr = isr});
    }
    AlterPartitionsRequest message;
    message.session = session;
    message.partitions = partitions;
    return send(message);
}

void CoordinatorLink::Impl::on_in_sync_answer(InSyncRequest request, wire::Reader& reader, Nanos now) {
    AlterPartitionsResponse response;
    const bool decoded = wire::decode(reader, response, 0);
    auto same = [](const AlteredPartition& answered, const InSyncProposal& asked) {
        return answered.topic == asked.topic && answered.partition == asked.partition;
    };
    if (!decoded || (response.error == 0 && !std::ranges::equal(response.partitions, request.partitions, same))) {
        lose(request, ErrorCode::request_timed_out,
             "the coordinator's answer is malformed: the change may have been made");
        return give_up(LinkState::waiting, "the coordinator sent a malformed answer to proposals", now);
    }
    InSyncResult result{.token = request.token, .error = ErrorCode{response.error}, .message = {}, .partitions = {}};
    if (result.error == ErrorCode::broker_id_not_registered) {
        lose(request, result.error, "the session ended: this broker was fenced");
        return give_up(LinkState::waiting, "the session ended: this broker was fenced", now);
    }
    for (const AlteredPartition& partition : response.partitions) {
        auto& out = result.partitions.emplace_back();
        out.topic = partition.topic;
        out.partition = partition.partition;
        out.error = ErrorCode{partition.error};
        out.message = partition.message.value_or("");
        out.leader = NodeId{partition.leader};
        out.leader_epoch = LeaderEpoch{partition.leader_epoch};
        for (int32_t id : partition.isr) out.isr.push_back(NodeId{id});
        out.partition_epoch = partition.partition_epoch;
    }
    in_sync_results.push_back(std::move(result));
}

void CoordinatorLink::Impl::lose(const InSyncRequest& request, ErrorCode error, std::string message) {
    in_sync_results.push_back({.token = request.token, .error = error, .message = std::move(message),
                               .partitions = {}});
}

void CoordinatorLink::Impl::lose_all_in_sync() {
    constexpr const char* why = "the connection to the coordinator ended: the change may have been made";
    for (const auto& [id, request] : in_sync_under_way) lose(request, ErrorCode::request_timed_out, why);
    for (const InSyncRequest& request : in_sync_waiting) lose(request, ErrorCode::request_timed_out, why);
    in_sync_under_way.clear();
    in_sync_waiting.clear();
}

}  // namespace penstock::broker
