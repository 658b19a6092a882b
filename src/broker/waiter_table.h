// Numbers for reads that the disk is busy with: Store::readable() names a waiter by number, possibly after it has gone.
//
// Invariant: a number is never used again, so a late one finds nothing. Slots are reused; the table grows to the most
// reads that ever waited at once.
#pragma once

#include <cstdint>
#include <vector>

#include "base/assert.h"

namespace penstock::broker {

struct Call;

class WaiterTable {
public:
    /// Never 0.
    uint64_t add(Call& call) {
        if (free_.empty()) {
            free_.push_back(static_cast<uint32_t>(slots_.size()));
            slots_.push_back({});
        }
        const uint32_t index = free_.back();
        free_.pop_back();
        slots_[index].call = &call;
        return uint64_t{++slots_[index].generation} << 32 | index;
    }

    /// Null when the number is not in use.
    Call* find(uint64_t waiter) const {
        const uint32_t index = static_cast<uint32_t>(waiter);
        if (index >= slots_.size() || slots_[index].generation != waiter >> 32) return nullptr;
        return slots_[index].call;
    }

    void remove(uint64_t waiter) {
        PENSTOCK_ASSERT(find(waiter) != nullptr);
        const uint32_t index = static_cast<uint32_t>(waiter);
        slots_[index].call = nullptr;
        free_.push_back(index);
    }

    /// All that wait, into `out`.
    void list(std::vector<Call*>& out) const {
        for (const Slot& slot : slots_)
            if (slot.call != nullptr) out.push_back(slot.call);
    }

    bool empty() const { return free_.size() == slots_.size(); }

private:
    struct Slot {
        Call* call = nullptr;
        uint32_t generation = 0;
    };
    std::vector<Slot> slots_;
    std::vector<uint32_t> free_;
};

}  // namespace penstock::broker
