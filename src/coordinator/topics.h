// Creating, deleting and altering topics: the rules, over the state. Errors are Kafka's, one per topic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "coordinator/state.h"
#include "wire/kafka/errors.h"
#include "wire/node/topics.h"

namespace penstock::coordinator {

struct TopicDefaults {
    int32_t partitions = 1;
    int16_t replication_factor = 1;
    int16_t internal_replication_factor = 3;   ///< of internal topics, as far as there are brokers
};

struct TopicOutcome {
    std::string name;
    Uuid id;
    wire::kafka::ErrorCode error = wire::kafka::ErrorCode::none;
    std::string message;
    int32_t partitions = -1;         ///< of created and altered topics, with what follows
    int16_t replication_factor = -1;
    Configs configs;
};

/// Kafka's rule: 1 to 249 of [a-zA-Z0-9._-], but not "." or "..".
bool is_topic_name(std::string_view name);

/// Led by the first of its replicas. All of them have all that there is, which is nothing, and so are in sync; but not
/// one that cannot be reached, which would hold up the first records.
Partition new_partition(const State& state, const std::vector<NodeId>& replicas);

/// Each topic is created or refused on its own; in the order of the request. With validate_only nothing changes, and
/// the ids in the answer are zero.
std::vector<TopicOutcome> create_topics(State& state, const wire::node::CreateTopicsRequest& request,
                                        const TopicDefaults& defaults, Random& random);

std::vector<TopicOutcome> delete_topics(State& state, const wire::node::DeleteTopicsRequest& request);

/// Each topic is altered or refused on its own. With validate_only nothing changes.
std::vector<TopicOutcome> alter_topic_configs(State& state, const wire::node::AlterTopicConfigsRequest& request);

}  // namespace penstock::coordinator
