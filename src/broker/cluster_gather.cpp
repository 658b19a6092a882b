#include "broker/cluster_gather.h"

#include <algorithm>

#include "limits.h"

namespace penstock::broker {

using namespace wire::node;

namespace {

std::vector<NodeId> nodes(wire::Array<int32_t> numbers) {
    std::vector<NodeId> out;
    out.reserve(numbers.size());
    for (int32_t number : numbers) out.push_back(NodeId{number});
    return out;
}

// nullptr if it breaks the bounds.
std::shared_ptr<TopicView> to_view(const WatchedTopic& topic) {
    if (topic.id.is_zero() || topic.name.empty() || topic.name.size() > limits::topic_name_bytes_max ||
        topic.partitions.empty() || topic.partitions.size() > limits::partitions_per_topic_max ||
        topic.configs.size() > limits::topic_configs_max || topic.revision < 0)
        return nullptr;
    auto view = std::make_shared<TopicView>();
    view->name = topic.name;
    view->id = topic.id;
    view->revision = static_cast<uint64_t>(topic.revision);
    view->partitions.reserve(topic.partitions.size());
    for (const WatchedPartition& p : topic.partitions) {
        if (p.replicas.empty() || p.replicas.size() > limits::replication_factor_max ||
            p.isr.size() > p.replicas.size() || p.adding.size() > p.replicas.size() ||
            p.removing.size() > p.replicas.size() || p.leader_epoch < 0 || p.partition_epoch < 0)
            return nullptr;
        view->partitions.push_back({.leader = NodeId{p.leader}, .leader_epoch = LeaderEpoch{p.leader_epoch},
                                    .replicas = nodes(p.replicas), .isr = nodes(p.isr), .adding = nodes(p.adding),
                                    .removing = nodes(p.removing), .partition_epoch = p.partition_epoch});
    }
    for (const TopicConfig& config : topic.configs)
        view->configs.push_back({std::string(config.key), std::string(config.value)});
    std::ranges::sort(view->configs, {}, &ConfigEntry::key);
    return view;
}

bool epochs_went_back(const TopicView& before, const TopicView& now) {
    const size_t common = std::min(before.partitions.size(), now.partitions.size());
    for (size_t i = 0; i < common; ++i)
        if (now.partitions[i].leader_epoch < before.partitions[i].leader_epoch ||
            now.partitions[i].partition_epoch < before.partitions[i].partition_epoch)
            return true;
    return now.partitions.size() < before.partitions.size();
}

}  // namespace

WatchClusterRequest ClusterGather::request() const {
    WatchClusterRequest request;
    if (from_scratch_) return request;
    request.revision = static_cast<int64_t>(revision_);
    request.after_revision = after_revision_;
    request.after_topic = after_topic_;
    return request;
}

std::string ClusterGather::check(const WatchClusterResponse& page) const {
    if (page.revision < 0 || static_cast<uint64_t>(page.revision) < revision_)
        return "its revision went back from " + std::to_string(revision_) + " to " + std::to_string(page.revision);
    if (page.brokers.size() > limits::brokers_max || page.deleted.size() > limits::deleted_topics_max)
        return "it names too many brokers or deleted topics";
    if (from_scratch_ && !page.full) return "it sent changes instead of the whole state";
    // A page that moves nothing and promises more would be asked for again and again.
    if (page.more && page.topics.empty()) return "its page holds nothing";
    return {};
}

std::string ClusterGather::take(const WatchClusterResponse& page, const Uuid& cluster_id) {
    std::string wrong = take_page(page, cluster_id);
    from_scratch_ = !wrong.empty();
    return wrong;
}

std::string ClusterGather::take_page(const WatchClusterResponse& page, const Uuid& cluster_id) {
    if (std::string wrong = check(page); !wrong.empty()) return wrong;
    if (page.full) {
        topics_.clear();
        deleted_.clear();
        partitions_ = 0;
    }
    for (const Uuid& id : page.deleted) {
        if (auto gone = topics_.find(id); gone != topics_.end()) {
            partitions_ -= gone->second->partitions.size();
            topics_.erase(gone);
        }
        deleted_[id] = static_cast<uint64_t>(page.revision);
    }
    if (deleted_.size() > limits::deleted_topics_max) return "it names too many deleted topics";
    for (const WatchedTopic& topic : page.topics)
        if (std::string wrong = take_topic(topic); !wrong.empty()) return wrong;
    revision_ = static_cast<uint64_t>(page.revision);
    after_revision_ = page.after_revision;
    after_topic_ = page.after_topic;
    incomplete_ = page.more;
    return incomplete_ ? std::string{} : publish(page, cluster_id);
}

std::string ClusterGather::take_topic(const WatchedTopic& topic) {
    auto view = to_view(topic);
    if (view == nullptr) return "it sent a topic that breaks the bounds";
    const TopicView* published = view_ ? view_->topic(topic.id) : nullptr;
    if (published != nullptr && epochs_went_back(*published, *view))
        return "epochs of topic \"" + view->name + "\" went back";
    auto& slot = topics_[topic.id];
    partitions_ += view->partitions.size() - (slot ? slot->partitions.size() : 0);
    slot = std::move(view);
    if (topics_.size() > limits::topics_max || partitions_ > limits::partitions_max)
        return "it has too many topics or partitions";
    return {};
}

std::string ClusterGather::publish(const WatchClusterResponse& page, const Uuid& cluster_id) {
    if (view_ && view_->revision == revision_) return {};  // the wait ended with nothing new
    auto view = std::make_shared<ClusterView>();
    view->revision = revision_;
    view->cluster_id = cluster_id;
    // Every broker forwards changes; while the coordinator thinks that nobody is alive, this one does.
    view->controller_id = page.controller_id >= 0 ? NodeId{page.controller_id} : self_;
    for (const WatchedBroker& b : page.brokers) {
        if (b.id < 0 || b.port <= 0 || b.port > 65535 || b.shard_count <= 0 || b.native_port < 0 ||
            b.native_port > 65535 || b.rack.size() > limits::rack_bytes_max)
            return "it sent a broken broker";
        view->brokers.push_back({.id = NodeId{b.id}, .host = std::string(b.host), .port = static_cast<uint16_t>(b.port),
                                 .shard_count = static_cast<uint32_t>(b.shard_count),
                                 .native_port = static_cast<uint16_t>(b.native_port),
                                 .alive = b.alive, .rack = std::string(b.rack), .incarnation = b.incarnation});
    }
    view->topics.reserve(topics_.size());
    for (const auto& [id, topic] : topics_) view->topics.push_back(topic);
    for (const auto& [id, revision] : deleted_) view->deleted_topics.push_back(id);
    view->seal();
    auto same_name = [](const auto& a, const auto& b) { return a->name == b->name; };
    if (std::ranges::adjacent_find(view->topics, same_name) != view->topics.end()) return "two topics have one name";
    view_ = std::move(view);
    return {};
}

void ClusterGather::confirm_applied(uint64_t revision) {
    std::erase_if(deleted_, [&](const auto& entry) { return entry.second <= revision; });
}

}  // namespace penstock::broker
