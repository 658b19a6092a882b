// The table of topic configs: every name that Kafka 4 knows, and our own durability; values, default, what it means.
//
// Constant. Validation, the settings that a topic's shards act upon, and DescribeConfigs all read this one table, so
// a config is added by adding its row (and its field, if it is served).
#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "broker/config_value.h"
#include "broker/topic_config.h"

namespace penstock::broker {

enum class ConfigEffect : uint8_t {
    served,  ///< acted upon
    none,    ///< tunes files as Kafka has them: taken, since scripts set it, and without effect
    gone,    ///< as none; Kafka 4 knows it no more, so it is shown only where it is set
    fixed,   ///< a change would be noticed and is not served: the default is the only value
};

/// Where a served number goes.
using SettingField =
    std::variant<std::monostate, int64_t log::LogConfig::*, uint64_t log::LogConfig::*, double log::LogConfig::*,
                 int64_t TopicSettings::*, uint32_t TopicSettings::*, int32_t TopicSettings::*>;

struct TopicConfigRow {
    std::string_view name;
    ConfigRule rule;
    std::string_view initial;          ///< Kafka's default, if Kafka knows it
    ConfigEffect effect = ConfigEffect::served;
    std::string_view synonym = {};     ///< the broker's config that is its default; empty: none
    SettingField field = {};
    std::string_view documentation = {};
};

/// In the order of their names.
std::span<const TopicConfigRow> topic_config_rows();
/// Null for a name that is not in the table.
const TopicConfigRow* find_topic_config(std::string_view name);

/// The number that a row's field holds, as text; the row's default if it has no field.
std::string field_text(const TopicConfigRow& row, const TopicSettings& settings);
/// A value that the row's rule allows.
void set_field(const TopicConfigRow& row, std::string_view value, TopicSettings& settings);

}  // namespace penstock::broker
