// What a leader's partition gives the shard's Peers to send to one follower.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.h"
#include "log/store.h"
#include "wire/node/replicate.h"

namespace penstock::broker {

/// Names a follower in what is under way: when the answer comes it may be gone, or lost meanwhile.
struct FollowerName {
    log::LogKey key;
    NodeId broker;
    LeaderEpoch epoch{-1};    ///< of the leadership
    uint32_t session = 0;     ///< see replica::Follower
};

struct Parcel {
    FollowerName to;
    wire::node::Cut cut = wire::node::Cut::none;
    Offset from;              ///< its log ends here
    Offset high_watermark, log_start;   ///< ours
    std::vector<log::Slice> slices;     ///< whole batches, lent
    uint64_t bytes = 0;       ///< of the slices
};

}  // namespace penstock::broker
