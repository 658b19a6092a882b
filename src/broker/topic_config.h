// Topic configs: which names there are, which values they take, and what a topic's set of them means to the broker.
//
// Pure functions over one table (topic_config_rows.h). A name or value that would change what clients observe and is
// not served is refused with the reason; one that only tunes Kafka's own files is accepted and has no effect, so that
// existing scripts work.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "broker/cluster_view.h"
#include "broker/options.h"
#include "log/store.h"

namespace penstock::broker {

/// A topic's configs as the broker acts on them.
struct TopicSettings {
    log::LogConfig log;
    uint32_t max_message_bytes = 1'048'588;   ///< Kafka's default: 1 MiB and a batch header's prefix
    bool log_append_time = false;             ///< message.timestamp.type
    int64_t timestamp_before_max_ms = INT64_MAX;
    int64_t timestamp_after_max_ms = 3'600'000;
    int32_t min_insync_replicas = 1;
};

/// Why `value` may not be set for `key`, as a sentence for the client; nothing when it may.
std::optional<std::string> config_problem(std::string_view key, std::string_view value);

/// Why this topic may not have these together, each of them being allowed.
std::optional<std::string> configs_problem(std::string_view topic, std::span<const ConfigEntry> configs);

/// What applies to a topic with so many replicas that sets nothing. Unless somebody says so, one replica may always be
/// away: a topic must not stop with the first broker.
TopicSettings defaults_of(const BrokerOptions& options, size_t replicas);

/// Values that do not parse (a coordinator of another version wrote them) leave the default.
TopicSettings settings_of(const TopicView& topic, const BrokerOptions& options);

/// Kafka's rule: 1 to 249 of a-z A-Z 0-9 . _ - and neither "." nor "..".
bool is_topic_name(std::string_view name);

}  // namespace penstock::broker
