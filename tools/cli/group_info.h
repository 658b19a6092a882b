// What the cluster says about consumer groups: the list of them, and one with its members.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/consumer_protocol.h"
#include "cli/group_client.h"

namespace penstock::cli {

using client::Assignment;

struct ListedGroup {
    std::string id, state, protocol_type;  ///< the state is empty where brokers do not tell it
};

/// The groups of all brokers, by id.
Outcome<std::vector<ListedGroup>> list_groups(Client& client, Deadline deadline);

struct GroupMemberInfo {
    std::string id, client_id, host;
    std::optional<std::string> instance_id;
    client::Assignment assignment;         ///< of consumers; empty where it is something else
};

struct GroupInfo {
    bool found = false;
    std::string state, protocol_type, protocol;
    std::vector<GroupMemberInfo> members;  ///< by id
};

Outcome<GroupInfo> describe_group(GroupClient& group, Deadline deadline);

/// "there is no group …", with the nearest id that exists.
Failure unknown_group(Client& client, const std::string& id, Deadline deadline);

}  // namespace penstock::cli
