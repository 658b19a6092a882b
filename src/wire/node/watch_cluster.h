// WatchCluster: a long poll for the cluster's state, in pages.
//
// The coordinator orders topics by (revision of the last change, id). A watcher says how far it has come in that order
// (`after_*`) and gets what lies behind, at most a page; `more` says that the rest must be fetched before the pages
// make one state. A topic that changes meanwhile moves to the end and comes again, so the last page's revision is an
// exact one. `deleted` lists the topics deleted since the request's `revision`; when the coordinator no longer knows
// them all, it answers `full`: what was gathered before is void, the order starts again, and `deleted` holds every
// topic that some broker has not confirmed. Brokers are few and come whole in every page. With nothing new the answer
// waits, at most wait_ms, and then repeats the revision.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct WatchClusterRequest {
    static constexpr NodeKey key = NodeKey::watch_cluster;
    int64_t session = 0;
    int64_t revision = 0;          ///< of the last answer; 0: start
    int64_t after_revision = 0;    ///< the last answer's; 0: start
    Uuid after_topic;
    int32_t wait_ms = 0;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(revision);
        c.field(after_revision);
        c.field(after_topic);
        c.field(wait_ms);
    }
};

struct WatchedBroker {
    int32_t id = -1;
    std::string_view host;
    int32_t port = 0;
    int32_t shard_count = 1;
    bool alive = false;
    int32_t native_port = 0;   ///< of shard 0, the other shards' behind it; 0: none
    std::string_view rack;     ///< empty: none
    Uuid incarnation;          ///< of its last registration

    template <class C>
    void fields(C& c) {
        c.field(id);
        c.field(host);
        c.field(port);
        c.field(shard_count);
        c.field(alive);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, native_port, from(0), 0);
        c.tag(1, rack, from(0));
        c.tag(2, incarnation, from(0));
    }
};

/// At its index in the topic.
struct WatchedPartition {
    int32_t leader = -1;
    int32_t leader_epoch = 0;
    Array<int32_t> replicas;
    Array<int32_t> isr;
    int32_t partition_epoch = 0;  ///< of this record: one more with every change
    Array<int32_t> adding;        ///< replicas that a reassignment brings
    Array<int32_t> removing;      ///< replicas that go when it is done

    template <class C>
    void fields(C& c) {
        c.field(leader);
        c.field(leader_epoch);
        c.field(replicas);
        c.field(isr);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, partition_epoch, from(0));
        c.tag(1, adding, from(0));
        c.tag(2, removing, from(0));
    }
};

struct TopicConfig {
    std::string_view key;
    std::string_view value;

    template <class C>
    void fields(C& c) {
        c.field(key);
        c.field(value);
    }
};

struct WatchedTopic {
    Uuid id;
    std::string_view name;
    int64_t revision = 0;  ///< of its last change
    Array<WatchedPartition> partitions;
    Array<TopicConfig> configs;

    template <class C>
    void fields(C& c) {
        c.field(id);
        c.field(name);
        c.field(revision);
        c.field(partitions);
        c.field(configs);
    }
};

struct WatchClusterResponse {
    static constexpr NodeKey key = NodeKey::watch_cluster;
    int16_t error = 0;
    int64_t revision = 0;
    bool full = false;
    bool more = false;
    int64_t after_revision = 0;
    Uuid after_topic;
    int32_t controller_id = -1;
    Array<WatchedBroker> brokers;
    Array<WatchedTopic> topics;
    Array<Uuid> deleted;     ///< gone, and their logs must go too

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(revision);
        c.field(full);
        c.field(more);
        c.field(after_revision);
        c.field(after_topic);
        c.field(controller_id);
        c.field(brokers);
        c.field(topics);
        c.field(deleted);
    }
};

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::WatchClusterRequest);
PENSTOCK_MESSAGE(node::WatchClusterResponse);
}  // namespace penstock::wire
