#include "coordinator/state.h"

#include <algorithm>

#include "base/assert.h"
#include "coordinator/node_ids.h"
#include "limits.h"

namespace penstock::coordinator {

namespace {

constexpr size_t row_bytes_max = 2 * mib;  // scratch for one row; the largest holds a topic's configs

std::vector<int32_t> numbers(const std::vector<NodeId>& ids) {
    std::vector<int32_t> out;
    out.reserve(ids.size());
    for (NodeId id : ids) out.push_back(id.value);
    return out;
}

}  // namespace

const Broker* State::broker(NodeId id) const {
    auto at = brokers_.find(id);
    return at == brokers_.end() ? nullptr : &at->second;
}

bool State::alive(NodeId id) const {
    const Broker* found = broker(id);
    return found != nullptr && !found->fenced;
}

bool State::eligible(NodeId id) const {
    const Broker* found = broker(id);
    return found != nullptr && !found->fenced && !found->stopping;
}

std::vector<NodeId> State::eligible_brokers() const {
    std::vector<NodeId> ids;
    for (const auto& [id, broker] : brokers_)
        if (!broker.fenced && !broker.stopping) ids.push_back(id);
    return ids;
}

std::vector<NodeId> State::alive_brokers() const {
    std::vector<NodeId> ids;
    for (const auto& [id, broker] : brokers_)
        if (!broker.fenced) ids.push_back(id);
    return ids;
}

Load State::load_of(NodeId id) const {
    auto at = loads_.find(id);
    return at == loads_.end() ? Load{} : at->second;
}

void State::count_in(const Partition& partition) {
    for (NodeId id : partition.replicas) ++loads_[id].replicas;
    ++loads_[partition.replicas.front()].preferred;
}

void State::count_out(const Partition& partition) {
    for (NodeId id : partition.replicas) --loads_.at(id).replicas;
    --loads_.at(partition.replicas.front()).preferred;
}

const Topic* State::topic(const Uuid& id) const {
    auto at = topics_.find(id);
    return at == topics_.end() ? nullptr : &at->second;
}

const Topic* State::topic(std::string_view name) const {
    auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : topic(at->second);
}

void State::set_cluster_id(const Uuid& id) {
    PENSTOCK_ASSERT(cluster_id_.is_zero() && !id.is_zero());
    cluster_id_ = id;
    dirty_.insert(cluster_key());
}

void State::begin_epoch(const Uuid& id) {
    const int32_t number = epochs_.empty() ? 1 : epochs_.rbegin()->first + 1;
    epochs_[number] = {id, revision_ + 1};
    dirty_.insert(epoch_key(number));
    if (epochs_.size() <= limits::coordinator_epochs_max) return;
    dirty_.insert(epoch_key(epochs_.begin()->first));
    epochs_.erase(epochs_.begin());
}

const Uuid& State::epoch_id() const {
    PENSTOCK_ASSERT(!epochs_.empty());
    return epochs_.rbegin()->second.id;
}

bool State::in_history(const Uuid& epoch_id, uint64_t revision) const {
    auto at = std::ranges::find_if(epochs_, [&](const auto& entry) { return entry.second.id == epoch_id; });
    if (at == epochs_.end() || revision < at->second.first_revision) return false;
    auto after = std::next(at);
    return after == epochs_.end() ? revision <= revision_ : revision < after->second.first_revision;
}

void State::set_broker(Broker broker) {
    PENSTOCK_ASSERT(broker.id.value >= 0);
    dirty_.insert(broker_key(broker.id));
    brokers_[broker.id] = std::move(broker);
    PENSTOCK_ASSERT(brokers_.size() <= limits::brokers_max);
}

// The topic now belongs to the next revision: watchers that have seen it before get it again.
void State::touch(Topic& topic) {
    order_.erase({topic.revision, topic.id});
    topic.revision = revision_ + 1;
    order_.insert({topic.revision, topic.id});
}

void State::add_topic(Topic topic) {
    PENSTOCK_ASSERT(!topics_.contains(topic.id) && !deleted_.contains(topic.id));
    PENSTOCK_ASSERT(!by_name_.contains(topic.name) && !topic.partitions.empty());
    dirty_.insert(topic_key(topic.id));
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
        dirty_.insert(partition_key(topic.id, static_cast<int32_t>(i)));
        count_in(topic.partitions[i]);
    }
    partition_count_ += topic.partitions.size();
    by_name_[topic.name] = topic.id;
    touch(topic);
    topics_[topic.id] = std::move(topic);
}

void State::add_partitions(const Uuid& id, std::vector<Partition> partitions) {
    Topic& topic = topics_.at(id);
    for (Partition& partition : partitions) {
        PENSTOCK_ASSERT(!partition.isr.empty());
        dirty_.insert(partition_key(id, static_cast<int32_t>(topic.partitions.size())));
        count_in(partition);
        topic.partitions.push_back(std::move(partition));
    }
    partition_count_ += partitions.size();
    dirty_.insert(topic_key(id));   // it says how many there are
    touch(topic);
}

void State::set_configs(const Uuid& id, Configs configs) {
    Topic& topic = topics_.at(id);
    topic.configs = std::move(configs);
    dirty_.insert(topic_key(id));
    touch(topic);
}

void State::set_partition(const Uuid& id, int32_t index, Partition partition) {
    Topic& topic = topics_.at(id);
    Partition& current = topic.partitions.at(static_cast<size_t>(index));
    PENSTOCK_ASSERT(partition.leader_epoch >= current.leader_epoch);
    PENSTOCK_ASSERT(partition.leader == current.leader || partition.leader_epoch > current.leader_epoch);
    PENSTOCK_ASSERT(!partition.isr.empty());
    PENSTOCK_ASSERT(contains_all(partition.replicas, partition.isr));
    PENSTOCK_ASSERT(partition.leader == no_node || contains_all(partition.isr, {partition.leader}));
    partition.partition_epoch = current.partition_epoch + 1;
    count_out(current);
    count_in(partition);
    current = std::move(partition);
    dirty_.insert(partition_key(id, index));
    touch(topic);
}

void State::delete_topic(const Uuid& id) {
    auto at = topics_.find(id);
    PENSTOCK_ASSERT(at != topics_.end());
    Topic& topic = at->second;
    DeletedTopic deleted{.revision = revision_ + 1, .waiting_for = {}};
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
        dirty_.insert(partition_key(id, static_cast<int32_t>(i)));
        for (NodeId replica : topic.partitions[i].replicas) deleted.waiting_for.push_back(replica);
        count_out(topic.partitions[i]);
    }
    std::ranges::sort(deleted.waiting_for);
    auto repeated = std::ranges::unique(deleted.waiting_for);
    deleted.waiting_for.erase(repeated.begin(), repeated.end());
    dirty_.insert(topic_key(id));
    dirty_.insert(deleted_key(id));
    partition_count_ -= topic.partitions.size();
    by_name_.erase(topic.name);
    order_.erase({topic.revision, id});
    deleted_order_.insert({deleted.revision, id});
    deleted_[id] = std::move(deleted);
    topics_.erase(at);
}

void State::confirm_deleted(const Uuid& id, NodeId broker) {
    auto at = deleted_.find(id);
    if (at == deleted_.end() || std::erase(at->second.waiting_for, broker) == 0) return;
    dirty_.insert(deleted_key(id));
    if (!at->second.waiting_for.empty()) return;
    forgotten_revision_ = std::max(forgotten_revision_, at->second.revision);
    deleted_order_.erase({at->second.revision, id});
    deleted_.erase(at);
}

int64_t State::allocate_producer_ids(int32_t count) {
    PENSTOCK_ASSERT(count > 0);
    if (next_producer_id_ > INT64_MAX - count) return -1;
    dirty_.insert(producer_ids_key());
    return std::exchange(next_producer_id_, next_producer_id_ + count);
}

bool State::exists(const RowKey& key) const {
    switch (key.kind) {
        case RowKind::cluster:
        case RowKind::producer_ids:
        case RowKind::broker: return true;
        case RowKind::epoch: return epochs_.contains(key.epoch);
        case RowKind::topic:
        case RowKind::partition: return topics_.contains(key.topic);
        case RowKind::deleted: return deleted_.contains(key.topic);
    }
    PENSTOCK_ASSERT(false);
}

std::string State::encode(const RowKey& key, Arena& arena) const {
    switch (key.kind) {
        case RowKind::cluster: return encode_row(ClusterRow{cluster_id_}, arena);
        case RowKind::producer_ids: return encode_row(ProducerIdsRow{next_producer_id_}, arena);
        case RowKind::epoch: {
            const Epoch& e = epochs_.at(key.epoch);
            return encode_row(EpochRow{e.id, static_cast<int64_t>(e.first_revision)}, arena);
        }
        case RowKind::broker: {
            const Broker& b = brokers_.at(key.broker);
            return encode_row(BrokerRow{b.incarnation, b.storage_id, b.host, b.port,
                                        static_cast<int32_t>(b.shard_count), b.fenced, b.native_port, b.rack,
                                        b.stopping}, arena);
        }
        case RowKind::topic: {
            const Topic& t = topics_.at(key.topic);
            std::vector<wire::node::TopicConfig> configs;
            for (const auto& [name, value] : t.configs) configs.push_back({name, value});
            return encode_row(TopicRow{t.name, static_cast<int32_t>(t.partitions.size()), configs}, arena);
        }
        case RowKind::partition: {
            const Partition& p = topics_.at(key.topic).partitions.at(static_cast<size_t>(key.partition));
            const std::vector<int32_t> replicas = numbers(p.replicas), isr = numbers(p.isr);
            const std::vector<int32_t> adding = numbers(p.adding), removing = numbers(p.removing);
            const std::vector<int32_t> before = numbers(p.before);
            return encode_row(PartitionRow{p.leader.value, p.leader_epoch.value, replicas, isr, p.partition_epoch,
                                           adding, removing, before}, arena);
        }
        case RowKind::deleted: {
            const DeletedTopic& d = deleted_.at(key.topic);
            const std::vector<int32_t> waiting = numbers(d.waiting_for);
            return encode_row(DeletedRow{static_cast<int64_t>(d.revision), waiting}, arena);
        }
    }
    PENSTOCK_ASSERT(false);
}

io::StoreTransaction State::take_transaction() {
    PENSTOCK_ASSERT(!dirty_.empty());
    io::StoreTransaction transaction{.revision = ++revision_, .puts = {}, .removes = {}, .token = revision_};
    Arena arena(row_bytes_max);
    for (const RowKey& key : dirty_) {
        if (exists(key)) transaction.puts.push_back({to_text(key), encode(key, arena)});
        else transaction.removes.push_back(to_text(key));
    }
    dirty_.clear();
    return transaction;
}

}  // namespace penstock::coordinator
