// penstock cluster status
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/broker_info.h"
#include "cli/command.h"
#include "cli/health.h"
#include "cli/options.h"
#include "cli/table.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr Duration probe_time_max = std::chrono::seconds(2);  // a broker that takes longer to greet is not well

/// Greets every living broker, each within the time.
std::vector<BrokerState> probe(const std::vector<BrokerLoad>& loads, Duration timeout) {
    std::vector<BrokerState> states;
    for (const BrokerLoad& load : loads) {
        BrokerState& state = states.emplace_back(BrokerState{.info = load.info, .alive = load.alive});
        if (!load.alive) continue;
        const auto begun = Clock::now();
        const auto opened = Connection::open(load.info.address, begun + std::min(timeout, probe_time_max));
        state.round_trip = Clock::now() - begun;
        state.reachable = opened.has_value();
        if (!opened) state.problem = opened.error().message;
    }
    return states;
}

/// What can be found out now; what cannot is part of the finding.
Findings find_out(Client& client, const BrokerLoads& loads, Duration timeout) {
    Findings findings{.brokers = probe(loads.brokers, timeout)};
    findings.coordinator_fault = coordinator_fault(client, client.deadline());
    if (!findings.coordinator_fault.empty()) return findings;
    // A broker that does not offer this has none under way.
    if (auto under_way = list_reassignments(client, client.deadline())) findings.reassigning = std::move(*under_way);
    return findings;
}

Json status_json(const BrokerLoads& loads, const Findings& findings, const Health& health) {
    const ClusterInfo& cluster = loads.cluster;
    Json json{{"health", health_name(health.level)}, {"cluster_id", cluster.id}, {"controller", cluster.controller},
              {"coordinator", findings.coordinator_fault.empty() ? "up" : findings.coordinator_fault},
              {"brokers", Json::array()}, {"topics", cluster.topics.size()}, {"partitions", health.partitions},
              {"partitions_without_leader", health.without_leader},
              {"partitions_under_replicated", health.under_replicated},
              {"partitions_reassigning", health.reassigning}, {"problems", health.problems}};
    for (size_t i = 0; i < findings.brokers.size(); ++i) {
        const BrokerState& broker = findings.brokers[i];
        json["brokers"].push_back({{"id", broker.info.id}, {"address", broker.info.address.text()},
                                   {"rack", broker.info.rack}, {"alive", broker.alive},
                                   {"reachable", broker.reachable}, {"leaders", loads.brokers[i].leaders},
                                   {"replicas", loads.brokers[i].replicas}});
    }
    return json;
}

std::string status_text(const BrokerLoads& loads, const Findings& findings, const Health& health) {
    const ClusterInfo& cluster = loads.cluster;
    const size_t topics = cluster.topics.size();
    std::string text = fmt::format("Cluster {}: {}\n", cluster.id.empty() ? "without id" : printable(cluster.id),
                                   health_name(health.level));
    text += fmt::format("Coordinator: {}\n", findings.coordinator_fault.empty() ? "takes changes" : "does not answer");
    text += fmt::format("{} topic{}, {} partition{}: {} offline, {} under-replicated, {} being reassigned\n\n", topics,
                        topics == 1 ? "" : "s", health.partitions, health.partitions == 1 ? "" : "s",
                        health.without_leader, health.under_replicated, health.reassigning);
    Table table({{"BROKER", true}, {"ADDRESS"}, {"RACK"}, {"ROLE"}, {"STATE"}, {"LEADERS", true}, {"REPLICAS", true},
                 {"GREETED IN", true}});
    for (size_t i = 0; i < findings.brokers.size(); ++i) {
        const BrokerState& broker = findings.brokers[i];
        const auto us = static_cast<uint64_t>(broker.round_trip / std::chrono::microseconds(1));
        table.add({std::to_string(broker.info.id),
                   broker.info.address.host.empty() ? "" : broker.info.address.text(), broker.info.rack,
                   broker.info.id == cluster.controller ? "controller" : "",
                   !broker.alive ? "fenced" : broker.reachable ? "up" : "unreachable",
                   std::to_string(loads.brokers[i].leaders), std::to_string(loads.brokers[i].replicas),
                   broker.reachable ? show_microseconds(us) : ""});
    }
    text += table.text();
    if (!health.problems.empty()) text += "\nProblems:\n";
    for (const std::string& problem : health.problems) text += "  " + printable(problem) + "\n";
    return text;
}

Outcome<int> status(Context& context) {
    Client client(context.globals);
    const auto loads = list_brokers(client, client.deadline());
    if (!loads) {
        if (loads.error().kind != FailureKind::operation) return std::unexpected(loads.error());
        if (context.globals.json) {
            const Json json{{"health", health_name(HealthLevel::critical)}, {"problems", {loads.error().message}}};
            context.out.write(json.dump(2) + "\n");
        }
        complain("penstock: " + loads.error().message);
        if (!loads.error().hint.empty()) complain("  " + loads.error().hint);
        return static_cast<int>(HealthLevel::critical);
    }
    const Findings findings = find_out(client, *loads, context.globals.timeout);
    const Health health = judge(loads->cluster, findings);
    if (context.globals.json) context.out.write(status_json(*loads, findings, health).dump(2) + "\n");
    else context.out.write(status_text(*loads, findings, health));
    return static_cast<int>(health.level);
}

}  // namespace

void add_cluster(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("cluster", "Show how the cluster is");
    noun->require_subcommand(1);
    CLI::App* verb = noun->add_subcommand(
        "status", "Show coordinator, brokers and unwell partitions; the exit code is the health for monitors");
    add_examples(*verb,
                 "  penstock cluster status\n"
                 "  penstock cluster status --json | jq .health\n"
                 "  until penstock cluster status >/dev/null 2>&1; do sleep 0.2; done\n"
                 "\nExit codes: 0 healthy; 1 degraded (a broker is fenced or unreachable, the coordinator takes no\n"
                 "changes, replicas are out of sync); 2 critical (no broker answers, a partition has no leader).");
    verb->callback([&selected] { selected = status; });
    add_examples(*noun, "  penstock cluster status");
}

}  // namespace penstock::cli
