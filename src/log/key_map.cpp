#include "log/key_map.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include <xxhash.h>

#include "base/assert.h"

namespace penstock::log {

KeyHash hash_key(std::span<const std::byte> key) {
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    return {hash.high64, hash.low64};
}

void KeyMap::Free::operator()(Slot* slots) const { std::free(slots); }

KeyMap::KeyMap(uint64_t keys, uint64_t bytes_max) {
    constexpr uint64_t slots_min = 1024;
    const uint64_t slots_max = std::max(slots_min, std::bit_floor(bytes_max / sizeof(Slot)));
    const uint64_t wanted = std::min(keys, slots_max) / 3 * 4 + 4;
    const uint64_t count = std::min(slots_max, std::bit_ceil(std::max(wanted, slots_min)));
    slots_.reset(static_cast<Slot*>(std::calloc(count, sizeof(Slot))));  // the kernel's zero pages, as they are touched
    PENSTOCK_ASSERT(slots_ != nullptr);
    mask_ = count - 1;
    room_ = count / 4 * 3;
}

/// Where the key is, or the empty slot where it would be.
uint64_t KeyMap::slot_of(const KeyHash& key) const {
    uint64_t slot = key.low & mask_;
    while (slots_[slot].next != 0 && slots_[slot].key != key) slot = (slot + 1) & mask_;
    return slot;
}

bool KeyMap::put(const KeyHash& key, int64_t offset) {
    Slot& slot = slots_[slot_of(key)];
    if (slot.next == 0) {
        if (size_ == room_) return false;
        ++size_;
        slot.key = key;
    }
    PENSTOCK_ASSERT(offset >= slot.next);
    slot.next = offset + 1;
    return true;
}

int64_t KeyMap::find(const KeyHash& key) const { return slots_[slot_of(key)].next - 1; }

}  // namespace penstock::log
