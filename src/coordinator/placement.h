// Which brokers get the replicas of a partition: one after another, always the broker that has the least.
//
// Made for one topic, from the brokers that may hold more and what they hold already. Replicas of a partition go to
// different racks as far as there are any. Between equal racks counts first what a broker has of this topic, so that no
// topic lies on the newcomer alone, then what it has of the whole cluster, so that topics of few partitions spread too.
// Before both the followers of one leader vary, so that when a broker fails its leaderships spread over all others
// instead of falling on its neighbour. Pure: it changes nothing but its own counts.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/units.h"
#include "coordinator/state.h"

namespace penstock::coordinator {

class Placement {
public:
    explicit Placement(const State& state);

    size_t brokers() const { return brokers_.size(); }
    /// The topic has this partition already.
    void count(const std::vector<NodeId>& replicas);
    /// `replicas` and as many more as make `replication_factor`, which is at most brokers(), and more than there are
    /// replicas. The first of all is the preferred leader.
    std::vector<NodeId> extend(std::vector<NodeId> replicas, uint32_t replication_factor);
    /// The same from nothing, for `partitions` of them.
    std::vector<std::vector<NodeId>> place(uint32_t partitions, uint32_t replication_factor);

private:
    static constexpr uint32_t no_rack = UINT32_MAX;

    struct Candidate {
        NodeId id;
        uint32_t rack = no_rack;   // a number for each name
        Load cluster;              // with what is placed here
        Load topic;
    };

    Candidate* find(NodeId id);
    const Candidate& next_leader() const;
    const Candidate& next_follower(const std::vector<NodeId>& replicas);

    std::vector<Candidate> brokers_;  // in order of their ids
    std::map<std::pair<NodeId, NodeId>, uint32_t> followed_;  // how often: leader, follower
};

}  // namespace penstock::coordinator
