// penstock group list|describe|delete|reset-offsets
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/group_info.h"
#include "cli/group_reset.h"
#include "cli/offsets.h"
#include "cli/options.h"
#include "cli/table.h"
#include "wire/kafka/delete_groups.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

Outcome<int> list(Context& context) {
    Client client(context.globals);
    const auto groups = list_groups(client, client.deadline());
    if (!groups) return std::unexpected(groups.error());
    Table table({{"GROUP"}, {"STATE"}, {"PROTOCOL"}});
    Json json = Json::array();
    for (const ListedGroup& group : *groups) {
        table.add({group.id, group.state, group.protocol_type});
        json.push_back({{"group", group.id}, {"state", group.state}, {"protocol_type", group.protocol_type}});
    }
    if (context.globals.json) context.out.write(json.dump(2) + "\n");
    else if (table.empty()) context.out.write("No groups yet. 'penstock consume TOPIC --group NAME' makes one.\n");
    else context.out.write(table.text());
    return exit_ok;
}

/// One partition that the group has committed, or reads.
struct ReadProgress {
    TopicPartition where;
    std::optional<int64_t> committed, end;  ///< no end: the topic is gone
    std::string member;                     ///< who reads it; empty: nobody

    std::optional<int64_t> lag() const {
        if (!committed || !end) return {};
        return std::max<int64_t>(0, *end - *committed);
    }
};

Outcome<std::vector<ReadProgress>> progress_of(GroupClient& group, const GroupInfo& info, Deadline deadline) {
    const auto committed = group.committed(deadline);
    if (!committed) return std::unexpected(committed.error());
    std::map<TopicPartition, ReadProgress> all;
    for (const auto& [where, offset] : *committed) all[where].committed = offset;
    for (const GroupMemberInfo& member : info.members)
        for (const auto& [topic, partitions] : member.assignment)
            for (const int32_t partition : partitions) all[{topic, partition}].member = member.id;
    const auto cluster = group.client().describe(deadline);
    if (!cluster) return std::unexpected(cluster.error());
    std::map<std::string, std::vector<int32_t>> by_topic;
    for (const auto& [where, progress] : all) {
        const TopicInfo* topic = cluster->find(where.first);
        if (topic != nullptr && topic->find(where.second) != nullptr) by_topic[where.first].push_back(where.second);
    }
    for (const auto& [topic, partitions] : by_topic) {
        const auto ends =
            list_offsets(group.client(), topic, partitions, wire::kafka::latest_timestamp, deadline);
        if (!ends) return std::unexpected(ends.error());
        for (const auto& [partition, end] : *ends) all[{topic, partition}].end = end;
    }
    std::vector<ReadProgress> sorted;
    for (auto& [where, progress] : all) {
        progress.where = where;
        sorted.push_back(std::move(progress));
    }
    return sorted;
}

Json json_of(const std::optional<int64_t>& number) { return number ? Json(*number) : Json(); }
std::string text_of(const std::optional<int64_t>& number) { return number ? std::to_string(*number) : "-"; }

Json describe_json(const std::string& id, const GroupInfo& info, const std::vector<ReadProgress>& all) {
    Json json{{"group", id}, {"state", info.state}, {"protocol_type", info.protocol_type},
              {"protocol", info.protocol}, {"members", Json::array()}, {"partitions", Json::array()}};
    for (const GroupMemberInfo& member : info.members) {
        json["members"].push_back({{"member", member.id},
                                   {"instance", member.instance_id ? Json(*member.instance_id) : Json()},
                                   {"client", member.client_id}, {"host", member.host},
                                   {"assignment", member.assignment}});
    }
    for (const ReadProgress& p : all) {
        json["partitions"].push_back({{"topic", p.where.first}, {"partition", p.where.second},
                                      {"committed", json_of(p.committed)}, {"end", json_of(p.end)},
                                      {"lag", json_of(p.lag())},
                                      {"member", p.member.empty() ? Json() : Json(p.member)}});
    }
    return json;
}

std::string show_assignment(const client::Assignment& assignment) {
    std::string text;
    for (const auto& [topic, partitions] : assignment)
        text += fmt::format("{}{}:{}", text.empty() ? "" : " ", topic, fmt::join(partitions, ","));
    return text.empty() ? "-" : text;
}

std::string describe_text(const std::string& id, const GroupInfo& info, const std::vector<ReadProgress>& all) {
    std::string text = fmt::format("Group {}   {}", printable(id), printable(info.state));
    if (!info.protocol.empty()) text += fmt::format("   {} ({})", info.protocol_type, printable(info.protocol));
    text += "\n";
    Table partitions({{"TOPIC"}, {"PARTITION", true}, {"COMMITTED", true}, {"END", true}, {"LAG", true}, {"MEMBER"}});
    for (const ReadProgress& p : all) {
        partitions.add({p.where.first, std::to_string(p.where.second), text_of(p.committed), text_of(p.end),
                        text_of(p.lag()), p.member.empty() ? "-" : p.member});
    }
    text += partitions.empty() ? "Nothing is committed.\n" : partitions.text();
    if (info.members.empty()) return text + "\nNo members.\n";
    Table members({{"MEMBER"}, {"CLIENT"}, {"HOST"}, {"ASSIGNMENT"}});
    for (const GroupMemberInfo& member : info.members)
        members.add({member.id, member.client_id, member.host, show_assignment(member.assignment)});
    return text + "\n" + members.text();
}

Outcome<int> describe(Context& context, const std::vector<std::string>& ids) {
    Client client(context.globals);
    Json json = Json::array();
    std::string text;
    for (const std::string& id : ids) {
        const Deadline deadline = client.deadline();
        GroupClient group(client, id);
        const auto info = describe_group(group, deadline);
        if (!info) return std::unexpected(info.error());
        if (!info->found) return std::unexpected(unknown_group(client, id, deadline));
        const auto progress = progress_of(group, *info, deadline);
        if (!progress) return std::unexpected(progress.error());
        if (context.globals.json) json.push_back(describe_json(id, *info, *progress));
        else text += (text.empty() ? "" : "\n") + describe_text(id, *info, *progress);
    }
    context.out.write(context.globals.json ? json.dump(2) + "\n" : text);
    return exit_ok;
}

Outcome<void> delete_one(Client& client, const std::string& id, bool if_exists, Deadline deadline) {
    using wire::kafka::DeleteGroupsResponse;
    GroupClient group(client, id);
    const std::string_view name = id;
    wire::kafka::DeleteGroupsRequest request;
    request.group_names = {&name, 1};
    const auto error_of = [](const Reply<DeleteGroupsResponse>& reply) {
        return reply->results.empty() ? ErrorCode::unknown_server_error : reply->results.front().error_code;
    };
    const auto reply = group.call<DeleteGroupsResponse>(request, deadline, error_of);
    if (!reply) return std::unexpected(reply.error());
    const ErrorCode error = error_of(*reply);
    if (error == ErrorCode::none || (error == ErrorCode::group_id_not_found && if_exists)) return {};
    if (error == ErrorCode::group_id_not_found) return std::unexpected(unknown_group(client, id, deadline));
    Failure failure = refusal(fmt::format("cannot delete group '{}'", id), error);
    if (error == ErrorCode::non_empty_group) failure.hint = "Stop its consumers first; see 'penstock group describe'.";
    return std::unexpected(std::move(failure));
}

Outcome<int> delete_groups(Context& context, const std::vector<std::string>& ids, bool if_exists) {
    Client client(context.globals);
    Json json = Json::array();
    for (const std::string& id : ids) {
        if (auto done = delete_one(client, id, if_exists, client.deadline()); !done)
            return std::unexpected(std::move(done.error()));
        if (context.globals.json) json.push_back({{"group", id}, {"deleted", true}});
        else context.out.write(fmt::format("Group '{}' is deleted.\n", printable(id)));
    }
    if (context.globals.json) context.out.write(json.dump(2) + "\n");
    return exit_ok;
}

std::string group_fault(std::string& id) { return id.empty() ? "a group id cannot be empty" : std::string{}; }

void add_ids(CLI::App& verb, std::vector<std::string>& ids) {
    verb.add_option("GROUP", ids, "Ids of groups")
        ->required()
        ->type_name("")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(CLI::Validator(group_fault, ""));
}

void add_list(CLI::App& noun, Selected& selected) {
    CLI::App* verb = noun.add_subcommand("list", "List consumer groups");
    add_examples(*verb,
                 "  penstock group list\n"
                 "  penstock group list --json | jq -r '.[].group'");
    verb->callback([&selected] { selected = [](Context& c) { return list(c); }; });
}

void add_describe(CLI::App& noun, Selected& selected) {
    auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App* verb = noun.add_subcommand("describe", "Show a group's state, its members, and how far it has come");
    add_ids(*verb, *ids);
    add_examples(*verb,
                 "  penstock group describe scores\n"
                 "  penstock group describe scores audit --json | jq '.[].partitions[].lag'");
    verb->callback([ids, &selected] { selected = [ids](Context& c) { return describe(c, *ids); }; });
}

void add_delete(CLI::App& noun, Selected& selected) {
    auto ids = std::make_shared<std::vector<std::string>>();
    auto if_exists = std::make_shared<bool>(false);
    CLI::App* verb = noun.add_subcommand("delete", "Delete groups without members, and what they have committed");
    add_ids(*verb, *ids);
    verb->add_flag("--if-exists", *if_exists, "Succeed if a group is not there");
    add_examples(*verb,
                 "  penstock group delete scores\n"
                 "  penstock group delete old-1 old-2 --if-exists");
    verb->callback([ids, if_exists, &selected] {
        selected = [ids, if_exists](Context& c) { return delete_groups(c, *ids, *if_exists); };
    });
}

void add_reset(CLI::App& noun, Selected& selected) {
    auto options = std::make_shared<ResetOptions>();
    CLI::App* verb = noun.add_subcommand("reset-offsets", "Move where a group without members goes on reading");
    verb->add_option("GROUP", options->group, "Id of the group")
        ->required()
        ->type_name("")
        ->check(CLI::Validator(group_fault, ""));
    add_reset_options(*verb, *options);
    add_examples(*verb,
                 "  penstock group reset-offsets scores --topic games --to-earliest\n"
                 "  penstock group reset-offsets scores --topic games --partition 0 --to-offset 100 --execute\n"
                 "  penstock group reset-offsets scores --topic games --shift-by -10 --execute\n"
                 "  penstock group reset-offsets scores --topic games --to-datetime 2026-11-22T16:00:00Z --execute");
    verb->callback([options, &selected] { selected = [options](Context& c) { return reset_offsets(c, *options); }; });
}

}  // namespace

void add_group(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("group", "List, describe, delete and move consumer groups");
    noun->require_subcommand(1);
    add_list(*noun, selected);
    add_describe(*noun, selected);
    add_delete(*noun, selected);
    add_reset(*noun, selected);
    add_examples(*noun,
                 "  penstock group list\n"
                 "  penstock group describe scores\n"
                 "  penstock group reset-offsets scores --topic games --to-earliest --execute");
}

}  // namespace penstock::cli
