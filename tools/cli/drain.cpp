#include "cli/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace penstock::cli {

namespace {

bool contains(const std::vector<int32_t>& ids, int32_t id) { return std::ranges::find(ids, id) != ids.end(); }

/// Chooses where replicas go.
class Places {
public:
    Places(const BrokerLoads& loads, int32_t avoided) : loads_(loads) {
        for (const BrokerLoad& load : loads.brokers)
            if (load.alive && load.info.id != avoided) free_[load.info.id] = load.replicas;
    }

    /// For a partition whose other replicas are these; -1: nobody is left.
    int32_t take(const std::vector<int32_t>& others) {
        int32_t best = -1;
        std::pair<bool, uint64_t> best_cost;
        for (const auto& [id, replicas] : free_) {
            if (contains(others, id)) continue;
            const std::pair cost{shares_rack(id, others), replicas};
            if (best >= 0 && cost >= best_cost) continue;
            best = id;
            best_cost = cost;
        }
        if (best >= 0) ++free_[best];
        return best;
    }

private:
    bool shares_rack(int32_t id, const std::vector<int32_t>& others) const {
        const std::string& rack = loads_.find(id)->info.rack;
        return std::ranges::any_of(others, [&](int32_t other) {
            const BrokerLoad* load = loads_.find(other);
            return load != nullptr && !rack.empty() && load->info.rack == rack;
        });
    }

    const BrokerLoads& loads_;
    std::map<int32_t, uint64_t> free_;   ///< living brokers, and how many replicas each holds then
};

template <class F>
void each_partition(const BrokerLoads& loads, F take) {
    for (const TopicInfo& topic : loads.cluster.topics)
        for (const PartitionInfo& partition : topic.partitions) take(topic, partition);
}

}  // namespace

DrainPlan plan_leaders_away(const BrokerLoads& loads, int32_t broker) {
    DrainPlan plan;
    each_partition(loads, [&](const TopicInfo& topic, const PartitionInfo& partition) {
        if (partition.leader != broker) return;
        const PartitionName name{topic.name, partition.index};
        const auto may_lead = [&](int32_t id) {
            const BrokerLoad* load = loads.find(id);
            return id != broker && contains(partition.in_sync, id) && load != nullptr && load->alive;
        };
        const auto next = std::ranges::find_if(partition.replicas, may_lead);
        if (next == partition.replicas.end()) {
            plan.stuck.push_back(fmt::format("{}: no other replica is alive and in sync", name.text()));
            return;
        }
        std::vector<int32_t> replicas{*next};
        for (const int32_t id : partition.replicas)
            if (id != *next && id != broker) replicas.push_back(id);
        if (contains(partition.replicas, broker)) replicas.push_back(broker);
        plan.moves.push_back({name, std::move(replicas)});
    });
    return plan;
}

DrainPlan plan_replicas_away(const BrokerLoads& loads, int32_t broker) {
    DrainPlan plan;
    Places places(loads, broker);
    each_partition(loads, [&](const TopicInfo& topic, const PartitionInfo& partition) {
        if (!contains(partition.replicas, broker)) return;
        std::vector<int32_t> replicas = partition.replicas;
        std::vector<int32_t> others = replicas;
        std::erase(others, broker);
        const int32_t taken = places.take(others);
        const PartitionName name{topic.name, partition.index};
        if (taken < 0) {
            plan.stuck.push_back(fmt::format("{}: every other living broker has it already", name.text()));
            return;
        }
        std::ranges::replace(replicas, broker, taken);
        plan.moves.push_back({name, std::move(replicas)});
    });
    return plan;
}

}  // namespace penstock::cli
