// Replicate: a leader sends a follower what comes next in its logs, and where they end before it.
//
// Answered when all of it is settled: durable, or appended where the topic's durability is memory. Requests of one
// connection run beside each other; for one partition, they are taken in order.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

/// What becomes of the follower's log before it goes on.
enum class Cut : int8_t {
    none = 0,
    at = 1,     ///< it ends at `from`
    anew = 2,   ///< an empty one that begins at `from` takes its place
};

struct ReplicatedPartition {
    Uuid topic;
    int32_t partition = -1;
    int32_t leader_epoch = -1;
    int64_t session = -1;          ///< of the ReplicaState before it
    Cut cut = Cut::none;
    int64_t from = -1;             ///< the follower's log ends here
    int64_t high_watermark = -1;   ///< the leader's, as what follows
    int64_t log_start = -1;
    Records records;               ///< batches as they are in the log

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(leader_epoch);
        c.field(session);
        c.field(cut);
        c.field(from);
        c.field(high_watermark);
        c.field(log_start);
        c.field(records);
    }
};

struct ReplicateRequest {
    static constexpr NodeKey key = NodeKey::replicate;
    Array<ReplicatedPartition> partitions;

    template <class C>
    void fields(C& c) {
        c.field(partitions);
    }
};

struct SettledPartition {
    int16_t error = 0;             ///< Kafka's codes
    int64_t end = -1;
    int64_t durable = -1;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(end);
        c.field(durable);
    }
};

struct ReplicateResponse {
    static constexpr NodeKey key = NodeKey::replicate;
    Array<SettledPartition> partitions;   ///< in the order of the request

    template <class C>
    void fields(C& c) {
        c.field(partitions);
    }
};

}  // namespace penstock::wire::node
