#include "cli/group_info.h"

#include <algorithm>

#include "cli/suggest.h"
#include "wire/kafka/describe_groups.h"
#include "wire/kafka/list_groups.h"

namespace penstock::cli {

using client::consumer_protocol_type;
using client::decode_assignment;

using wire::kafka::DescribeGroupsRequest;
using wire::kafka::DescribeGroupsResponse;
using wire::kafka::ListGroupsRequest;
using wire::kafka::ListGroupsResponse;

namespace {

Outcome<void> list_of(Client& client, int32_t broker, std::vector<ListedGroup>& groups, Deadline deadline) {
    auto connection = client.broker(broker, deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    const auto reply = (*connection)->call<ListGroupsResponse>(ListGroupsRequest{}, deadline);
    if (!reply) {
        client.drop(*connection);
        return std::unexpected(reply.error());
    }
    if (reply->message.error_code != ErrorCode::none)
        return std::unexpected(refusal(fmt::format("the groups of broker {}", broker), reply->message.error_code));
    for (const auto& group : reply->message.groups) {
        groups.push_back({std::string(group.group_id), std::string(group.group_state),
                          std::string(group.protocol_type)});
    }
    return {};
}

}  // namespace

Outcome<std::vector<ListedGroup>> list_groups(Client& client, Deadline deadline) {
    std::vector<ListedGroup> groups;
    const auto attempt = [&]() -> Outcome<void> {
        groups.clear();
        const auto cluster = client.describe(deadline);
        if (!cluster) return std::unexpected(cluster.error());
        for (const BrokerInfo& broker : cluster->brokers)
            if (auto listed = list_of(client, broker.id, groups, deadline); !listed) return listed;
        return {};
    };
    if (auto done = client.retry(deadline, attempt); !done) return std::unexpected(std::move(done.error()));
    std::ranges::sort(groups, {}, &ListedGroup::id);
    return groups;
}

Outcome<GroupInfo> describe_group(GroupClient& group, Deadline deadline) {
    const std::string_view id = group.group();
    DescribeGroupsRequest request;
    request.groups = {&id, 1};
    const auto error_of = [](const Reply<DescribeGroupsResponse>& reply) {
        return reply->groups.empty() ? ErrorCode::unknown_server_error : reply->groups.front().error_code;
    };
    const auto reply = group.call<DescribeGroupsResponse>(request, deadline, error_of);
    if (!reply) return std::unexpected(reply.error());
    const ErrorCode error = error_of(*reply);
    GroupInfo info;
    if (error == ErrorCode::group_id_not_found) return info;
    if (error != ErrorCode::none) return std::unexpected(refusal(fmt::format("group '{}'", group.group()), error));
    const auto& described = reply->message.groups.front();
    info.found = described.group_state != "Dead";
    info.state = described.group_state;
    info.protocol_type = described.protocol_type;
    info.protocol = described.protocol_data;
    for (const auto& member : described.members) {
        GroupMemberInfo& out = info.members.emplace_back();
        out.id = member.member_id;
        out.client_id = member.client_id;
        out.host = member.client_host;
        if (member.group_instance_id) out.instance_id = std::string(*member.group_instance_id);
        if (info.protocol_type == client::consumer_protocol_type)
            out.assignment = client::decode_assignment(member.member_assignment).value_or(client::Assignment());
    }
    std::ranges::sort(info.members, {}, &GroupMemberInfo::id);
    return info;
}

Failure unknown_group(Client& client, const std::string& id, Deadline deadline) {
    Failure failure{.message = fmt::format("there is no group '{}'", printable(id)),
                    .hint = "See 'penstock group list'."};
    if (const auto groups = list_groups(client, deadline)) {
        std::vector<std::string> ids;
        for (const ListedGroup& group : *groups) ids.push_back(group.id);
        if (const std::string meant = did_you_mean(id, ids); !meant.empty()) failure.hint = meant;
    }
    return failure;
}

}  // namespace penstock::cli
