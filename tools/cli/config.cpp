// penstock config get|set|unset
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/config_client.h"
#include "cli/options.h"
#include "cli/table.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;
using wire::kafka::ConfigSource;

using Configs = std::vector<ConfigValue>;

std::string_view source_text(ConfigSource source) {
    switch (source) {
        case ConfigSource::topic: return "topic";
        case ConfigSource::broker: return "broker";
        case ConfigSource::default_broker: return "all brokers";
        case ConfigSource::static_broker: return "broker's file";
        case ConfigSource::initial: return "default";
        case ConfigSource::broker_logger:
        case ConfigSource::client_metrics:
        case ConfigSource::group:
        case ConfigSource::unknown: break;
    }
    return "other";
}

Json config_json(const ConfigValue& config) {
    Json json{{"config", config.name}, {"value", config.value ? Json(*config.value) : Json()},
              {"source", source_text(config.source)}, {"read_only", config.read_only}};
    if (!config.documentation.empty()) json["documentation"] = config.documentation;
    return json;
}

Json configs_json(const Configs& configs) {
    Json json = Json::array();
    for (const ConfigValue& config : configs) json.push_back(config_json(config));
    return json;
}

std::string configs_text(const Configs& configs) {
    Table table({{"CONFIG"}, {"VALUE"}, {"SOURCE"}});
    for (const ConfigValue& config : configs)
        table.add({config.name, config.value.value_or("(secret)"), std::string(source_text(config.source))});
    return table.text();
}

/// What somebody has decided, as opposed to what is so by default.
bool is_set(const ConfigValue& config) { return config.source != ConfigSource::initial; }

Outcome<int> get_topic(Context& context, const std::string& topic, bool all) {
    Client client(context.globals);
    auto configs = topic_configs(client, topic, client.deadline());
    if (!configs) return std::unexpected(configs.error());
    if (!all) std::erase_if(*configs, [](const ConfigValue& config) { return config.source != ConfigSource::topic; });
    if (context.globals.json) {
        const Json json{{"topic", topic}, {"configs", configs_json(*configs)}};
        context.out.write(json.dump(2) + "\n");
    } else if (configs->empty()) {
        context.out.write(
            fmt::format("Topic '{}' has no configs of its own. --all shows what applies to it.\n", topic));
    } else {
        context.out.write(configs_text(*configs));
    }
    return exit_ok;
}

Outcome<int> get_broker(Context& context, int64_t wanted, bool all) {
    Client client(context.globals);
    const Deadline deadline = client.deadline();
    const auto cluster = client.describe(deadline);
    if (!cluster) return std::unexpected(cluster.error());
    Json json = Json::array();
    std::string text;
    for (const BrokerInfo& broker : cluster->brokers) {
        if (wanted >= 0 && broker.id != wanted) continue;
        auto configs = broker_configs(client, broker.id, deadline);
        if (!configs) return std::unexpected(configs.error());
        if (!all) std::erase_if(*configs, [](const ConfigValue& config) { return !is_set(config); });
        json.push_back({{"broker", broker.id}, {"configs", configs_json(*configs)}});
        text += fmt::format("{}Broker {}\n{}", text.empty() ? "" : "\n", broker.id, configs_text(*configs));
    }
    if (json.empty()) return refuse(fmt::format("there is no broker {}", wanted), "See 'penstock cluster status'.");
    context.out.write(context.globals.json ? json.dump(2) + "\n" : text);
    return exit_ok;
}

/// The edits, made, and what the configs are then.
Outcome<int> edit(Context& context, const std::string& topic, const std::vector<ConfigEdit>& edits) {
    Client client(context.globals);
    const Deadline deadline = client.deadline();
    const auto before = topic_configs(client, topic, deadline);
    if (!before) return std::unexpected(before.error());
    // Kafka removes what nobody has heard of without a word: a typing error would look like success.
    for (const ConfigEdit& edit : edits)
        if (!edit.value && find_config(*before, edit.name) == nullptr)
            return std::unexpected(unknown_config(edit.name, *before));
    if (auto done = edit_topic_configs(client, topic, edits, deadline); !done) {
        const bool refused = done.error().kafka_error == static_cast<int16_t>(ErrorCode::invalid_config);
        const auto unknown = std::ranges::find_if(
            edits, [&](const ConfigEdit& edit) { return find_config(*before, edit.name) == nullptr; });
        if (refused && unknown != edits.end()) return std::unexpected(unknown_config(unknown->name, *before));
        return std::unexpected(std::move(done.error()));
    }
    const auto after = topic_configs(client, topic, deadline);
    if (!after) return std::unexpected(after.error());
    Json json{{"topic", topic}, {"configs", Json::array()}};
    std::string text;
    for (const ConfigEdit& edit : edits) {
        const ConfigValue* now = find_config(*after, edit.name);
        if (now == nullptr) continue;   // a name that is shown only where it is set
        json["configs"].push_back(config_json(*now));
        text += fmt::format("{} of topic '{}' is {}{}.\n", edit.name, topic,
                            printable(now->value.value_or("secret")), edit.value ? "" : " again, its default");
    }
    context.out.write(context.globals.json ? json.dump(2) + "\n" : text);
    return exit_ok;
}

/// Names that occur twice would each undo the other.
Outcome<int> edit_once_each(Context& context, const std::string& topic, const std::vector<ConfigEdit>& edits) {
    std::vector<std::string> names;
    for (const ConfigEdit& edit : edits) names.push_back(edit.name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice != names.end()) return misuse(fmt::format("'{}' is given more than once", printable(*twice)));
    return edit(context, topic, edits);
}

std::string pair_fault(std::string& text) {
    if (parse_pair(text)) return {};
    return fmt::format("'{}' is not NAME=VALUE; 'penstock config unset' goes back to a default", printable(text));
}

std::string name_fault(std::string& text) {
    if (!text.empty() && text.find('=') == std::string::npos) return {};
    return fmt::format("'{}' is no name of a config", printable(text));
}

struct Arguments {
    std::string topic;
    std::vector<std::string> configs;
    int64_t broker = -1;
    bool all = false;
};

void add_get(CLI::App& noun, Selected& selected) {
    CLI::App* verb = noun.add_subcommand("get", "Show configs, and where their values come from");
    verb->require_subcommand(1);
    auto arguments = std::make_shared<Arguments>();
    CLI::App* topic = verb->add_subcommand("topic", "What a topic has set, or all that applies to it");
    add_topic_name(*topic, arguments->topic);
    topic->add_flag("--all", arguments->all, "Also what it has not set");
    add_examples(*topic,
                 "  penstock config get topic games\n"
                 "  penstock config get topic games --all --json | jq -r '.configs[].config'");
    topic->callback([arguments, &selected] {
        selected = [arguments](Context& c) { return get_topic(c, arguments->topic, arguments->all); };
    });
    CLI::App* broker = verb->add_subcommand("broker", "What brokers were started with; it is set in their files");
    add_number(*broker, "ID", arguments->broker, 0, INT32_MAX, "Id of a broker (default: each of them)", false);
    broker->add_flag("--all", arguments->all, "Also what is as it is by default");
    add_examples(*broker,
                 "  penstock config get broker\n"
                 "  penstock config get broker 1 --all");
    broker->callback([arguments, &selected] {
        selected = [arguments](Context& c) { return get_broker(c, arguments->broker, arguments->all); };
    });
    add_examples(*verb,
                 "  penstock config get topic games --all\n"
                 "  penstock config get broker 1");
}

void add_edit(CLI::App& verb, Selected& selected, bool sets, const std::string& examples) {
    verb.require_subcommand(1);
    auto arguments = std::make_shared<Arguments>();
    CLI::App* topic = verb.add_subcommand("topic", sets ? "Set configs of a topic; all of them are changed, or none"
                                                        : "Bring configs of a topic back to their defaults");
    add_topic_name(*topic, arguments->topic);
    topic->add_option(sets ? "CONFIG=VALUE" : "CONFIG", arguments->configs, "One or more")
        ->required()
        ->type_name("")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(CLI::Validator(sets ? pair_fault : name_fault, ""));
    add_examples(*topic, examples);
    topic->callback([arguments, sets, &selected] {
        selected = [arguments, sets](Context& c) {
            std::vector<ConfigEdit> edits;
            for (const std::string& text : arguments->configs) {
                if (!sets) {
                    edits.push_back({.name = text, .value = std::nullopt});
                    continue;
                }
                const auto [name, value] = *parse_pair(text);
                edits.push_back({.name = name, .value = value});
            }
            return edit_once_each(c, arguments->topic, edits);
        };
    });
    add_examples(verb, examples);
}

}  // namespace

void add_config(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("config", "Show and change configs of topics, show those of brokers");
    noun->require_subcommand(1);
    add_get(*noun, selected);
    add_edit(*noun->add_subcommand("set", "Set configs of a topic"), selected, true,
             "  penstock config set topic games retention.ms=86400000\n"
             "  penstock config set topic games cleanup.policy=compact,delete max.message.bytes=2000000");
    add_edit(*noun->add_subcommand("unset", "Bring configs of a topic back to their defaults"), selected, false,
             "  penstock config unset topic games retention.ms\n"
             "  penstock config unset topic games cleanup.policy max.message.bytes");
    add_examples(*noun,
                 "  penstock config get topic games --all\n"
                 "  penstock config set topic games retention.ms=86400000\n"
                 "  penstock config unset topic games retention.ms\n"
                 "  penstock config get broker 1");
}

}  // namespace penstock::cli
