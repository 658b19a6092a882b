// ReplicaState: a leader asks a follower for its log of one partition, before it sends anything for it.
//
// Thereby the follower hears of the leader's epoch: whoever leads under an older one is refused from then on. And of a
// session, one more for each time that the leader lost sight of it: what was sent before is refused, should it still
// arrive, since it was meant for the log as it was then.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct ReplicaStateRequest {
    static constexpr NodeKey key = NodeKey::replica_state;
    Uuid topic;
    int32_t partition = -1;
    int32_t leader_epoch = -1;
    int64_t session = -1;

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(leader_epoch);
        c.field(session);
    }
};

struct ReplicaEpoch {
    int32_t epoch = -1;
    int64_t offset = -1;   ///< of its first record

    template <class C>
    void fields(C& c) {
        c.field(epoch);
        c.field(offset);
    }
};

struct ReplicaStateResponse {
    static constexpr NodeKey key = NodeKey::replica_state;
    int16_t error = 0;             ///< Kafka's codes
    Uuid incarnation;              ///< of the follower
    int64_t start = -1;
    int64_t end = -1;
    int64_t durable = -1;
    Array<ReplicaEpoch> epochs;    ///< in order

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(incarnation);
        c.field(start);
        c.field(end);
        c.field(durable);
        c.field(epochs);
    }
};

}  // namespace penstock::wire::node
