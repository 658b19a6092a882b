// BrokerHeartbeat: keeps a session alive.
//
// It counts only when it confirms the last sequence that the coordinator sent on this session, so a broker that can
// send but not receive loses its session all the same.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct BrokerHeartbeatRequest {
    static constexpr NodeKey key = NodeKey::broker_heartbeat;
    int64_t session = 0;
    int64_t sequence = 0;          ///< of the last answer
    int64_t applied_revision = 0;  ///< everything up to it is applied, removals of logs are durable

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(sequence);
        c.field(applied_revision);
    }
};

struct BrokerHeartbeatResponse {
    static constexpr NodeKey key = NodeKey::broker_heartbeat;
    int16_t error = 0;
    int64_t sequence = 0;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(sequence);
    }
};

}  // namespace penstock::wire::node
