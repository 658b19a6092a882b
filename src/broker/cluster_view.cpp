#include "broker/cluster_view.h"

#include <algorithm>
#include <numeric>

namespace penstock::broker {

bool PartitionView::in_sync(NodeId id) const { return std::ranges::find(isr, id) != isr.end(); }

const std::string* TopicView::config(std::string_view key) const {
    auto at = std::ranges::lower_bound(configs, key, {}, [](const ConfigEntry& e) { return std::string_view(e.key); });
    return at != configs.end() && at->key == key ? &at->value : nullptr;
}

size_t TopicView::replication_factor() const {
    if (partitions.empty()) return 1;
    return partitions.front().replicas.size() - partitions.front().adding.size();
}

const BrokerView* find_broker(std::span<const BrokerView> brokers, NodeId id) {
    const auto at = std::ranges::lower_bound(brokers, id, {}, &BrokerView::id);
    return at != brokers.end() && at->id == id ? &*at : nullptr;
}

const BrokerView* ClusterView::broker(NodeId id) const { return find_broker(brokers, id); }

const TopicView* ClusterView::topic(std::string_view name) const {
    auto at = std::ranges::lower_bound(topics, name, {}, [](const auto& t) { return std::string_view(t->name); });
    return at != topics.end() && (*at)->name == name ? at->get() : nullptr;
}

const TopicView* ClusterView::topic(const Uuid& id) const {
    auto at = std::ranges::lower_bound(by_id_, id, {}, [this](uint32_t i) -> const Uuid& { return topics[i]->id; });
    return at != by_id_.end() && topics[*at]->id == id ? topics[*at].get() : nullptr;
}

bool ClusterView::alive(NodeId id) const {
    const BrokerView* found = broker(id);
    return found != nullptr && found->alive;
}

bool ClusterView::deleted(const Uuid& id) const { return std::ranges::binary_search(deleted_topics, id); }

void ClusterView::seal() {
    std::ranges::sort(brokers, {}, &BrokerView::id);
    std::ranges::sort(topics, {}, [](const auto& t) { return std::string_view(t->name); });
    std::ranges::sort(deleted_topics);
    by_id_.resize(topics.size());
    std::iota(by_id_.begin(), by_id_.end(), 0u);
    std::ranges::sort(by_id_, {}, [this](uint32_t i) -> const Uuid& { return topics[i]->id; });
}

}  // namespace penstock::broker
