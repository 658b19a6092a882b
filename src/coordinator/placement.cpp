#include "coordinator/placement.h"

#include "base/assert.h"

namespace penstock::coordinator {

std::vector<std::vector<NodeId>> place(std::span<const NodeId> brokers, uint32_t partitions,
                                       uint32_t replication_factor, uint64_t start) {
    const uint64_t count = brokers.size();
    PENSTOCK_ASSERT(replication_factor >= 1 && replication_factor <= count);
    std::vector<std::vector<NodeId>> placed(partitions);
    for (uint64_t p = 0; p < partitions; ++p) {
        const uint64_t leader = (start % count + p) % count;
        const uint64_t round = start / count + p / count;
        placed[p].push_back(brokers[leader]);
        // The others in a row behind the leader, entered at a point that moves by one every round.
        for (uint64_t follower = 0; follower + 1 < replication_factor; ++follower)
            placed[p].push_back(brokers[(leader + 1 + (round + follower) % (count - 1)) % count]);
    }
    return placed;
}

}  // namespace penstock::coordinator
