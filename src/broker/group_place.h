// Where a consumer group lives: on the shard that owns its partition of the internal topic.
#pragma once

#include <string_view>

#include "broker/place.h"

namespace penstock::broker {

/// Kafka's name for it, so that Kafka's tools read it.
inline constexpr std::string_view offsets_topic = "__consumer_offsets";

/// Clients may read it, but neither write to it nor delete it.
constexpr bool is_internal_topic(std::string_view name) { return name == offsets_topic; }

/// Kafka's rule, so that every tool looks for a group where it is: Java's hash of the id, without its sign.
int32_t group_partition(std::string_view group_id, int32_t partitions);

/// error: coordinator_not_available while the topic does not exist, not_coordinator if another broker leads.
Place find_group(const Serving& serving, std::string_view group_id);

}  // namespace penstock::broker
