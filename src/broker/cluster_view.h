// What a broker knows of its cluster: one immutable snapshot of the coordinator's state at one revision.
//
// Made on shard 0 by CoordinatorLink, then handed to every shard as shared_ptr<const ClusterView> by message. Readers
// never see it change; a new revision is a new object that shares the topics that stayed as they were.
// Invariants. `topics` is ordered by name, `brokers` by id; a topic's partitions are indexed by partition number.
// A topic that is merely absent is not deleted: only the ids in `deleted_topics` are, and only their logs may go.
// It does not say what this broker has on disk, nor who is in sync this very moment: it is the record, not the fact.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"

namespace penstock::broker {

inline constexpr NodeId no_node{-1};

struct ConfigEntry {
    std::string key;
    std::string value;
    friend bool operator==(const ConfigEntry&, const ConfigEntry&) = default;
};

struct PartitionView {
    NodeId leader = no_node;        ///< on record; no_node when nobody may lead. Alive? ask ClusterView::alive()
    LeaderEpoch leader_epoch{0};    ///< never goes down for one topic id
    std::vector<NodeId> replicas;   ///< the preferred leader first
    std::vector<NodeId> isr;
    std::vector<NodeId> adding{};    ///< of the replicas, those that a reassignment brings
    std::vector<NodeId> removing{};  ///< of the replicas, those that go when it is done
    int32_t partition_epoch = 0;     ///< of this record, one more with every change: what a proposal must name

    bool in_sync(NodeId id) const;
    friend bool operator==(const PartitionView&, const PartitionView&) = default;
};

struct TopicView {
    std::string name;
    Uuid id;
    uint64_t revision = 0;               ///< of its last change: equal id and revision mean equal contents
    std::vector<PartitionView> partitions;
    std::vector<ConfigEntry> configs;    ///< only what was set; ordered by key

    /// The value set for `key`, or nullptr: the default applies.
    const std::string* config(std::string_view key) const;
    /// Replicas of each partition; those that a reassignment is only bringing do not count yet.
    size_t replication_factor() const;
};

struct BrokerView {
    NodeId id = no_node;
    std::string host;          ///< as advertised to Kafka clients
    uint16_t port = 0;
    uint32_t shard_count = 1;
    uint16_t native_port = 0;  ///< of shard 0 for native clients, the other shards' behind it; 0: none
    bool alive = false;        ///< has a session with the coordinator (is not fenced)
    std::string rack{};        ///< empty: none
    Uuid incarnation{};        ///< of its last registration
    friend bool operator==(const BrokerView&, const BrokerView&) = default;
};

/// In a row of them by id; nullptr when it is not there.
const BrokerView* find_broker(std::span<const BrokerView> brokers, NodeId id);

struct ClusterView {
    uint64_t revision = 0;
    Uuid cluster_id;
    NodeId controller_id = no_node;      ///< a live broker: every broker forwards changes to the coordinator
    std::vector<BrokerView> brokers;
    std::vector<std::shared_ptr<const TopicView>> topics;
    std::vector<Uuid> deleted_topics;    ///< ordered; listed until this broker confirmed (confirm_applied)

    /// Lookups by binary search; nullptr when there is none. The results live as long as this view.
    const BrokerView* broker(NodeId id) const;
    const TopicView* topic(std::string_view name) const;
    const TopicView* topic(const Uuid& id) const;
    bool alive(NodeId id) const;
    bool deleted(const Uuid& id) const;

    /// Orders everything and builds the index by id. The maker calls it once, before anybody else sees the view.
    void seal();

private:
    std::vector<uint32_t> by_id_;        ///< positions in `topics`, ordered by topic id
};

}  // namespace penstock::broker
