#include "coordinator/placement.h"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <tuple>

#include "base/assert.h"

namespace penstock::coordinator {

Placement::Placement(const State& state) {
    std::map<std::string_view, uint32_t> racks;
    for (NodeId id : state.eligible_brokers()) {
        const std::string_view rack = state.broker(id)->rack;
        uint32_t number = no_rack;
        if (!rack.empty()) number = racks.try_emplace(rack, static_cast<uint32_t>(racks.size())).first->second;
        brokers_.push_back({.id = id, .rack = number, .cluster = state.load_of(id), .topic = {}});
    }
}

Placement::Candidate* Placement::find(NodeId id) {
    auto at = std::ranges::lower_bound(brokers_, id, {}, &Candidate::id);
    return at != brokers_.end() && at->id == id ? &*at : nullptr;
}

void Placement::count(const std::vector<NodeId>& replicas) {
    for (NodeId id : replicas)
        if (Candidate* broker = find(id)) ++broker->topic.replicas;
    if (Candidate* leader = find(replicas.front())) ++leader->topic.preferred;
    for (NodeId id : std::span(replicas).subspan(1)) ++followed_[{replicas.front(), id}];
}

const Placement::Candidate& Placement::next_leader() const {
    return *std::ranges::min_element(brokers_, {}, [](const Candidate& c) {
        return std::tuple(c.topic.preferred, c.cluster.preferred, c.topic.replicas, c.cluster.replicas);
    });
}

const Placement::Candidate& Placement::next_follower(const std::vector<NodeId>& replicas) {
    std::vector<uint32_t> racks;
    for (NodeId id : replicas)
        if (const Candidate* broker = find(id)) racks.push_back(broker->rack);
    const Candidate* leader = find(replicas.front());
    const size_t start = leader != nullptr ? static_cast<size_t>(leader - brokers_.data()) + 1 : 0;
    const Candidate* best = nullptr;
    std::tuple<ptrdiff_t, uint32_t, uint64_t, uint64_t> least;
    for (size_t k = 0; k < brokers_.size(); ++k) {
        const size_t i = (start + k) % brokers_.size();  // equals in a row behind the leader
        const Candidate& c = brokers_[i];
        if (std::ranges::find(replicas, c.id) != replicas.end()) continue;
        const ptrdiff_t in_rack = c.rack == no_rack ? 0 : std::ranges::count(racks, c.rack);
        const auto pair = followed_.find({replicas.front(), c.id});
        const uint32_t before = pair == followed_.end() ? 0 : pair->second;
        const std::tuple cost(in_rack, before, c.topic.replicas, c.cluster.replicas);
        if (best == nullptr || cost < least) {
            best = &c;
            least = cost;
        }
    }
    PENSTOCK_ASSERT(best != nullptr);
    return *best;
}

std::vector<NodeId> Placement::extend(std::vector<NodeId> replicas, uint32_t replication_factor) {
    PENSTOCK_ASSERT(replication_factor >= 1 && replication_factor > replicas.size());
    while (replicas.size() < replication_factor) {
        Candidate& next = *find(replicas.empty() ? next_leader().id : next_follower(replicas).id);
        ++next.topic.replicas;
        ++next.cluster.replicas;
        if (replicas.empty()) {
            ++next.topic.preferred;
            ++next.cluster.preferred;
        } else {
            ++followed_[{replicas.front(), next.id}];
        }
        replicas.push_back(next.id);
    }
    return replicas;
}

std::vector<std::vector<NodeId>> Placement::place(uint32_t partitions, uint32_t replication_factor) {
    PENSTOCK_ASSERT(replication_factor <= brokers_.size());
    std::vector<std::vector<NodeId>> placed;
    placed.reserve(partitions);
    for (uint32_t i = 0; i < partitions; ++i) placed.push_back(extend({}, replication_factor));
    return placed;
}

}  // namespace penstock::coordinator
