// penstock cluster status
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/health.h"
#include "cli/options.h"
#include "cli/table.h"

namespace penstock::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr Duration probe_time_max = std::chrono::seconds(2);  // a broker that takes longer to greet is not well

/// Greets every broker that the cluster lists, the whole within `timeout`.
std::vector<BrokerState> probe(const ClusterInfo& cluster, Duration timeout) {
    std::vector<BrokerState> states;
    for (const BrokerInfo& broker : cluster.brokers) {
        const auto begun = Clock::now();
        const auto opened = Connection::open(broker.address, begun + std::min(timeout, probe_time_max));
        const Duration took = Clock::now() - begun;
        states.push_back({.info = broker, .reachable = opened.has_value(), .round_trip = took,
                          .problem = opened ? std::string{} : opened.error().message});
    }
    return states;
}

Json status_json(const ClusterInfo& cluster, const std::vector<BrokerState>& brokers, const Health& health) {
    Json json{{"health", health_name(health.level)}, {"cluster_id", cluster.id}, {"controller", cluster.controller},
              {"brokers", Json::array()}, {"topics", cluster.topics.size()}, {"partitions", health.partitions},
              {"partitions_without_leader", health.without_leader},
              {"partitions_under_replicated", health.under_replicated}, {"problems", health.problems}};
    for (const BrokerState& broker : brokers) {
        json["brokers"].push_back({{"id", broker.info.id}, {"address", broker.info.address.text()},
                                   {"rack", broker.info.rack}, {"reachable", broker.reachable}});
    }
    return json;
}

std::string status_text(const ClusterInfo& cluster, const std::vector<BrokerState>& brokers, const Health& health) {
    std::string text = fmt::format("Cluster {}: {}\n", cluster.id.empty() ? "without id" : printable(cluster.id),
                                   health_name(health.level));
    text += fmt::format("{} topic{}, {} partition{}, {} without leader, {} under-replicated\n\n",
                        cluster.topics.size(), cluster.topics.size() == 1 ? "" : "s", health.partitions,
                        health.partitions == 1 ? "" : "s", health.without_leader, health.under_replicated);
    Table table({{"BROKER", true}, {"ADDRESS"}, {"RACK"}, {"ROLE"}, {"STATE"}, {"GREETED IN", true}});
    for (const BrokerState& broker : brokers) {
        const auto us = static_cast<uint64_t>(broker.round_trip / std::chrono::microseconds(1));
        table.add({std::to_string(broker.info.id), broker.info.address.text(), broker.info.rack,
                   broker.info.id == cluster.controller ? "controller" : "", broker.reachable ? "up" : "unreachable",
                   broker.reachable ? show_microseconds(us) : ""});
    }
    text += table.text();
    if (!health.problems.empty()) text += "\nProblems:\n";
    for (const std::string& problem : health.problems) text += "  " + printable(problem) + "\n";
    return text;
}

Outcome<int> status(Context& context) {
    Client client(context.globals);
    const auto cluster = client.describe(client.deadline());
    if (!cluster) {
        if (cluster.error().kind != FailureKind::operation) return std::unexpected(cluster.error());
        if (context.globals.json) {
            const Json json{{"health", health_name(HealthLevel::critical)}, {"problems", {cluster.error().message}}};
            context.out.write(json.dump(2) + "\n");
        }
        complain("penstock: " + cluster.error().message);
        if (!cluster.error().hint.empty()) complain("  " + cluster.error().hint);
        return static_cast<int>(HealthLevel::critical);
    }
    const std::vector<BrokerState> brokers = probe(*cluster, context.globals.timeout);
    const Health health = judge(*cluster, brokers);
    if (context.globals.json) context.out.write(status_json(*cluster, brokers, health).dump(2) + "\n");
    else context.out.write(status_text(*cluster, brokers, health));
    return static_cast<int>(health.level);
}

}  // namespace

void add_cluster(CLI::App& app, Selected& selected) {
    CLI::App* noun = app.add_subcommand("cluster", "Show how the cluster is");
    noun->require_subcommand(1);
    CLI::App* verb = noun->add_subcommand(
        "status", "Show brokers, controller and unwell partitions; the exit code is the health for monitors");
    add_examples(*verb,
                 "  penstock cluster status\n"
                 "  penstock cluster status --json | jq .health\n"
                 "  until penstock cluster status >/dev/null 2>&1; do sleep 0.2; done\n"
                 "\nExit codes: 0 healthy; 1 degraded (a broker is unreachable, there is no controller, replicas are\n"
                 "out of sync); 2 critical (no broker answers, a partition has no leader).");
    verb->callback([&selected] { selected = status; });
    add_examples(*noun, "  penstock cluster status");
}

}  // namespace penstock::cli
