// Adding partitions to a topic: asked of the controller, then waited for until every partition has a leader.
#pragma once

#include <string>

#include "cli/client.h"

namespace penstock::cli {

struct GrownTopic {
    TopicInfo topic;          ///< as it is then
    size_t partitions_before = 0;
};

/// `partitions` is how many it is to have, the old ones among them.
Outcome<GrownTopic> grow_topic(Client& client, const std::string& name, int64_t partitions, Deadline deadline);

}  // namespace penstock::cli
