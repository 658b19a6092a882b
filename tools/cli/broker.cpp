// penstock broker list|drain|decommission
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/broker_info.h"
#include "cli/command.h"
#include "cli/drain.h"
#include "cli/options.h"
#include "cli/table.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t stuck_lines_max = 20;

Outcome<int> list_brokers_command(Context& context) {
    Client client(context.globals);
    const auto loads = list_brokers(client, client.deadline());
    if (!loads) return std::unexpected(loads.error());
    Table table({{"BROKER", true}, {"RACK"}, {"ADDRESS"}, {"STATE"}, {"LEADERS", true}, {"REPLICAS", true}});
    Json json = Json::array();
    for (const BrokerLoad& load : loads->brokers) {
        const std::string address = load.info.address.host.empty() ? "" : load.info.address.text();
        table.add({std::to_string(load.info.id), load.info.rack, address, load.alive ? "alive" : "fenced",
                   std::to_string(load.leaders), std::to_string(load.replicas)});
        json.push_back({{"id", load.info.id}, {"rack", load.info.rack}, {"address", address}, {"alive", load.alive},
                        {"leaders", load.leaders}, {"replicas", load.replicas}});
    }
    context.out.write(context.globals.json ? json.dump(2) + "\n" : table.text());
    return exit_ok;
}

/// What is to be said in the end.
struct Drained {
    size_t moved = 0;
    std::vector<std::string> stuck;
};

/// Asks for the moves and waits until they are done.
Outcome<Drained> carry_out(Client& client, const DrainPlan& plan, const std::string& what) {
    Drained drained{.moved = 0, .stuck = plan.stuck};
    if (plan.moves.empty()) return drained;
    const auto outcomes = reassign(client, plan.moves, client.deadline());
    if (!outcomes) return std::unexpected(outcomes.error());
    std::vector<PartitionName> moving;
    for (const PartitionOutcome& outcome : *outcomes) {
        if (outcome.error == ErrorCode::none) moving.push_back(outcome.name);
        else drained.stuck.push_back(outcome.text());
    }
    drained.moved = moving.size();
    if (moving.empty()) return drained;
    Progress progress(what, moving.size());
    if (auto waited = wait_for_moves(client, moving, progress); !waited) return std::unexpected(waited.error());
    return drained;
}

/// The new order of the replicas says who is preferred; then those are elected.
Outcome<Drained> move_leaders(Client& client, int32_t broker) {
    const auto loads = list_brokers(client, client.deadline());
    if (!loads) return std::unexpected(loads.error());
    const DrainPlan plan = plan_leaders_away(*loads, broker);
    auto drained = carry_out(client, plan, "partitions with another preferred leader");
    if (!drained || drained->moved == 0) return drained;
    std::vector<PartitionName> names;
    for (const ReplicaMove& move : plan.moves) names.push_back(move.name);
    const auto outcomes = elect(client, Election::preferred, names, client.deadline());
    if (!outcomes) return std::unexpected(outcomes.error());
    drained->moved = 0;
    for (const PartitionOutcome& outcome : *outcomes) {
        const bool good = outcome.error == ErrorCode::none || outcome.error == ErrorCode::election_not_needed;
        if (good) ++drained->moved;
        else drained->stuck.push_back(outcome.text());
    }
    return drained;
}

Outcome<Drained> move_replicas(Client& client, int32_t broker) {
    const auto loads = list_brokers(client, client.deadline());
    if (!loads) return std::unexpected(loads.error());
    return carry_out(client, plan_replicas_away(*loads, broker), "partitions moved away");
}

Outcome<BrokerLoad> known_broker(Client& client, int32_t id) {
    const auto loads = list_brokers(client, client.deadline());
    if (!loads) return std::unexpected(loads.error());
    if (const BrokerLoad* load = loads->find(id)) return *load;
    std::string all;
    for (const BrokerLoad& load : loads->brokers) all += (all.empty() ? "" : ", ") + std::to_string(load.info.id);
    return refuse(fmt::format("there is no broker {}", id), fmt::format("There are {}.", all));
}

/// The exit code: 1 while the broker keeps something that was to go.
int report_drained(Context& context, const BrokerLoad& now, const Drained& leaders, const Drained& replicas, bool all) {
    const bool empty = all ? now.replicas == 0 : now.leaders == 0;
    std::vector<std::string> stuck = all ? replicas.stuck : leaders.stuck;
    if (context.globals.json) {
        const Json json{{"broker", now.info.id}, {"leaders_moved", leaders.moved}, {"replicas_moved", replicas.moved},
                        {"leaders", now.leaders}, {"replicas", now.replicas}, {"stuck", stuck},
                        {"may_be_stopped", empty}};
        context.out.write(json.dump(2) + "\n");
        return empty ? exit_ok : exit_failed;
    }
    const size_t left_out = stuck.size() > stuck_lines_max ? stuck.size() - stuck_lines_max : 0;
    stuck.resize(stuck.size() - left_out);
    for (const std::string& line : stuck) context.out.write(line + "\n");
    if (left_out > 0) context.out.write(fmt::format("and {} more\n", left_out));
    const int32_t id = now.info.id;
    if (!empty && all)
        context.out.write(fmt::format("Broker {} still has {} replicas: it must not go yet.\n", id, now.replicas));
    else if (!empty)
        context.out.write(fmt::format("Broker {} still leads {} partitions.\n", id, now.leaders));
    else if (all)
        context.out.write(fmt::format("Broker {} holds nothing any more: it may be stopped, and its data directory "
                                      "removed. Until it is stopped, new topics may be placed on it.\n", id));
    else
        context.out.write(fmt::format("Broker {} leads nothing now. Its partitions prefer other leaders; 'penstock "
                                      "partition reassign' changes that again.\n", id));
    return empty ? exit_ok : exit_failed;
}

/// What the broker has then. Another broker than the one that was asked may know of the last change a moment later, so
/// where everything was moved this waits for that to show.
Outcome<BrokerLoad> load_after(Client& client, int32_t broker, bool all, bool moved_everything) {
    const Deadline deadline = client.deadline();
    while (true) {
        const auto loads = list_brokers(client, deadline);
        if (!loads) return std::unexpected(loads.error());
        const BrokerLoad* load = loads->find(broker);
        BrokerLoad now;
        now.info.id = broker;
        if (load != nullptr) now = *load;   // one that is away and holds nothing is told of by nobody
        if ((all ? now.replicas : now.leaders) == 0 || !moved_everything || Clock::now() >= deadline) return now;
        if (auto waited = Client::wait(std::chrono::milliseconds(50)); !waited) return std::unexpected(waited.error());
    }
}

Outcome<int> drain(Context& context, int32_t broker, bool with_replicas) {
    Client client(context.globals);
    if (const auto known = known_broker(client, broker); !known) return std::unexpected(known.error());
    Drained leaders, replicas;
    if (auto moved = move_leaders(client, broker)) leaders = std::move(*moved);
    else return std::unexpected(moved.error());
    if (with_replicas) {
        auto moved = move_replicas(client, broker);
        if (!moved) return std::unexpected(moved.error());
        replicas = std::move(*moved);
    }
    const std::vector<std::string>& stuck = with_replicas ? replicas.stuck : leaders.stuck;
    const auto now = load_after(client, broker, with_replicas, stuck.empty());
    if (!now) return std::unexpected(now.error());
    return report_drained(context, *now, leaders, replicas, with_replicas);
}

CLI::Option* add_broker_id(CLI::App& verb, int64_t& target) {
    return add_number(verb, "ID", target, 0, std::numeric_limits<int32_t>::max(), "The broker's node.id", false)
        ->required()
        ->type_name("");
}

void add_broker_list(CLI::App& noun, Selected& selected) {
    CLI::App* verb = noun.add_subcommand("list", "List brokers with their rack, state, leaders and replicas");
    add_examples(*verb,
                 "  penstock broker list\n"
                 "  penstock broker list --json | jq '.[] | select(.alive | not)'");
    verb->callback([&selected] { selected = list_brokers_command; });
}

void add_drain(CLI::App& noun, Selected& selected) {
    auto id = std::make_shared<int64_t>(-1);
    auto replicas = std::make_shared<bool>(false);
    CLI::App* verb = noun.add_subcommand("drain", "Let others lead what a broker leads, before work on it");
    add_broker_id(*verb, *id);
    verb->add_flag("--replicas", *replicas, "Move its replicas to other brokers, too");
    add_examples(*verb,
                 "  penstock broker drain 2\n"
                 "  penstock broker drain 2 --replicas\n"
                 "\nExit codes: 0 the broker is drained; 1 something could not be moved.");
    verb->callback([id, replicas, &selected] {
        selected = [id, replicas](Context& c) { return drain(c, static_cast<int32_t>(*id), *replicas); };
    });
}

void add_decommission(CLI::App& noun, Selected& selected) {
    auto id = std::make_shared<int64_t>(-1);
    CLI::App* verb = noun.add_subcommand("decommission", "Empty a broker that is to go for good");
    add_broker_id(*verb, *id);
    add_examples(*verb,
                 "  penstock broker decommission 3\n"
                 "\nExit codes: 0 the broker may be stopped; 1 it still holds replicas.");
    verb->callback([id, &selected] {
        selected = [id](Context& c) { return drain(c, static_cast<int32_t>(*id), true); };
    });
}

}  // namespace

void add_broker(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("broker", "List brokers, and take work away from them");
    noun->require_subcommand(1);
    add_broker_list(*noun, selected);
    add_drain(*noun, selected);
    add_decommission(*noun, selected);
    add_examples(*noun,
                 "  penstock broker list\n"
                 "  penstock broker drain 2\n"
                 "  penstock broker decommission 3");
}

}  // namespace penstock::cli
