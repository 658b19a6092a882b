// BrokerHeartbeat: keeps a session alive.
//
// It counts only when it confirms the last sequence that the coordinator sent on this session, so a broker that can
// send but not receive loses its session all the same.
//
// A broker that wants to stop says so here, in every heartbeat of the session. The coordinator moves what it leads to
// others, and answers `may_stop` when the store has it: then the broker leads only what nobody else could.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct BrokerHeartbeatRequest {
    static constexpr NodeKey key = NodeKey::broker_heartbeat;
    int64_t session = 0;
    int64_t sequence = 0;          ///< of the last answer
    int64_t applied_revision = 0;  ///< everything up to it is applied, removals of logs are durable
    bool wants_to_stop = false;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(sequence);
        c.field(applied_revision);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, wants_to_stop, from(0));
    }
};

struct BrokerHeartbeatResponse {
    static constexpr NodeKey key = NodeKey::broker_heartbeat;
    int16_t error = 0;
    int64_t sequence = 0;
    bool may_stop = false;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(sequence);
    }
    template <class C>
    void tags(C& c) {
        c.tag(0, may_stop, from(0));
    }
};

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::BrokerHeartbeatRequest);
PENSTOCK_MESSAGE(node::BrokerHeartbeatResponse);
}  // namespace penstock::wire
