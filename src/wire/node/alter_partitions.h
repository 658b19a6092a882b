// AlterPartitions: the leaders of one broker propose who is in sync in their partitions from now on.
//
// A proposal is a compare-and-set: it names the epochs that it was made under, and the incarnation of each member that
// was seen to have everything. What does not fit the record is refused, and each answer tells what is on record now.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct InSyncMember {
    int32_t id = -1;
    Uuid incarnation;

    template <class C>
    void fields(C& c) {
        c.field(id);
        c.field(incarnation);
    }
};

struct ProposedPartition {
    Uuid topic;
    int32_t partition = -1;
    int32_t leader_epoch = -1;
    int32_t partition_epoch = -1;
    Array<InSyncMember> isr;       ///< the whole set, the leader in it

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(leader_epoch);
        c.field(partition_epoch);
        c.field(isr);
    }
};

struct AlterPartitionsRequest {
    static constexpr NodeKey key = NodeKey::alter_partitions;
    int64_t session = 0;
    Array<ProposedPartition> partitions;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(partitions);
    }
};

/// With the record as it is after the proposal, taken or not; of a partition that does not exist nothing but the error.
struct AlteredPartition {
    Uuid topic;
    int32_t partition = -1;
    int16_t error = 0;
    NullableString message;
    int32_t leader = -1;
    int32_t leader_epoch = -1;
    Array<int32_t> isr;
    int32_t partition_epoch = -1;

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(error);
        c.field(message);
        c.field(leader);
        c.field(leader_epoch);
        c.field(isr);
        c.field(partition_epoch);
    }
};

struct AlterPartitionsResponse {
    static constexpr NodeKey key = NodeKey::alter_partitions;
    int16_t error = 0;                  ///< of the request as a whole
    Array<AlteredPartition> partitions;  ///< in the order of the request

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(partitions);
    }
};

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::AlterPartitionsRequest);
PENSTOCK_MESSAGE(node::AlterPartitionsResponse);
}  // namespace penstock::wire
