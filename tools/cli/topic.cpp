// penstock topic create|list|describe|alter|delete
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/create_topic.h"
#include "cli/grow_topic.h"
#include "cli/offsets.h"
#include "cli/options.h"
#include "cli/partition_client.h"
#include "cli/partition_values.h"
#include "cli/table.h"
#include "wire/kafka/delete_topics.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string numbers(const std::vector<int32_t>& list) { return fmt::format("{}", fmt::join(list, ",")); }

Outcome<int> create(Context& context, const NewTopic& wanted) {
    Client client(context.globals);
    const auto topic = create_topic(client, wanted, client.deadline());
    if (!topic) return std::unexpected(topic.error());
    const size_t replicas = topic->partitions.empty() ? 0 : topic->partitions.front().replicas.size();
    if (context.globals.json) {
        const Json json{{"topic", topic->name}, {"id", topic->id.text()}, {"partitions", topic->partitions.size()},
                        {"replication_factor", replicas}};
        context.out.write(json.dump() + "\n");
    } else {
        context.out.write(fmt::format("Topic '{}' is ready: {} partition{}, replication factor {}.\n", topic->name,
                                      topic->partitions.size(), topic->partitions.size() == 1 ? "" : "s", replicas));
    }
    return exit_ok;
}

Outcome<int> list_topics(Context& context, bool internal) {
    Client client(context.globals);
    const auto cluster = client.describe(client.deadline());
    if (!cluster) return std::unexpected(cluster.error());
    Table table({{"TOPIC"}, {"PARTITIONS", true}, {"REPLICATION", true}, {"ID"}});
    Json json = Json::array();
    for (const TopicInfo& topic : cluster->topics) {
        if (topic.internal && !internal) continue;
        const size_t replicas = topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
        const std::string id = topic.id.is_zero() ? "" : topic.id.text();
        table.add({topic.name, std::to_string(topic.partitions.size()), std::to_string(replicas), id});
        json.push_back({{"topic", topic.name}, {"partitions", topic.partitions.size()},
                        {"replication_factor", replicas},
                        {"id", id}, {"internal", topic.internal}});
    }
    if (context.globals.json) context.out.write(json.dump(2) + "\n");
    else if (table.empty()) context.out.write("No topics yet. Create one with 'penstock topic create NAME'.\n");
    else context.out.write(table.text());
    return exit_ok;
}

/// What `describe` shows of a topic beside its metadata.
struct Details {
    std::map<int32_t, int64_t> start, end;         ///< of the partitions that have a leader
    std::map<int32_t, Reassignment> reassigning;   ///< of those where one is under way
};

Outcome<Details> details_of(Client& client, const TopicInfo& topic, Deadline deadline) {
    Details details;
    std::vector<int32_t> led;
    for (const PartitionInfo& p : topic.partitions)
        if (p.leader >= 0) led.push_back(p.index);
    if (led.size() == topic.partitions.size()) {
        auto start = list_offsets(client, topic.name, led, wire::kafka::earliest_timestamp, deadline);
        if (!start) return std::unexpected(std::move(start.error()));
        auto end = list_offsets(client, topic.name, led, wire::kafka::latest_timestamp, deadline);
        if (!end) return std::unexpected(std::move(end.error()));
        details.start = std::move(*start);
        details.end = std::move(*end);
    }
    auto connection = client.any(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    if (!(*connection)->offers(ApiKey::list_partition_reassignments)) return details;
    const auto under_way = list_reassignments(client, deadline);
    if (!under_way) return std::unexpected(under_way.error());
    for (const Reassignment& one : *under_way)
        if (one.name.topic == topic.name) details.reassigning[one.name.partition] = one;
    return details;
}

Json describe_json(const TopicInfo& topic, const Details& details) {
    Json json{{"topic", topic.name}, {"id", topic.id.text()}, {"internal", topic.internal},
              {"partitions", Json::array()}};
    const auto offset = [](const std::map<int32_t, int64_t>& offsets, int32_t partition) -> Json {
        const auto at = offsets.find(partition);
        return at == offsets.end() ? Json() : Json(at->second);
    };
    for (const PartitionInfo& p : topic.partitions) {
        json["partitions"].push_back({{"partition", p.index}, {"leader", p.leader}, {"leader_epoch", p.leader_epoch},
                                      {"replicas", p.replicas}, {"in_sync", p.in_sync}, {"offline", p.offline},
                                      {"start_offset", offset(details.start, p.index)},
                                      {"end_offset", offset(details.end, p.index)}});
        const auto moving = details.reassigning.find(p.index);
        if (moving == details.reassigning.end()) continue;
        json["partitions"].back()["adding"] = moving->second.adding;
        json["partitions"].back()["removing"] = moving->second.removing;
    }
    return json;
}

std::string moving_text(const Details& details, int32_t partition) {
    const auto moving = details.reassigning.find(partition);
    if (moving == details.reassigning.end()) return "";
    std::string text;
    if (!moving->second.adding.empty()) text = "+" + numbers(moving->second.adding);
    if (moving->second.removing.empty()) return text;
    return text + (text.empty() ? "-" : " -") + numbers(moving->second.removing);
}

std::string describe_text(const TopicInfo& topic, const Details& details) {
    std::vector<Column> columns{{"PARTITION", true}, {"LEADER", true}, {"EPOCH", true}, {"REPLICAS"}, {"IN-SYNC"},
                                {"START", true}, {"END", true}, {"OFFSETS", true}};
    if (!details.reassigning.empty()) columns.push_back({"REASSIGNING"});
    Table table(columns);
    for (const PartitionInfo& p : topic.partitions) {
        const auto start = details.start.find(p.index);
        const auto end = details.end.find(p.index);
        const bool known = start != details.start.end() && end != details.end.end();
        std::vector<std::string> row{std::to_string(p.index), p.leader < 0 ? "none" : std::to_string(p.leader),
                                     std::to_string(p.leader_epoch), numbers(p.replicas), numbers(p.in_sync),
                                     known ? std::to_string(start->second) : "-",
                                     known ? std::to_string(end->second) : "-",
                                     known ? std::to_string(end->second - start->second) : "-"};
        if (!details.reassigning.empty()) row.push_back(moving_text(details, p.index));
        table.add(std::move(row));
    }
    const std::string id = topic.id.is_zero() ? "" : "   id " + topic.id.text();
    return fmt::format("Topic {}{}\n{}", topic.name, id, table.text());
}

Outcome<int> describe(Context& context, const std::vector<std::string>& names) {
    Client client(context.globals);
    Json json = Json::array();
    std::string text;
    for (const std::string& name : names) {
        const Deadline deadline = client.deadline();
        const auto topic = client.topic_as_it_is(name, deadline);
        if (!topic) return std::unexpected(topic.error());
        const auto details = details_of(client, *topic, deadline);
        if (!details) return std::unexpected(details.error());
        if (context.globals.json) json.push_back(describe_json(*topic, *details));
        else text += (text.empty() ? "" : "\n") + describe_text(*topic, *details);
    }
    context.out.write(context.globals.json ? json.dump(2) + "\n" : text);
    return exit_ok;
}

Outcome<void> delete_once(Client& client, const std::string& name, bool if_exists, bool& asked_before,
                          Deadline deadline) {
    auto connection = client.controller(deadline);
    if (!connection) return std::unexpected(std::move(connection.error()));
    wire::kafka::DeleteTopicsRequest::Topic topic;
    topic.name = name;
    const std::string_view view = name;
    wire::kafka::DeleteTopicsRequest request;
    request.topics = {&topic, 1};
    request.topic_names = {&view, 1};
    request.timeout_ms = client.timeout_ms();
    const bool repeated = std::exchange(asked_before, true);
    const auto reply = (*connection)->call<wire::kafka::DeleteTopicsResponse>(request, deadline);
    if (!reply) {
        if (reply.error().connection_lost) client.drop(*connection);
        return std::unexpected(reply.error());
    }
    for (const auto& result : reply->message.topics) {
        if (result.name.value_or("") != name) continue;
        const bool absent = result.error_code == ErrorCode::unknown_topic_or_partition;
        if (result.error_code == ErrorCode::none || (absent && (repeated || if_exists))) return {};
        if (absent) return std::unexpected(client.unknown_topic(name, "Use --if-exists to accept that.", deadline));
        return std::unexpected(
            refusal(fmt::format("cannot delete topic '{}'", name), result.error_code, result.error_message));
    }
    return refuse(fmt::format("the broker did not say whether it deleted '{}'", name));
}

Outcome<int> delete_topics(Context& context, const std::vector<std::string>& names, bool if_exists) {
    Client client(context.globals);
    Json json = Json::array();
    for (const std::string& name : names) {
        const Deadline deadline = client.deadline();
        bool asked_before = false;
        const auto done =
            client.retry(deadline, [&] { return delete_once(client, name, if_exists, asked_before, deadline); });
        if (!done) return std::unexpected(done.error());
        if (context.globals.json) json.push_back({{"topic", name}, {"deleted", true}});
        else context.out.write(fmt::format("Topic '{}' is deleted.\n", name));
    }
    if (context.globals.json) context.out.write(json.dump(2) + "\n");
    return exit_ok;
}

Outcome<int> alter(Context& context, const std::string& name, int64_t partitions) {
    Client client(context.globals);
    const auto grown = grow_topic(client, name, partitions, client.deadline());
    if (!grown) return std::unexpected(grown.error());
    const size_t now = grown->topic.partitions.size();
    if (context.globals.json) {
        const Json json{{"topic", name}, {"partitions", now}, {"partitions_before", grown->partitions_before}};
        context.out.write(json.dump() + "\n");
    } else {
        context.out.write(fmt::format("Topic '{}' has {} partitions now, {} before. New records of a key may go to "
                                      "another partition than its old ones.\n",
                                      name, now, grown->partitions_before));
    }
    return exit_ok;
}

std::string config_fault(std::string& text) {
    return parse_pair(text) ? std::string{} : fmt::format("'{}' is not NAME=VALUE", printable(text));
}

void add_create(CLI::App& noun, Selected& selected) {
    auto options = std::make_shared<NewTopic>();
    CLI::App* verb = noun.add_subcommand("create", "Create a topic");
    add_topic_name(*verb, options->name);
    add_number(*verb, "--partitions,-p", options->partitions, 1, 100'000, "Partitions (default: the broker's)", false);
    add_number(*verb, "--replication-factor,-r", options->replication_factor, 1, 100,
               "Replicas of each partition (default: the broker's)", false);
    const auto set_assignment = [options](const std::string& text_given) {
        auto assignment = parse_assignment(text_given);
        if (!assignment) throw CLI::ValidationError("--assignment", assignment.error().message);
        options->assignment = std::move(*assignment);
    };
    verb->add_option_function<std::string>("--assignment", set_assignment,
                                           "The brokers of each partition instead, the preferred leader first")
        ->type_name("ID:ID,ID:ID,…")
        ->excludes("--partitions")
        ->excludes("--replication-factor");
    verb->add_option("--config,-c", options->configs, "A setting of the topic; may be repeated")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(CLI::Validator(config_fault, ""));
    verb->add_flag("--if-not-exists", options->if_not_exists, "Succeed if the topic is already there");
    add_examples(*verb,
                 "  penstock topic create games --partitions 3\n"
                 "  penstock topic create audit -p 12 -r 3 --config retention.ms=604800000 --if-not-exists\n"
                 "  penstock topic create ledger --assignment 1:2,2:3,3:1");
    verb->callback([options, &selected] { selected = [options](Context& c) { return create(c, *options); }; });
}

void add_list(CLI::App& noun, Selected& selected) {
    auto internal = std::make_shared<bool>(false);
    CLI::App* verb = noun.add_subcommand("list", "List topics");
    verb->add_flag("--internal", *internal, "Internal topics, too");
    add_examples(*verb,
                 "  penstock topic list\n"
                 "  penstock topic list --json | jq -r '.[].topic'");
    verb->callback([internal, &selected] { selected = [internal](Context& c) { return list_topics(c, *internal); }; });
}

CLI::Option* add_names(CLI::App& verb, std::vector<std::string>& names) {
    return verb.add_option("TOPIC", names, "Names of topics")
        ->required()
        ->type_name("")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(CLI::Validator([](std::string& name) { return topic_name_fault(name); }, ""));
}

void add_describe(CLI::App& noun, Selected& selected) {
    auto names = std::make_shared<std::vector<std::string>>();
    CLI::App* verb = noun.add_subcommand("describe", "Show a topic's partitions: leaders, replicas, moves, offsets");
    add_names(*verb, *names);
    add_examples(*verb,
                 "  penstock topic describe games\n"
                 "  penstock topic describe games audit --json");
    verb->callback([names, &selected] { selected = [names](Context& c) { return describe(c, *names); }; });
}

void add_delete(CLI::App& noun, Selected& selected) {
    auto names = std::make_shared<std::vector<std::string>>();
    auto if_exists = std::make_shared<bool>(false);
    CLI::App* verb = noun.add_subcommand("delete", "Delete topics and all their records, without asking again");
    add_names(*verb, *names);
    verb->add_flag("--if-exists", *if_exists, "Succeed if a topic is not there");
    add_examples(*verb,
                 "  penstock topic delete games\n"
                 "  penstock topic delete old-1 old-2 --if-exists");
    verb->callback([names, if_exists, &selected] {
        selected = [names, if_exists](Context& c) { return delete_topics(c, *names, *if_exists); };
    });
}

void add_alter(CLI::App& noun, Selected& selected) {
    struct Wanted {
        std::string name;
        int64_t partitions = 0;
    };
    auto wanted = std::make_shared<Wanted>();
    CLI::App* verb = noun.add_subcommand("alter", "Add partitions to a topic; its settings: 'penstock config'");
    add_topic_name(*verb, wanted->name);
    add_number(*verb, "--partitions,-p", wanted->partitions, 1, 100'000,
               "How many it is to have, the present ones among them. A key's new records may then go to another "
               "partition than its old ones",
               false)->required();
    add_examples(*verb, "  penstock topic alter games --partitions 6");
    verb->callback([wanted, &selected] {
        selected = [wanted](Context& c) { return alter(c, wanted->name, wanted->partitions); };
    });
}

}  // namespace

void add_topic(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("topic", "Create, list, describe, alter and delete topics");
    noun->require_subcommand(1);
    add_create(*noun, selected);
    add_list(*noun, selected);
    add_describe(*noun, selected);
    add_alter(*noun, selected);
    add_delete(*noun, selected);
    add_examples(*noun,
                 "  penstock topic create games --partitions 3\n"
                 "  penstock topic list\n"
                 "  penstock topic describe games");
}

}  // namespace penstock::cli
