// Adding partitions to topics: the rules, over the state. Errors are Kafka's, one per topic.
#pragma once

#include <vector>

#include "coordinator/topics.h"

namespace penstock::coordinator {

/// Each topic grows or is refused on its own; in the order of the request. With validate_only nothing changes. The old
/// partitions stay as they are.
std::vector<TopicOutcome> create_partitions(State& state, const wire::node::CreatePartitionsRequest& request);

}  // namespace penstock::coordinator
