// Creating a topic: asked of the controller, then waited for until every partition has a leader.
#pragma once

#include <string>
#include <vector>

#include "cli/client.h"

namespace penstock::cli {

struct NewTopic {
    std::string name;
    int64_t partitions = -1;          ///< -1: the broker's default
    int64_t replication_factor = -1;  ///< -1: the broker's default
    /// The replicas of partition 0, 1, ...; empty: the cluster places them
    std::vector<std::vector<int32_t>> assignment{};
    std::vector<std::string> configs; ///< NAME=VALUE each
    bool if_not_exists = false;       ///< an existing topic is as good, whatever its partitions
};

/// The topic as it is then.
Outcome<TopicInfo> create_topic(Client& client, const NewTopic& wanted, Deadline deadline);

}  // namespace penstock::cli
