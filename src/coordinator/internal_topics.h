// Kafka's internal topics get more replicas as brokers join: the first broker of a cluster makes them when it is alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "coordinator/state.h"

namespace penstock::coordinator {

bool is_internal_topic(std::string_view name);

/// Begins to bring the partitions of internal topics to `replication_factor` replicas, or as many as there are brokers,
/// at most `raises_max` of them. How many it began. The new replicas count once their leaders have proved them in sync.
uint32_t raise_internal_topics(State& state, int16_t replication_factor, uint32_t raises_max);

}  // namespace penstock::coordinator
