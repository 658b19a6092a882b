#include "broker/topic_config.h"

#include <algorithm>

#include "broker/group_place.h"
#include "broker/topic_config_rows.h"
#include "limits.h"

namespace penstock::broker {

namespace {

void read_configs(std::span<const ConfigEntry> configs, TopicSettings& settings) {
    for (const ConfigEntry& config : configs) {
        const TopicConfigRow* row = find_topic_config(config.key);
        if (row == nullptr) continue;
        const auto value = check_value(row->rule, config.value);
        if (!value) continue;
        set_field(*row, *value, settings);
        if (row->name == "cleanup.policy") {
            const std::vector<std::string_view> policies = read_list(*value);
            settings.log.compact = std::ranges::find(policies, "compact") != policies.end();
            settings.log.remove_old = std::ranges::find(policies, "delete") != policies.end();
        } else if (row->name == "message.timestamp.type") {
            settings.log_append_time = *value == "LogAppendTime";
        } else if (row->name == "durability") {
            settings.log.memory = *value == "memory";
        }
    }
}

}  // namespace

std::optional<std::string> config_problem(std::string_view key, std::string_view value) {
    const TopicConfigRow* row = find_topic_config(key);
    if (row == nullptr) return "Unknown topic config name: " + std::string(key);
    const std::string given = "Invalid value " + std::string(value) + " for configuration " + std::string(key) + ": ";
    const auto shown = check_value(row->rule, value);
    if (!shown) return given + shown.error();
    if (row->effect != ConfigEffect::fixed || *shown == row->initial) return std::nullopt;
    return given + "this broker serves only " + (row->initial.empty() ? "an empty one" : std::string(row->initial));
}

std::optional<std::string> configs_problem(std::string_view topic, std::span<const ConfigEntry> configs) {
    TopicSettings settings;
    read_configs(configs, settings);
    const log::LogConfig& log = settings.log;
    if (log.memory && is_internal_topic(topic))
        return "The durability of an internal topic is disk: what groups were told must outlast a crash";
    if (log.min_compaction_lag_ms <= log.max_compaction_lag_ms) return std::nullopt;
    return "min.compaction.lag.ms (" + std::to_string(log.min_compaction_lag_ms) +
           ") is more than max.compaction.lag.ms (" + std::to_string(log.max_compaction_lag_ms) + ")";
}

TopicSettings defaults_of(const BrokerOptions& options, size_t replicas) {
    TopicSettings defaults;
    defaults.log = options.default_log;
    const auto others = static_cast<int32_t>(replicas) - 1;
    defaults.min_insync_replicas = std::clamp(others, 1, options.default_min_insync_replicas);
    return defaults;
}

TopicSettings settings_of(const TopicView& topic, const BrokerOptions& options) {
    TopicSettings settings = defaults_of(options, topic.replication_factor());
    read_configs(topic.configs, settings);
    return settings;
}

bool is_topic_name(std::string_view name) {
    if (name.empty() || name.size() > limits::topic_name_bytes_max || name == "." || name == "..") return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

}  // namespace penstock::broker
