#include "cli/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace penstock::cli {

namespace {

class Judge {
public:
    void find(HealthLevel level, std::string problem) {
        health.level = std::max(health.level, level);
        if (lines_++ < problem_lines_max) health.problems.push_back(std::move(problem));
    }

    explicit Judge(const std::vector<Reassignment>& reassigning) {
        health.reassigning = reassigning.size();
        for (const Reassignment& one : reassigning) adding_[one.name] = one.adding.size();
    }

    void partition(const TopicInfo& topic, const PartitionInfo& p) {
        ++health.partitions;
        // What a reassignment brings is not missing while it is on its way.
        const auto adding = adding_.find({topic.name, p.index});
        const size_t expected = p.replicas.size() - (adding == adding_.end() ? 0 : adding->second);
        if (p.leader < 0) {
            ++health.without_leader;
            find(HealthLevel::critical, fmt::format("{}/{} has no leader", topic.name, p.index));
        } else if (p.in_sync.size() < expected || !p.offline.empty()) {
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
    std::map<PartitionName, size_t> adding_;
};

}  // namespace

Health judge(const ClusterInfo& cluster, const Findings& findings) {
    Judge judge(findings.reassigning);
    if (cluster.brokers.empty()) {
        judge.find(HealthLevel::critical, "the cluster lists no broker");
    } else if (cluster.controller < 0) {
        judge.find(HealthLevel::degraded, "there is no controller: topics cannot be created");
    }
    if (!findings.coordinator_fault.empty())
        judge.find(HealthLevel::degraded,
                   "the coordinator takes no changes: " + findings.coordinator_fault);
    for (const BrokerState& broker : findings.brokers) {
        if (!broker.alive) {
            judge.find(HealthLevel::degraded,
                       fmt::format("broker {} is fenced: the coordinator does not hear of it", broker.info.id));
        } else if (!broker.reachable) {
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
