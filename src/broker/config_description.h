// How the configs of a topic and of this broker are described to clients: values, where they come from, what they mean.
//
// Pure functions into an arena; null when it has no room. DescribeConfigs, and the answer to CreateTopics, show what
// they return. What a topic has not set comes from the broker's settings, or is Kafka's default.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "broker/cluster_view.h"
#include "broker/options.h"
#include "wire/kafka/describe_configs.h"

namespace penstock::broker {

using ConfigDescription = wire::kafka::DescribeConfigsResponse::Config;
using ConfigDescriptions = std::optional<std::span<ConfigDescription>>;

struct ConfigQuery {
    std::span<const std::string_view> keys = {};  ///< empty: all
    bool synonyms = false;
    bool documentation = false;

    bool wants(std::string_view name) const;
    size_t count_max(size_t all) const { return keys.empty() ? all : std::min(all, keys.size()); }
};

/// `set`: what the topic, of so many replicas, has set itself; it must live as long as the descriptions.
ConfigDescriptions describe_topic_configs(std::span<const ConfigEntry> set, size_t replicas,
                                          const BrokerOptions& options, const ConfigQuery& query, Arena& arena);

/// The configs of Kafka's brokers that say what this one does. All are read-only: they come from its file.
ConfigDescriptions describe_broker_configs(const BrokerOptions& options, const ClusterView& view,
                                           const ConfigQuery& query, Arena& arena);

}  // namespace penstock::broker
