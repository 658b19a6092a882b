#include "broker/config_description.h"

#include <algorithm>
#include <string>

#include "broker/broker_config_rows.h"
#include "broker/topic_config_rows.h"
#include "limits.h"

namespace penstock::broker {

namespace {

using wire::kafka::ConfigSource;
using Synonym = wire::kafka::DescribeConfigsResponse::Synonym;

constexpr size_t synonyms_max = 3;

/// One value as it is found: the topic's own, then what the broker's settings say, then Kafka's default.
struct Found {
    std::string_view name;
    const ConfigEntry* own = nullptr;
    std::string own_shown;
    std::string_view broker_name;  ///< empty: brokers have no such config
    std::string setting;           ///< what applies without an own value
    std::string_view initial;
};

bool is_setting(const Found& found) { return found.setting != found.initial; }

std::string_view kept(Arena& arena, bool& room, std::string_view text) {
    const std::string_view copy = arena.copy(text);
    room &= copy.size() == text.size();
    return copy;
}

bool describe(const Found& found, const ConfigQuery& query, Arena& arena, ConfigDescription& out) {
    bool room = true;
    const std::string_view setting = kept(arena, room, found.setting);
    out.name = found.name;
    out.value = found.own != nullptr ? kept(arena, room, found.own_shown) : setting;
    out.source = found.own != nullptr  ? ConfigSource::topic
                 : is_setting(found) ? ConfigSource::static_broker
                                     : ConfigSource::initial;
    if (!query.synonyms) return room;
    auto synonyms = arena.make_array<Synonym>(synonyms_max);
    if (synonyms.size() != synonyms_max) return false;
    size_t count = 0;
    if (found.own != nullptr) synonyms[count++] = {found.name, out.value, ConfigSource::topic};
    if (!found.broker_name.empty()) {
        if (is_setting(found)) synonyms[count++] = {found.broker_name, setting, ConfigSource::static_broker};
        if (!found.initial.empty()) synonyms[count++] = {found.broker_name, found.initial, ConfigSource::initial};
    }
    out.synonyms = synonyms.first(count);
    return room;
}

void add_meaning(ConfigType type, bool read_only, std::string_view documentation, const ConfigQuery& query,
                 ConfigDescription& out) {
    out.type = static_cast<int8_t>(type);
    out.read_only = read_only;
    if (query.documentation) out.documentation = documentation;
}

const ConfigEntry* find(std::span<const ConfigEntry> set, std::string_view name) {
    const auto at = std::ranges::find(set, name, &ConfigEntry::key);
    return at == set.end() ? nullptr : &*at;
}

bool describe(const TopicConfigRow& row, const ConfigEntry* own, const TopicSettings& defaults,
              const ConfigQuery& query, Arena& arena, ConfigDescription& out) {
    Found found{.name = row.name, .own = own, .broker_name = row.synonym, .setting = field_text(row, defaults),
                .initial = row.initial};
    if (own != nullptr) found.own_shown = check_value(row.rule, own->value).value_or(own->value);
    add_meaning(row.rule.type, row.effect == ConfigEffect::fixed, row.documentation, query, out);
    return describe(found, query, arena, out);
}

}  // namespace

bool ConfigQuery::wants(std::string_view name) const {
    return keys.empty() || std::ranges::find(keys, name) != keys.end();
}

ConfigDescriptions describe_topic_configs(std::span<const ConfigEntry> set, size_t replicas,
                                          const BrokerOptions& options, const ConfigQuery& query, Arena& arena) {
    const std::span<const TopicConfigRow> rows = topic_config_rows();
    const size_t most = query.count_max(rows.size() + set.size());
    auto out = arena.make_array<ConfigDescription>(most);
    if (out.size() != most) return std::nullopt;
    const TopicSettings defaults = defaults_of(options, replicas);
    size_t count = 0;
    for (const TopicConfigRow& row : rows) {
        const ConfigEntry* own = find(set, row.name);
        if (!query.wants(row.name) || (row.effect == ConfigEffect::gone && own == nullptr)) continue;
        if (!describe(row, own, defaults, query, arena, out[count++])) return std::nullopt;
    }
    for (const ConfigEntry& entry : set) {  // another version of the broker may know more names
        if (!query.wants(entry.key) || find_topic_config(entry.key) != nullptr) continue;
        const Found found{.name = entry.key, .own = &entry, .own_shown = entry.value, .broker_name = {}, .setting = {},
                          .initial = {}};
        if (!describe(found, query, arena, out[count++])) return std::nullopt;
    }
    return out.first(count);
}

ConfigDescriptions describe_broker_configs(const BrokerOptions& options, const ClusterView& view,
                                           const ConfigQuery& query, Arena& arena) {
    const std::span<const BrokerConfigRow> rows = broker_config_rows();
    const std::span<const TopicConfigRow> topic_rows = topic_config_rows();
    const size_t most = query.count_max(rows.size() + topic_rows.size());
    auto out = arena.make_array<ConfigDescription>(most);
    if (out.size() != most) return std::nullopt;
    size_t count = 0;
    for (const BrokerConfigRow& row : rows) {
        if (!query.wants(row.name)) continue;
        ConfigDescription& next = out[count++];
        add_meaning(row.type, true, row.documentation, query, next);
        const Found found{.name = row.name, .own = nullptr, .own_shown = {}, .broker_name = row.name,
                          .setting = row.value(options, view), .initial = row.initial};
        if (!describe(found, query, arena, next)) return std::nullopt;
    }
    const TopicSettings defaults = defaults_of(options, limits::replication_factor_max);
    for (const TopicConfigRow& row : topic_rows) {
        const bool acts = row.effect == ConfigEffect::served || row.effect == ConfigEffect::fixed;
        if (!acts || row.synonym.empty() || !query.wants(row.synonym)) continue;
        ConfigDescription& next = out[count++];
        add_meaning(row.rule.type, true, row.documentation, query, next);
        const Found found{.name = row.synonym, .own = nullptr, .own_shown = {}, .broker_name = row.synonym,
                          .setting = field_text(row, defaults), .initial = row.initial};
        if (!describe(found, query, arena, next)) return std::nullopt;
    }
    return out.first(count);
}

}  // namespace penstock::broker
