#include "cli/health.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::cli {

namespace {

class Judge {
public:
    void find(HealthLevel level, std::string problem) {
        health.level = std::max(health.level, level);
        if (lines_++ < problem_lines_max) health.problems.push_back(std::move(problem));
    }

    void partition(const TopicInfo& topic, const PartitionInfo& p) {
        ++health.partitions;
        if (p.leader < 0) {
            ++health.without_leader;
            find(HealthLevel::critical, fmt::format("{}/{} has no leader", topic.name, p.index));
        } else if (p.in_sync.size() < p.replicas.size() || !p.offline.empty()) {
            ++health.under_replicated;
            find(HealthLevel::degraded, fmt::format("{}/{} has {} of {} replicas in sync", topic.name, p.index,
                                                    p.in_sync.size(), p.replicas.size()));
        }
    }

    Health finish() {
        if (lines_ > problem_lines_max) {
            health.problems.push_back(fmt::format("and {} more", lines_ - problem_lines_max));
        }
        return std::move(health);
    }

    Health health;

private:
    size_t lines_ = 0;
};

}  // namespace

Health judge(const ClusterInfo& cluster, const std::vector<BrokerState>& brokers) {
    Judge judge;
    if (cluster.brokers.empty()) {
        judge.find(HealthLevel::critical, "the cluster lists no broker");
    } else if (cluster.controller < 0) {
        judge.find(HealthLevel::degraded, "there is no controller: topics cannot be created");
    }
    for (const BrokerState& broker : brokers) {
        if (!broker.reachable) {
            judge.find(HealthLevel::degraded, fmt::format("broker {}: {}", broker.info.id, broker.problem));
        }
    }
    for (const TopicInfo& topic : cluster.topics) {
        if (topic.error != ErrorCode::none) {
            judge.find(HealthLevel::degraded, fmt::format("topic {}: {}", topic.name, show_error(topic.error)));
        }
        for (const PartitionInfo& p : topic.partitions) judge.partition(topic, p);
    }
    return judge.finish();
}

std::string_view health_name(HealthLevel level) {
    switch (level) {
        case HealthLevel::healthy: return "healthy";
        case HealthLevel::degraded: return "degraded";
        case HealthLevel::critical: return "critical";
    }
    return "unknown";
}

}  // namespace penstock::cli
