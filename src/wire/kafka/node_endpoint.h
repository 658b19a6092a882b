// What a response says of new leaders, so that a client that asked the wrong broker need not ask Metadata (KIP-951).
// Shared by Produce and Fetch.
#pragma once

#include "wire/codec.h"

namespace penstock::wire::kafka {

struct LeaderIdAndEpoch {
    int32_t leader_id = -1;
    int32_t leader_epoch = -1;

    friend bool operator==(const LeaderIdAndEpoch&, const LeaderIdAndEpoch&) = default;

    template <class C>
    void fields(C& c) {
        c.field(leader_id);
        c.field(leader_epoch);
    }
};

struct NodeEndpoint {
    int32_t node_id = -1;
    std::string_view host;
    int32_t port = 0;
    NullableString rack;

    template <class C>
    void fields(C& c) {
        c.field(node_id);
        c.field(host);
        c.field(port);
        c.field(rack);
    }
};

}  // namespace penstock::wire::kafka
