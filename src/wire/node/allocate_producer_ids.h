// AllocateProducerIds: a block of producer ids for a broker to hand out. No id is in two blocks, ever.
#pragma once

#include "wire/codec.h"
#include "wire/node/api.h"

namespace penstock::wire::node {

struct AllocateProducerIdsRequest {
    static constexpr NodeKey key = NodeKey::allocate_producer_ids;
    int64_t session = 0;

    template <class C>
    void fields(C& c) {
        c.field(session);
    }
};

struct AllocateProducerIdsResponse {
    static constexpr NodeKey key = NodeKey::allocate_producer_ids;
    int16_t error = 0;
    int64_t first = 0;
    int32_t count = 0;

    template <class C>
    void fields(C& c) {
        c.field(error);
        c.field(first);
        c.field(count);
    }
};

}  // namespace penstock::wire::node

namespace penstock::wire {
PENSTOCK_MESSAGE(node::AllocateProducerIdsRequest);
PENSTOCK_MESSAGE(node::AllocateProducerIdsResponse);
}  // namespace penstock::wire
