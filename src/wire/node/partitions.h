// ElectLeaders, AlterReassignments: changes of single partitions that a broker forwards for an operator.
//
// Errors are Kafka's codes, per partition. One answer serves both: the partitions in the order of the request, and the
// revision whose view holds the outcome.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

/// Kafka's numbers.
enum class ElectionType : int8_t {
    preferred = 0,
    unclean = 1,   ///< of a replica that is not in sync, where no other lives: records are lost
};

struct ElectedPartition {
    std::string_view topic;
    int32_t partition = -1;

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
    }
};

struct ElectLeadersRequest {
    static constexpr NodeKey key = NodeKey::elect_leaders;
    int64_t session = 0;
    ElectionType type = ElectionType::preferred;
    Nullable<Array<ElectedPartition>> partitions;  ///< null: all; those that need no election are not answered then

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(type);
        c.field(partitions);
    }
};

struct ReassignedPartition {
    std::string_view topic;
    int32_t partition = -1;
    Nullable<Array<int32_t>> replicas;  ///< the preferred leader first; null: cancel what is under way

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(replicas);
    }
};

struct AlterReassignmentsRequest {
    static constexpr NodeKey key = NodeKey::alter_reassignments;
    int64_t session = 0;
    Array<ReassignedPartition> partitions;

    template <class C>
    void fields(C& c) {
        c.field(session);
        c.field(partitions);
    }
};

struct ChangedPartition {
    std::string_view topic;
    int32_t partition = -1;
    int16_t error = 0;
    NullableString message;

    template <class C>
    void fields(C& c) {
        c.field(topic);
        c.field(partition);
        c.field(error);
        c.field(message);
    }
};

template <NodeKey answered>
struct ChangedPartitionsResponse {
    static constexpr NodeKey key = answered;
    int16_t error = 0;       ///< of the request as a whole
    int64_t revision = 0;
    bool more = false;       ///< there are more than one request changes: ask again
    Array<ChangedPartition> partitions;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(revision);
        c.field(more);
        c.field(partitions);
    }
};

using ElectLeadersResponse = ChangedPartitionsResponse<NodeKey::elect_leaders>;
using AlterReassignmentsResponse = ChangedPartitionsResponse<NodeKey::alter_reassignments>;

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::ElectLeadersRequest);
PENSTOCK_MESSAGE(node::AlterReassignmentsRequest);
PENSTOCK_MESSAGE(node::ElectLeadersResponse);
PENSTOCK_MESSAGE(node::AlterReassignmentsResponse);
}  // namespace penstock::wire
