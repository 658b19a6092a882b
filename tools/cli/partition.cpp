// penstock partition reassign|elect
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/options.h"
#include "cli/partition_client.h"
#include "cli/partition_values.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

struct ReassignOptions {
    PartitionSelection selection;
    std::vector<int32_t> replicas;
    bool cancel = false, wait = false;
};

struct ElectOptions {
    PartitionSelection selection;
    bool unclean = false, yes = false;
};

/// The partitions that are meant; they need no leader to be named.
Outcome<std::vector<PartitionInfo>> selected_partitions(Client& client, const PartitionSelection& selection) {
    const auto topic = client.topic_as_it_is(selection.topic, client.deadline());
    if (!topic) return std::unexpected(topic.error());
    if (!selection.partition) return topic->partitions;
    if (const PartitionInfo* one = topic->find(*selection.partition)) return std::vector{*one};
    return refuse(fmt::format("topic '{}' has no partition {}", selection.topic, *selection.partition),
                  fmt::format("It has {}: 0 to {}.", topic->partitions.size(), topic->partitions.size() - 1));
}

Json outcome_json(const PartitionOutcome& outcome) {
    Json json{{"topic", outcome.name.topic}, {"partition", outcome.name.partition},
              {"done", outcome.error == ErrorCode::none}};
    if (outcome.error != ErrorCode::none) {
        json["error"] = show_error(outcome.error);
        json["message"] = outcome.message;
    }
    return json;
}

/// Says what became of each; those that need nothing are fine. The exit code.
int report_outcomes(Context& context, const std::vector<PartitionOutcome>& outcomes, const std::string& done,
           ErrorCode needless) {
    int code = exit_ok;
    size_t good = 0;
    Json json = Json::array();
    for (const PartitionOutcome& outcome : outcomes) {
        json.push_back(outcome_json(outcome));
        if (outcome.error == ErrorCode::none) ++good;
        else if (outcome.error != needless) code = exit_failed;
        if (!context.globals.json && outcome.error != ErrorCode::none) context.out.write(outcome.text() + "\n");
    }
    if (context.globals.json) context.out.write(json.dump(2) + "\n");
    else context.out.write(fmt::format("{}: {} of {} partition{}.\n", done, good, outcomes.size(),
                                       outcomes.size() == 1 ? "" : "s"));
    return code;
}

/// The list as it is for one partition; for each of several it begins with another, so that leaders spread.
std::vector<int32_t> rotated(std::vector<int32_t> replicas, size_t by) {
    std::ranges::rotate(replicas, replicas.begin() + static_cast<std::ptrdiff_t>(by % replicas.size()));
    return replicas;
}

Outcome<std::vector<ReplicaMove>> moves_of(Client& client, const ReassignOptions& options) {
    const auto partitions = selected_partitions(client, options.selection);
    if (!partitions) return std::unexpected(partitions.error());
    std::vector<ReplicaMove> moves;
    if (options.cancel && !options.selection.partition) {
        const auto under_way = list_reassignments(client, client.deadline());
        if (!under_way) return std::unexpected(under_way.error());
        for (const Reassignment& one : *under_way)
            if (one.name.topic == options.selection.topic) moves.push_back({one.name, {}});
        return moves;
    }
    for (const PartitionInfo& partition : *partitions) {
        ReplicaMove move{{options.selection.topic, partition.index}, {}};
        if (!options.cancel) move.replicas = rotated(options.replicas, moves.size());
        moves.push_back(std::move(move));
    }
    return moves;
}

Outcome<int> reassign_partitions(Context& context, const ReassignOptions& options) {
    if (options.cancel != options.replicas.empty())
        return misuse("give either --replicas or --cancel", "See 'penstock partition reassign --help'.");
    Client client(context.globals);
    const auto moves = moves_of(client, options);
    if (!moves) return std::unexpected(moves.error());
    if (moves->empty()) {
        context.out.write(context.globals.json ? "[]\n" : "No reassignment of this topic is under way.\n");
        return exit_ok;
    }
    const auto outcomes = reassign(client, *moves, client.deadline());
    if (!outcomes) return std::unexpected(outcomes.error());
    if (options.wait) {
        std::vector<PartitionName> moving;
        for (const PartitionOutcome& outcome : *outcomes)
            if (outcome.error == ErrorCode::none) moving.push_back(outcome.name);
        Progress progress("partitions where they are to be", moving.size());
        if (auto waited = wait_for_moves(client, moving, progress); !waited) return std::unexpected(waited.error());
    }
    const std::string done = options.cancel ? "Cancelled" : options.wait ? "Reassigned" : "Being reassigned";
    return report_outcomes(context, *outcomes, done, ErrorCode::none);
}

Outcome<int> elect_leaders(Context& context, const ElectOptions& options) {
    Client client(context.globals);
    const auto partitions = selected_partitions(client, options.selection);
    if (!partitions) return std::unexpected(partitions.error());
    std::vector<PartitionName> names;
    size_t leaderless = 0;
    for (const PartitionInfo& partition : *partitions) {
        names.push_back({options.selection.topic, partition.index});
        leaderless += partition.leader < 0;
    }
    if (options.unclean && !options.yes && leaderless > 0) {
        const auto agreed = confirm(fmt::format(
            "{} partition{} of '{}' have no leader. A replica that was not in sync will lead: records that it does "
            "not have are lost for good, acknowledged ones, too.",
            leaderless, leaderless == 1 ? "" : "s", options.selection.topic));
        if (!agreed) return std::unexpected(agreed.error());
    }
    const auto outcomes =
        elect(client, options.unclean ? Election::unclean : Election::preferred, names, client.deadline());
    if (!outcomes) return std::unexpected(outcomes.error());
    return report_outcomes(context, *outcomes, "Elected", ErrorCode::election_not_needed);
}

void add_reassign(CLI::App& noun, Selected& selected) {
    auto options = std::make_shared<ReassignOptions>();
    CLI::App* verb = noun.add_subcommand("reassign", "Move the replicas of a partition, or of a whole topic");
    add_partition_selection(*verb, options->selection);
    add_replicas(*verb, options->replicas);
    verb->add_flag("--cancel", options->cancel, "End what is under way; the replicas stay where they were before");
    verb->add_flag("--wait", options->wait, "Return when the replicas are there");
    add_examples(*verb,
                 "  penstock partition reassign games:0 --replicas 2,3,1 --wait\n"
                 "  penstock partition reassign games --replicas 1,2,3\n"
                 "  penstock partition reassign games --cancel");
    verb->callback([options, &selected] {
        selected = [options](Context& c) { return reassign_partitions(c, *options); };
    });
}

void add_elect(CLI::App& noun, Selected& selected) {
    auto options = std::make_shared<ElectOptions>();
    CLI::App* verb = noun.add_subcommand("elect", "Let the first of the replicas lead, where another one does");
    add_partition_selection(*verb, options->selection);
    verb->add_flag("--unclean", options->unclean,
                   "Where no replica in sync is alive, let another one lead: records are lost");
    verb->add_flag("--yes", options->yes, "Do not ask before records may be lost");
    add_examples(*verb,
                 "  penstock partition elect games\n"
                 "  penstock partition elect games:2 --unclean --yes\n"
                 "\nExit codes: 0 the leaders are as asked for; 1 some could not be elected.");
    verb->callback([options, &selected] {
        selected = [options](Context& c) { return elect_leaders(c, *options); };
    });
}

}  // namespace

void add_partition(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("partition", "Move replicas between brokers, and choose leaders");
    noun->require_subcommand(1);
    add_reassign(*noun, selected);
    add_elect(*noun, selected);
    add_examples(*noun,
                 "  penstock partition reassign games:0 --replicas 2,3,1 --wait\n"
                 "  penstock partition elect games");
}

}  // namespace penstock::cli
