// What a broker says about the configs of topics and of itself, and how a topic's are changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"
#include "wire/kafka/config_resource.h"

namespace penstock::cli {

struct ConfigValue {
    std::string name;
    std::optional<std::string> value;  ///< nothing: it is secret
    wire::kafka::ConfigSource source = wire::kafka::ConfigSource::unknown;
    bool read_only = false;
    std::string documentation;
};

/// By name. A topic that does not exist is a failure with a suggestion.
Outcome<std::vector<ConfigValue>> topic_configs(Client& client, const std::string& topic, Deadline deadline);
Outcome<std::vector<ConfigValue>> broker_configs(Client& client, int32_t broker, Deadline deadline);

/// One to set, or to bring back to its default when there is no value.
struct ConfigEdit {
    std::string name;
    std::optional<std::string> value;
};

/// All of them or none.
Outcome<void> edit_topic_configs(Client& client, const std::string& topic, const std::vector<ConfigEdit>& edits,
                                 Deadline deadline);

/// Null if there is none of that name.
const ConfigValue* find_config(const std::vector<ConfigValue>& configs, std::string_view name);
/// "there is no config …", with the nearest name that exists.
Failure unknown_config(const std::string& name, const std::vector<ConfigValue>& configs);

}  // namespace penstock::cli
