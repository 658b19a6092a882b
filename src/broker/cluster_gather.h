// Puts the coordinator's pages together into views of the cluster.
//
// Stepped by CoordinatorLink with every answer to a watch. Invariants: a view is made only from whole sets of pages;
// revisions and epochs never go back from one view to the next; sizes stay within limits.h, whatever the peer
// sends. It survives reconnects: a position is a place in the coordinator's durable order of changes, so pages go on
// from it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/units.h"
#include "base/uuid.h"
#include "broker/cluster_view.h"
#include "wire/node/watch_cluster.h"

namespace penstock::broker {

class ClusterGather {
public:
    explicit ClusterGather(NodeId self) : self_(self) {}

    /// What to ask for next; the caller adds session and wait.
    wire::node::WatchClusterRequest request() const;
    /// True if the last page said that more follow: ask at once.
    bool incomplete() const { return incomplete_; }

    /// Takes a page. Empty if it is fine, else what is wrong with it: give the coordinator up. What was gathered is
    /// dropped then, the last view stays.
    std::string take(const wire::node::WatchClusterResponse& page, const Uuid& cluster_id);

    /// The last view; nullptr before the first.
    const std::shared_ptr<const ClusterView>& view() const { return view_; }
    /// Revision of the last page; 0 before the first.
    uint64_t seen_revision() const { return revision_; }

    /// Deletions up to this revision were carried out: later views need not list them.
    void confirm_applied(uint64_t revision);

private:
    std::string check(const wire::node::WatchClusterResponse& page) const;
    std::string take_page(const wire::node::WatchClusterResponse& page, const Uuid& cluster_id);
    std::string take_topic(const wire::node::WatchedTopic& topic);
    std::string publish(const wire::node::WatchClusterResponse& page, const Uuid& cluster_id);

    NodeId self_;
    uint64_t revision_ = 0;          // of the last page
    int64_t after_revision_ = 0;
    Uuid after_topic_;
    bool incomplete_ = false;
    bool from_scratch_ = true;       // what was gathered is no base: only a full state will do
    std::map<Uuid, std::shared_ptr<const TopicView>> topics_;
    uint64_t partitions_ = 0;
    std::map<Uuid, uint64_t> deleted_;  // by what revision they are certainly gone
    std::shared_ptr<const ClusterView> view_;
};

}  // namespace penstock::broker
