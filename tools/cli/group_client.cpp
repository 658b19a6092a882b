#include "cli/group_client.h"

#include <optional>

#include "wire/kafka/find_coordinator.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_fetch.h"

namespace penstock::cli {

using wire::kafka::FindCoordinatorRequest;
using wire::kafka::FindCoordinatorResponse;
using wire::kafka::OffsetCommitRequest;
using wire::kafka::OffsetCommitResponse;
using wire::kafka::OffsetFetchRequest;
using wire::kafka::OffsetFetchResponse;

bool GroupClient::coordinator_moved(ErrorCode error) {
    return error == ErrorCode::coordinator_load_in_progress || error == ErrorCode::coordinator_not_available ||
           error == ErrorCode::not_coordinator;
}

Outcome<int32_t> GroupClient::find(Deadline deadline) {
    auto connection = client_.any(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    const std::string_view key = group_;
    FindCoordinatorRequest request;
    request.coordinator_key = key;
    request.coordinator_keys = {&key, 1};
    const auto reply = (*connection)->call<FindCoordinatorResponse>(request, deadline);
    if (!reply) {
        client_.drop(*connection);
        return std::unexpected(reply.error());
    }
    const FindCoordinatorResponse& found = reply->message;
    ErrorCode error = found.error_code;
    int32_t node = found.node_id;
    wire::NullableString detail = found.error_message;
    if (reply->version >= 4) {
        if (found.coordinators.size() != 1) return refuse("the broker did not say which broker has the group");
        error = found.coordinators[0].error_code;
        node = found.coordinators[0].node_id;
        detail = found.coordinators[0].error_message;
    }
    if (error != ErrorCode::none)
        return std::unexpected(refusal("the coordinator of group '" + group_ + "'", error, detail));
    return node;
}

Outcome<Connection*> GroupClient::coordinator(Deadline deadline) {
    if (coordinator_ < 0) {
        if (auto described = client_.describe(deadline); !described) return std::unexpected(described.error());
        const auto found = find(deadline);
        if (!found) return std::unexpected(found.error());
        coordinator_ = *found;
    }
    auto connection = client_.broker(coordinator_, deadline);
    if (!connection) coordinator_ = -1;
    return connection;
}

Outcome<Offsets> GroupClient::committed(const std::vector<TopicPartition>& wanted, Deadline deadline) {
    return fetch_offsets(&wanted, deadline);
}

Outcome<Offsets> GroupClient::committed(Deadline deadline) { return fetch_offsets(nullptr, deadline); }

Outcome<Offsets> GroupClient::fetch_offsets(const std::vector<TopicPartition>* wanted, Deadline deadline) {
    std::map<std::string_view, std::vector<int32_t>> by_topic;
    if (wanted != nullptr)
        for (const auto& [topic, partition] : *wanted) by_topic[topic].push_back(partition);
    std::vector<OffsetFetchRequest::Topic> topics;
    for (const auto& [topic, partitions] : by_topic) topics.push_back({topic, {}, partitions});
    OffsetFetchRequest::Group group;
    group.group_id = group_;
    if (wanted != nullptr) group.topics = topics;
    OffsetFetchRequest request;
    request.group_id = group_;
    request.topics = group.topics;
    request.groups = {&group, 1};
    const auto error_of = [](const Reply<OffsetFetchResponse>& reply) {
        return reply->groups.empty() ? reply->error_code : reply->groups.front().error_code;
    };
    const auto reply = call<OffsetFetchResponse>(request, deadline, error_of);
    if (!reply) return std::unexpected(reply.error());
    if (const ErrorCode error = error_of(*reply); error != ErrorCode::none)
        return std::unexpected(refusal("offsets of group '" + group_ + "'", error));
    const auto answered = reply->message.groups.empty() ? reply->message.topics : reply->message.groups.front().topics;
    Offsets found;
    for (const auto& topic : answered) {
        for (const auto& partition : topic.partitions) {
            const std::string name(topic.name);
            if (partition.error_code != ErrorCode::none) {
                return std::unexpected(refusal(fmt::format("the offset of group '{}' in {}/{}", group_, name,
                                                           partition.partition_index), partition.error_code));
            }
            if (partition.committed_offset >= 0) found[{name, partition.partition_index}] = partition.committed_offset;
        }
    }
    return found;
}

Outcome<ErrorCode> GroupClient::commit(const MemberName& member, const Offsets& offsets, Deadline deadline) {
    std::map<std::string_view, std::vector<OffsetCommitRequest::Partition>> by_topic;
    for (const auto& [where, offset] : offsets) {
        OffsetCommitRequest::Partition partition;
        partition.partition_index = where.second;
        partition.committed_offset = offset;
        partition.committed_metadata = "";
        by_topic[where.first].push_back(partition);
    }
    std::vector<OffsetCommitRequest::Topic> topics;
    for (const auto& [topic, partitions] : by_topic) topics.push_back({topic, {}, partitions});
    OffsetCommitRequest request;
    request.group_id = group_;
    request.generation_id = member.generation;
    request.member_id = member.member_id;
    request.topics = topics;
    const auto error_of = [](const Reply<OffsetCommitResponse>& reply) {
        for (const auto& topic : reply->topics)
            for (const auto& partition : topic.partitions)
                if (partition.error_code != ErrorCode::none) return partition.error_code;
        return ErrorCode::none;
    };
    const auto reply = call<OffsetCommitResponse>(request, deadline, error_of);
    if (!reply) return std::unexpected(reply.error());
    return error_of(*reply);
}

}  // namespace penstock::cli
