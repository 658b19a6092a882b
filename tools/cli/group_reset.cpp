// penstock group reset-offsets
#include "cli/group_reset.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/group_client.h"
#include "cli/group_info.h"
#include "cli/offsets.h"
#include "cli/options.h"
#include "cli/table.h"
#include "wire/kafka/list_offsets.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Move {
    int32_t partition = 0;
    std::optional<int64_t> from;
    int64_t to = 0;
};

Outcome<std::vector<Move>> plan(GroupClient& group, const ResetOptions& options, Deadline deadline) {
    Client& client = group.client();
    const auto topic = client.topic(options.topic, IfAbsent::refuse, deadline);
    if (!topic) return std::unexpected(topic.error());
    const auto partitions = chosen_partitions(*topic, options.partitions);
    if (!partitions) return std::unexpected(partitions.error());
    const auto ask = [&](int64_t timestamp) {
        return list_offsets(client, options.topic, *partitions, timestamp, deadline);
    };
    const auto start = ask(wire::kafka::earliest_timestamp);
    if (!start) return std::unexpected(start.error());
    const auto end = ask(wire::kafka::latest_timestamp);
    if (!end) return std::unexpected(end.error());
    const bool timed = options.target.kind == ResetTarget::Kind::time;
    const auto at_time = timed ? ask(options.target.number) : end;
    if (!at_time) return std::unexpected(at_time.error());
    std::vector<TopicPartition> wanted;
    for (const int32_t partition : *partitions) wanted.emplace_back(options.topic, partition);
    const auto committed = group.committed(wanted, deadline);
    if (!committed) return std::unexpected(committed.error());
    std::vector<Move> moves;
    for (const int32_t partition : *partitions) {
        Move& move = moves.emplace_back();
        move.partition = partition;
        if (const auto found = committed->find({options.topic, partition}); found != committed->end())
            move.from = found->second;
        const auto to = reset_offset(options.target, start->at(partition), end->at(partition), move.from,
                                     at_time->at(partition));
        if (!to) {
            Failure failure = to.error();
            failure.message = fmt::format("{}/{}: {}", options.topic, partition, failure.message);
            return std::unexpected(std::move(failure));
        }
        move.to = *to;
    }
    return moves;
}

Outcome<void> refuse_while_in_use(GroupClient& group, Deadline deadline) {
    const auto info = describe_group(group, deadline);
    if (!info) return std::unexpected(info.error());
    if (!info->found || info->members.empty()) return {};
    return refuse(fmt::format("group '{}' has {} member{}, which would not notice", group.group(),
                              info->members.size(), info->members.size() == 1 ? "" : "s"),
                  "Stop its consumers first; see 'penstock group describe'.");
}

void show(Context& context, const ResetOptions& options, const std::vector<Move>& moves) {
    if (context.globals.json) {
        Json json{{"group", options.group}, {"topic", options.topic}, {"executed", options.execute},
                  {"partitions", Json::array()}};
        for (const Move& move : moves) {
            json["partitions"].push_back({{"partition", move.partition},
                                          {"from", move.from ? Json(*move.from) : Json()}, {"to", move.to}});
        }
        return context.out.write(json.dump(2) + "\n");
    }
    Table table({{"PARTITION", true}, {"COMMITTED", true}, {"NEW", true}});
    for (const Move& move : moves) {
        const std::string from = move.from ? std::to_string(*move.from) : "-";
        table.add({std::to_string(move.partition), from, std::to_string(move.to)});
    }
    context.out.write(table.text());
    context.out.write(options.execute ? "Done.\n" : "Nothing was changed. Add --execute to do it.\n");
}

}  // namespace

Outcome<int64_t> reset_offset(const ResetTarget& target, int64_t start, int64_t end, std::optional<int64_t> current,
                              int64_t at_time) {
    switch (target.kind) {
        case ResetTarget::Kind::none:
        case ResetTarget::Kind::earliest: return start;
        case ResetTarget::Kind::latest: return end;
        case ResetTarget::Kind::time: return at_time < 0 ? end : at_time;
        case ResetTarget::Kind::offset: return std::clamp(target.number, start, end);
        case ResetTarget::Kind::shift: break;
    }
    if (!current) return refuse("nothing is committed that could be shifted", "Use --to-offset, or leave it out.");
    // Both fit: an offset is not negative, and what would overflow is beyond the end.
    if (target.number > 0 && *current > INT64_MAX - target.number) return end;
    return std::clamp(*current + target.number, start, end);
}

Outcome<int> reset_offsets(Context& context, const ResetOptions& options) {
    Client client(context.globals);
    GroupClient group(client, options.group);
    const Deadline deadline = client.deadline();
    if (auto free = refuse_while_in_use(group, deadline); !free) return std::unexpected(free.error());
    const auto moves = plan(group, options, deadline);
    if (!moves) return std::unexpected(moves.error());
    if (options.execute) {
        Offsets offsets;
        for (const Move& move : *moves) offsets[{options.topic, move.partition}] = move.to;
        const auto error = group.commit({}, offsets, deadline);
        if (!error) return std::unexpected(error.error());
        if (*error != ErrorCode::none)
            return std::unexpected(refusal(fmt::format("cannot move group '{}'", options.group), *error));
    }
    show(context, options, *moves);
    return exit_ok;
}

void add_reset_options(CLI::App& verb, ResetOptions& options) {
    verb.add_option("--topic,-t", options.topic, "The topic whose offsets are moved")
        ->required()
        ->type_name("TOPIC")
        ->check(CLI::Validator([](std::string& name) { return topic_name_fault(name); }, ""));
    add_partitions(verb, options.partitions);
    std::vector<CLI::Option*> targets;
    const auto flag = [&](const std::string& name, ResetTarget::Kind kind, const std::string& help) {
        const auto set = [&options, kind](int64_t) { options.target = {kind, 0}; };
        targets.push_back(verb.add_flag_function(name, set, help));
    };
    flag("--to-earliest", ResetTarget::Kind::earliest, "To the first record that is kept");
    flag("--to-latest", ResetTarget::Kind::latest, "Behind the last record");
    const auto number = [&](const std::string& name, ResetTarget::Kind kind, const std::string& help) {
        const auto set = [&options, kind, name](const std::string& text) {
            const auto value = parse_number<int64_t>(text);
            if (!value || (kind == ResetTarget::Kind::offset && *value < 0))
                throw CLI::ValidationError(name, fmt::format("'{}' is not a number for it", printable(text)));
            options.target = {kind, *value};
        };
        targets.push_back(verb.add_option_function<std::string>(name, set, help)->type_name("N"));
    };
    number("--to-offset", ResetTarget::Kind::offset, "To this offset, or the nearest that there is");
    number("--shift-by", ResetTarget::Kind::shift, "By so many records: back with a negative number");
    const auto set_time = [&options](const std::string& text) {
        const auto ms = parse_timestamp(text);
        if (!ms) {
            throw CLI::ValidationError("--to-datetime", fmt::format("'{}' is not a time: write Unix milliseconds or "
                                                                    "2026-11-22T16:00:00Z", printable(text)));
        }
        options.target = {ResetTarget::Kind::time, *ms};
    };
    targets.push_back(verb.add_option_function<std::string>("--to-datetime", set_time,
                                                            "To the first record of this time or later")
                          ->type_name("TIME"));
    for (size_t i = 0; i < targets.size(); ++i)
        for (size_t k = i + 1; k < targets.size(); ++k) targets[i]->excludes(targets[k]);
    verb.add_flag("--execute", options.execute, "Do it: without this it is only shown");
    // Before the verb's callback, so that a missing target is told like any other wrong argument.
    verb.parse_complete_callback([&options] {
        if (options.target.kind != ResetTarget::Kind::none) return;
        throw CLI::ValidationError("reset-offsets", "say where to: --to-earliest, --to-latest, --to-offset, "
                                                    "--to-datetime or --shift-by");
    });
}

}  // namespace penstock::cli
