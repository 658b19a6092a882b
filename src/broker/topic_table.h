// The topics of the latest view that this shard was given, with their configs parsed once.
//
// Stepped by its shard: prepare() when a view arrives, so that the Owner can make ready what it names, and publish()
// when all shards have done so; lookups by every request. Pointers to a Topic live until the next publish(); requests
// that wait keep ids, not pointers. Invariant: what lookups find is ready at every owner.
// What it does not do: logs. What changes is reported, and the Owner acts on it.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/cluster_view.h"
#include "broker/topic_config.h"

namespace penstock::broker {

struct Topic {
    std::shared_ptr<const TopicView> view;
    TopicSettings settings;
};

class TopicTable {
public:
    explicit TopicTable(const BrokerOptions& options);

    /// Takes the next view; returns the topics that are new or differ from before, alive until publish().
    std::vector<const Topic*> prepare(std::shared_ptr<const ClusterView> view);
    /// From now on lookups go to the prepared view.
    void publish();

    /// Before the first publish() a view without brokers and topics.
    const ClusterView& view() const { return *view_; }
    const Topic* find(std::string_view name) const;
    const Topic* find(const Uuid& id) const;

private:
    BrokerOptions options_;
    std::shared_ptr<const ClusterView> view_;
    std::unordered_map<Uuid, Topic, UuidHash> topics_;
    std::shared_ptr<const ClusterView> next_view_;
    std::vector<Topic> changes_;   ///< of the next view
};

}  // namespace penstock::broker
