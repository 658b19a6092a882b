// The cluster's state in memory: brokers, topics, partitions, topics whose logs are still to be removed.
//
// Stepped by Coordinator. The store's rows are this state: load() builds it from them, and every change marks the rows
// that it touches until take_transaction() turns them into the one transaction of the next revision.
// Invariants. Changes after the last take_transaction() carry revision() + 1. Leader epochs never go down, and a
// partition's own epoch rises with every change of it. Who is in sync is a replica, who leads is in sync. `order()`
// holds every topic once, at the revision of its last change. Indexes and maps agree: load() checks, changes keep it
// so. What it does not do: decide anything (membership, topics, election), know time or connections.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"
#include "coordinator/rows.h"
#include "io/store.h"

namespace penstock::coordinator {

inline constexpr NodeId no_node{-1};

struct Broker {
    NodeId id = no_node;
    Uuid incarnation;
    Uuid storage_id;
    std::string host;
    uint16_t port = 0;
    uint32_t shard_count = 1;
    uint16_t native_port = 0;   ///< of shard 0 for datagrams, the other shards' behind it; 0: none
    std::string rack;           ///< empty: none
    bool fenced = true;         ///< no session: leads nothing new, gets no new partitions
    bool stopping = false;      ///< alive, but wants to stop: leads and gets nothing new either
    friend bool operator==(const Broker&, const Broker&) = default;
};

struct Partition {
    NodeId leader = no_node;
    LeaderEpoch leader_epoch{0};
    std::vector<NodeId> replicas;  ///< the preferred leader first; those that go are last
    std::vector<NodeId> isr;
    std::vector<NodeId> adding{};    ///< of the replicas, those that a reassignment brings
    std::vector<NodeId> removing{};  ///< of the replicas, those that go when it is done
    std::vector<NodeId> before{};    ///< the replicas to which its cancellation returns; empty: there is none
    int32_t partition_epoch = 0;     ///< of this record: set_partition() raises it
    friend bool operator==(const Partition&, const Partition&) = default;
};

/// How much of the cluster a broker has.
struct Load {
    uint64_t replicas = 0;
    uint64_t preferred = 0;   ///< partitions of which it is the preferred leader
    friend bool operator==(const Load&, const Load&) = default;
};

using Configs = std::map<std::string, std::string, std::less<>>;

struct Topic {
    Uuid id;
    std::string name;
    uint64_t revision = 0;  ///< of the last change; after a restart, of the state that was loaded
    std::vector<Partition> partitions;
    Configs configs;
};

/// One start of the coordinator. Two histories that part (a restored backup) have different ids from there on.
struct Epoch {
    Uuid id;
    uint64_t first_revision = 0;
};

struct DeletedTopic {
    uint64_t revision = 0;             ///< of the deletion
    std::vector<NodeId> waiting_for;   ///< brokers that had logs of it and have not confirmed their removal
};

class State {
public:
    /// The failure says which row is broken and how.
    static std::expected<State, std::string> load(const io::StoreContents& contents);

    // What is there.
    uint64_t revision() const { return revision_; }
    const Uuid& cluster_id() const { return cluster_id_; }
    const Uuid& epoch_id() const;   ///< of the last start; one must have begun
    /// Whether this state's history holds what was seen at `revision` in the epoch `id`.
    bool in_history(const Uuid& epoch_id, uint64_t revision) const;
    const std::map<NodeId, Broker>& brokers() const { return brokers_; }
    const Broker* broker(NodeId id) const;
    bool alive(NodeId id) const;
    /// Alive and not about to stop: may lead, and hold more.
    bool eligible(NodeId id) const;
    std::vector<NodeId> eligible_brokers() const;  ///< in order
    std::vector<NodeId> alive_brokers() const;     ///< in order
    Load load_of(NodeId id) const;
    const std::map<Uuid, Topic>& topics() const { return topics_; }
    const Topic* topic(const Uuid& id) const;
    const Topic* topic(std::string_view name) const;
    uint64_t partition_count() const { return partition_count_; }
    /// Topics in the order of their last change.
    const std::set<std::pair<uint64_t, Uuid>>& order() const { return order_; }
    const std::map<Uuid, DeletedTopic>& deleted() const { return deleted_; }
    /// Deletions in the order of their revision.
    const std::set<std::pair<uint64_t, Uuid>>& deleted_order() const { return deleted_order_; }
    int64_t next_producer_id() const { return next_producer_id_; }
    /// Deletions up to this revision may have been forgotten: who knows less than it needs the whole state.
    uint64_t forgotten_revision() const { return forgotten_revision_; }

    // Changes, all of revision() + 1. Arguments are within limits.h.
    void set_cluster_id(const Uuid& id);
    /// Once at every start. The oldest of many epochs is forgotten.
    void begin_epoch(const Uuid& id);
    void set_broker(Broker broker);
    void add_topic(Topic topic);
    void add_partitions(const Uuid& topic, std::vector<Partition> partitions);
    void set_configs(const Uuid& topic, Configs configs);
    /// The partition's own epoch is the present one and one more, whatever `partition` says.
    void set_partition(const Uuid& topic, int32_t index, Partition partition);
    void delete_topic(const Uuid& topic);
    /// `broker` has no logs of the topic any more. The last one to say so makes it forgotten.
    void confirm_deleted(const Uuid& topic, NodeId broker);

    /// The first of `count` ids that nobody was or will be given; -1: there are no more.
    int64_t allocate_producer_ids(int32_t count);

    size_t dirty_rows() const { return dirty_.size(); }
    /// The changes since the last call; there must be some. revision() is theirs from here on.
    io::StoreTransaction take_transaction();

private:
    struct Loader;

    void touch(Topic& topic);
    void count_in(const Partition& partition);
    void count_out(const Partition& partition);
    std::string encode(const RowKey& key, Arena& arena) const;
    bool exists(const RowKey& key) const;

    uint64_t revision_ = 0;
    uint64_t forgotten_revision_ = 0;
    Uuid cluster_id_;
    std::map<int32_t, Epoch> epochs_;
    std::map<NodeId, Broker> brokers_;
    std::map<Uuid, Topic> topics_;
    std::map<std::string, Uuid, std::less<>> by_name_;
    std::set<std::pair<uint64_t, Uuid>> order_;
    std::map<Uuid, DeletedTopic> deleted_;
    std::set<std::pair<uint64_t, Uuid>> deleted_order_;
    uint64_t partition_count_ = 0;
    std::map<NodeId, Load> loads_;
    int64_t next_producer_id_ = 0;
    std::set<RowKey> dirty_;
};

}  // namespace penstock::coordinator
