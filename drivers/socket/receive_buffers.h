// The buffers that received bytes are lent in: a bounded number of one size, each allocated when it is first needed.
//
// Used by Streams and Link. The one that came back last is taken first, so that a quiet program touches few.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/assert.h"

namespace penstock::socket {

class ReceiveBuffers {
public:
    ReceiveBuffers(uint32_t count_max, uint32_t bytes) : count_max_(count_max), bytes_(bytes) {
        PENSTOCK_ASSERT(count_max > 0 && bytes > 0);
    }

    bool none_free() const { return lent_ == count_max_; }
    uint32_t free() const { return count_max_ - lent_; }
    double free_share() const { return static_cast<double>(free()) / count_max_; }
    uint32_t bytes() const { return bytes_; }
    /// How many have memory.
    size_t allocated() const { return memory_.size(); }

    /// One must be free.
    uint32_t take() {
        PENSTOCK_ASSERT(!none_free());
        ++lent_;
        if (returned_.empty()) {
            memory_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes_));
            is_lent_.push_back(true);
            return static_cast<uint32_t>(memory_.size() - 1);
        }
        const uint32_t index = returned_.back();
        returned_.pop_back();
        is_lent_[index] = true;
        return index;
    }
    std::byte* data(uint32_t index) { return memory_[index].get(); }
    void give_back(uint32_t index) {
        PENSTOCK_ASSERT(index < is_lent_.size() && is_lent_[index]);
        is_lent_[index] = false;
        returned_.push_back(index);
        --lent_;
    }

private:
    uint32_t count_max_, bytes_, lent_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> memory_;  ///< by index
    std::vector<bool> is_lent_;
    std::vector<uint32_t> returned_;
};

}  // namespace penstock::socket
