#include "wire/partitioner.h"

#include "base/assert.h"
#include "base/bytes.h"

namespace penstock::wire {

uint32_t murmur2(std::span<const std::byte> key) noexcept {
    constexpr uint32_t seed = 0x9747b28c;
    constexpr uint32_t multiplier = 0x5bd1e995;

    uint32_t hash = seed ^ static_cast<uint32_t>(key.size());
    while (key.size() >= 4) {
        uint32_t k = load_le<uint32_t>(key.data()) * multiplier;
        k = (k ^ (k >> 24)) * multiplier;
        hash = hash * multiplier ^ k;
        key = key.subspan(4);
    }
    if (!key.empty()) {
        for (size_t i = 0; i < key.size(); ++i) hash ^= std::to_integer<uint32_t>(key[i]) << (8 * i);
        hash *= multiplier;
    }
    hash = (hash ^ (hash >> 13)) * multiplier;
    return hash ^ (hash >> 15);
}

int32_t partition_of_key(std::span<const std::byte> key, int32_t partition_count) noexcept {
    PENSTOCK_ASSERT(partition_count > 0);
    // Java masks the sign off; it does not take the absolute value.
    return static_cast<int32_t>(murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace penstock::wire
