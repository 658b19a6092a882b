// The topics of the latest view that this shard was given, with their configs parsed once.
//
// Stepped by its shard: update() when a view arrives, lookups by every request. Pointers to a Topic live until the next
// update(); requests that wait keep ids, not pointers.
// What it does not do: logs. What changed is reported, and the Owner acts on it.
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
    explicit TopicTable(const log::LogConfig& default_log);

    /// Takes the next view; returns the topics that are new or differ from before.
    std::vector<const Topic*> update(std::shared_ptr<const ClusterView> view);

    /// Never null: before the first update() a view without brokers and topics.
    const ClusterView& view() const { return *view_; }
    const std::shared_ptr<const ClusterView>& shared_view() const { return view_; }
    const Topic* find(std::string_view name) const;
    const Topic* find(const Uuid& id) const;

private:
    log::LogConfig default_log_;
    std::shared_ptr<const ClusterView> view_;
    std::unordered_map<Uuid, Topic, UuidHash> topics_;
};

}  // namespace penstock::broker
