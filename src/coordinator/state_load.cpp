// Building the state from the store's rows. Bytes on a disk are from outside: everything is checked, nothing asserted.
#include <algorithm>

#include "coordinator/node_ids.h"
#include "coordinator/state.h"
#include "limits.h"

namespace penstock::coordinator {

namespace {

constexpr size_t decode_bytes_max = 4 * mib;

std::vector<NodeId> nodes(wire::Array<int32_t> numbers) {
    std::vector<NodeId> out;
    out.reserve(numbers.size());
    for (int32_t number : numbers) out.push_back(NodeId{number});
    return out;
}

bool distinct(std::vector<NodeId> ids) {
    std::ranges::sort(ids);
    return std::ranges::adjacent_find(ids) == ids.end();
}

// Who comes and who goes are replicas, nobody is both, somebody stays, and what was before is all but who comes.
bool reassigns_rightly(const Partition& partition) {
    std::vector<NodeId> moving = partition.adding;
    moving.insert(moving.end(), partition.removing.begin(), partition.removing.end());
    if (partition.before.empty()) return moving.empty();
    std::vector<NodeId> all = partition.before;
    all.insert(all.end(), partition.adding.begin(), partition.adding.end());
    return !moving.empty() && distinct(moving) && contains_all(partition.replicas, moving) && distinct(all) &&
           contains_all(partition.replicas, all) && all.size() == partition.replicas.size() &&
           partition.removing.size() < partition.replicas.size();
}

}  // namespace

struct State::Loader {
    State& state;
    Arena arena{decode_bytes_max};

    // Each returns what is wrong, or nullptr.
    const char* cluster(const io::StoreRow& row) {
        ClusterRow fields;
        if (!decode_row(row.value, arena, fields) || fields.cluster_id.is_zero()) return "is not a cluster row";
        state.cluster_id_ = fields.cluster_id;
        return nullptr;
    }

    const char* epoch(const RowKey& key, const io::StoreRow& row) {
        EpochRow fields;
        if (!decode_row(row.value, arena, fields) || fields.id.is_zero()) return "is not an epoch row";
        const uint64_t least = state.epochs_.empty() ? 1 : state.epochs_.rbegin()->second.first_revision + 1;
        if (fields.first_revision < static_cast<int64_t>(least) ||
            static_cast<uint64_t>(fields.first_revision) > state.revision_)
            return "has a revision that never was";
        state.epochs_[key.epoch] = {fields.id, static_cast<uint64_t>(fields.first_revision)};
        return nullptr;
    }

    const char* broker(const RowKey& key, const io::StoreRow& row) {
        BrokerRow fields;
        if (!decode_row(row.value, arena, fields)) return "is not a broker row";
        const bool ports = fields.port > 0 && fields.port <= 65535 && fields.native_port >= 0 &&
                           fields.native_port <= 65535;
        if (!ports || fields.shard_count <= 0) return "has a wrong port or shard count";
        if (fields.rack.size() > limits::rack_bytes_max) return "has a too long rack";
        if (state.brokers_.size() >= limits::brokers_max) return "is one broker too many";
        state.brokers_[key.broker] = {.id = key.broker, .incarnation = fields.incarnation,
                                      .storage_id = fields.storage_id, .host = std::string(fields.host),
                                      .port = static_cast<uint16_t>(fields.port),
                                      .shard_count = static_cast<uint32_t>(fields.shard_count),
                                      .native_port = static_cast<uint16_t>(fields.native_port),
                                      .rack = std::string(fields.rack), .fenced = fields.fenced,
                                      .stopping = fields.stopping};
        return nullptr;
    }

    const char* topic(const RowKey& key, const io::StoreRow& row) {
        TopicRow fields;
        if (!decode_row(row.value, arena, fields)) return "is not a topic row";
        if (fields.partitions <= 0 || fields.partitions > static_cast<int32_t>(limits::partitions_per_topic_max))
            return "has a wrong number of partitions";
        Topic topic{.id = key.topic, .name = std::string(fields.name), .revision = state.revision_, .partitions = {},
                    .configs = {}};
        topic.partitions.resize(static_cast<size_t>(fields.partitions));
        for (const auto& config : fields.configs) topic.configs.emplace(config.key, config.value);
        if (!state.by_name_.emplace(topic.name, key.topic).second) return "has the name of another topic";
        state.partition_count_ += topic.partitions.size();
        state.order_.insert({topic.revision, topic.id});
        state.topics_[key.topic] = std::move(topic);
        return nullptr;
    }

    const char* partition(const RowKey& key, const io::StoreRow& row) {
        auto topic = state.topics_.find(key.topic);
        if (topic == state.topics_.end()) return "belongs to no topic";
        const auto index = static_cast<size_t>(key.partition);
        if (index >= topic->second.partitions.size()) return "is beyond its topic's number of partitions";
        PartitionRow fields;
        if (!decode_row(row.value, arena, fields)) return "is not a partition row";
        Partition partition{.leader = NodeId{fields.leader}, .leader_epoch = LeaderEpoch{fields.leader_epoch},
                            .replicas = nodes(fields.replicas), .isr = nodes(fields.isr),
                            .adding = nodes(fields.adding), .removing = nodes(fields.removing),
                            .before = nodes(fields.before), .partition_epoch = fields.partition_epoch};
        if (partition.replicas.empty() || partition.isr.empty() || !distinct(partition.replicas) ||
            !distinct(partition.isr) || !contains_all(partition.replicas, partition.isr) || fields.leader_epoch < 0 ||
            fields.partition_epoch < 0)
            return "has wrong replicas";
        if (!reassigns_rightly(partition)) return "has a wrong reassignment";
        if (partition.leader != no_node && !contains_all(partition.isr, {partition.leader}))
            return "has a leader that is not in sync";
        state.count_in(partition);
        topic->second.partitions[index] = std::move(partition);
        return nullptr;
    }

    const char* deleted(const RowKey& key, const io::StoreRow& row) {
        DeletedRow fields;
        if (!decode_row(row.value, arena, fields) || fields.waiting_for.empty()) return "is not a deletion";
        if (fields.revision <= 0 || static_cast<uint64_t>(fields.revision) > state.revision_)
            return "has a revision that never was";
        if (state.topics_.contains(key.topic)) return "is a topic that exists";
        DeletedTopic topic{static_cast<uint64_t>(fields.revision), nodes(fields.waiting_for)};
        state.deleted_order_.insert({topic.revision, key.topic});
        state.deleted_[key.topic] = std::move(topic);
        return nullptr;
    }

    const char* producer_ids(const io::StoreRow& row) {
        ProducerIdsRow fields;
        if (!decode_row(row.value, arena, fields) || fields.next <= 0) return "is not a row of producer ids";
        state.next_producer_id_ = fields.next;
        return nullptr;
    }

    const char* row(const RowKey& key, const io::StoreRow& row) {
        arena.reset();
        switch (key.kind) {
            case RowKind::cluster: return cluster(row);
            case RowKind::epoch: return epoch(key, row);
            case RowKind::broker: return broker(key, row);
            case RowKind::topic: return topic(key, row);
            case RowKind::partition: return partition(key, row);
            case RowKind::deleted: return deleted(key, row);
            case RowKind::producer_ids: return producer_ids(row);
        }
        return "is of no kind";
    }
};

std::expected<State, std::string> State::load(const io::StoreContents& contents) {
    State state;
    state.revision_ = contents.revision;
    // What was forgotten before the restart is not recorded: older watchers get the whole state.
    state.forgotten_revision_ = contents.revision;
    Loader loader{state};
    std::vector<std::pair<RowKey, const io::StoreRow*>> rows;
    for (const io::StoreRow& row : contents.rows) {
        auto key = parse_row_key(row.key);
        if (!key) return std::unexpected("row \"" + row.key + "\" has a key of no known kind");
        rows.emplace_back(*key, &row);
    }
    std::ranges::sort(rows);  // by kind: topics before partitions and deletions
    for (const auto& [key, row] : rows)
        if (const char* wrong = loader.row(key, *row)) return std::unexpected("row \"" + row->key + "\" " + wrong);
    if (state.revision_ > 0 && state.cluster_id_.is_zero()) return std::unexpected("row \"cluster\" is missing");
    if (state.revision_ > 0 && state.epochs_.empty()) return std::unexpected("every row \"epoch/...\" is missing");
    for (const auto& [id, topic] : state.topics_) {
        auto hole = std::ranges::find_if(topic.partitions, [](const Partition& p) { return p.replicas.empty(); });
        if (hole == topic.partitions.end()) continue;
        const auto index = static_cast<int32_t>(hole - topic.partitions.begin());
        return std::unexpected("row \"" + to_text(partition_key(id, index)) + "\" is missing");
    }
    return state;
}

}  // namespace penstock::coordinator
