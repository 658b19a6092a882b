// ReadReplica: a broker whose disk has lost batches of a partition asks another replica for the same ones.
//
// Answered by any replica, at once, also by one that does not lead, and with what nobody sees yet: who asks compares
// the bytes with the checksum that it has. What has rotted there, too, is refused.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct ReadReplicaRequest {
    static constexpr NodeKey key = NodeKey::read_replica;
    Uuid topic;
    int32_t partition = -1;
    int64_t offset = -1;      ///< of the first record
    int32_t bytes_max = 0;    ///< of whole batches; the first comes however large it is

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(offset);
        c.field(bytes_max);
    }
};

struct ReadReplicaResponse {
    static constexpr NodeKey key = NodeKey::read_replica;
    int16_t error = 0;        ///< Kafka's codes
    Records records;          ///< batches as they are in the log

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(records);
    }
};

}  // namespace penstock::wire::node
