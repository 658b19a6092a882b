#include "broker/config_change.h"

#include <algorithm>
#include <map>

#include "broker/topic_config_rows.h"

namespace penstock::broker {

namespace {

using wire::kafka::AlterOperation;
using Configs = std::map<std::string, std::string, std::less<>>;

std::string joined(const std::vector<std::string_view>& parts) {
    std::string text;
    for (const std::string_view part : parts) {
        if (!text.empty()) text += ',';
        text += part;
    }
    return text;
}

/// The list with parts added or taken out. What is not set begins as its default, as in Kafka.
std::string changed_list(std::string_view list, AlterOperation operation, std::string_view value) {
    std::vector<std::string_view> parts = read_list(list);
    for (const std::string_view part : read_list(value)) {
        const auto at = std::ranges::find(parts, part);
        if (operation == AlterOperation::append && at == parts.end()) parts.push_back(part);
        if (operation == AlterOperation::subtract && at != parts.end()) parts.erase(at);
    }
    return joined(parts);
}

std::optional<std::string> apply(const ConfigOperation& change, Configs& configs) {
    const auto at = configs.find(change.name);
    if (change.operation == AlterOperation::remove) {
        if (at != configs.end()) configs.erase(at);
        return std::nullopt;
    }
    std::string value(change.value.value_or(std::string_view()));
    if (change.operation != AlterOperation::set) {
        const TopicConfigRow* row = find_topic_config(change.name);
        if (row == nullptr) return config_problem(change.name, value);
        if (row->rule.type != ConfigType::list)
            return "The configuration " + std::string(change.name) + " is no list: it cannot be appended to or "
                   "subtracted from";
        value = changed_list(at != configs.end() ? std::string_view(at->second) : row->initial, change.operation,
                             value);
    }
    configs.insert_or_assign(std::string(change.name), std::move(value));
    return std::nullopt;
}

}  // namespace

std::expected<std::vector<ConfigEntry>, std::string> changed_configs(std::span<const ConfigEntry> current,
                                                                     const ConfigsChange& change) {
    Configs configs;
    if (!change.replaces)
        for (const ConfigEntry& entry : current) configs.emplace(entry.key, entry.value);
    for (const ConfigOperation& operation : change.operations)
        if (auto problem = apply(operation, configs)) return std::unexpected(std::move(*problem));
    std::vector<ConfigEntry> outcome;
    for (auto& [name, value] : configs) {
        if (auto problem = config_problem(name, value)) return std::unexpected(std::move(*problem));
        outcome.push_back({name, std::move(value)});
    }
    if (auto problem = configs_problem(change.topic, outcome)) return std::unexpected(std::move(*problem));
    return outcome;
}

}  // namespace penstock::broker
