// RegisterBroker: the first message of a broker's connection to the coordinator. Opens a session.
//
// The coordinator compares what the broker has seen before (cluster id, revision and in what epoch) with its own
// history: a broker of another cluster, or one that has seen what is not in the coordinator's history, is refused. An
// epoch is one start of the coordinator; without it an old backup could not be told once its revisions have caught up.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct RegisterBrokerRequest {
    static constexpr NodeKey key = NodeKey::register_broker;
    int32_t node_id = -1;
    Uuid incarnation;            ///< new for every start of the process
    Uuid storage_id;             ///< of the data directory
    std::string_view host;       ///< advertised to Kafka clients
    int32_t port = 0;
    int32_t shard_count = 1;
    Uuid cluster_id;             ///< zero: never been in a cluster
    int64_t revision = 0;        ///< of the last state seen; 0: none
    Uuid epoch_id;               ///< of the coordinator that sent it
    int32_t native_port = 0;     ///< of shard 0 for datagrams, the other shards' behind it; 0: none
    std::string_view rack;       ///< empty: none
    bool clean = false;          ///< this storage was shut down cleanly before this start: it lost nothing

    template <class C>
    void fields(C& c) {
        c.field(node_id);
        c.field(incarnation);
        c.field(storage_id);
        c.field(host);
        c.field(port);
        c.field(shard_count);
        c.field(cluster_id);
        c.field(revision);
        c.field(epoch_id);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, native_port, from(0), 0);
        c.tag(1, rack, from(0));
        c.tag(2, clean, from(0));
    }
};

struct RegisterBrokerResponse {
    static constexpr NodeKey key = NodeKey::register_broker;
    int16_t error = 0;
    NullableString message;
    int64_t session = 0;         ///< names the session in every later message
    int64_t sequence = 0;        ///< to be confirmed by the first heartbeat
    Uuid cluster_id;
    int64_t revision = 0;        ///< of the coordinator's state
    Uuid epoch_id;
    int32_t heartbeat_interval_ms = 0;
    int32_t session_timeout_ms = 0;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(message);
        c.field(session);
        c.field(sequence);
        c.field(cluster_id);
        c.field(revision);
        c.field(epoch_id);
        c.field(heartbeat_interval_ms);
        c.field(session_timeout_ms);
    }
};

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::RegisterBrokerRequest);
PENSTOCK_MESSAGE(node::RegisterBrokerResponse);
}  // namespace penstock::wire
