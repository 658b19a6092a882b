// Arithmetic of a journal's ring: where the next commit goes and what it may overwrite. Pure numbers.
//
// Places count up for ever; `place % bytes` is the offset in the file. A commit never wraps: what does not fit before
// the end of the file starts at the front, and the gap belongs to it. Everything in [tail, head) may be needed by
// recovery.
#pragma once

#include <cstdint>
#include <optional>

#include "base/assert.h"
#include "base/units.h"

namespace penstock::log {

class Ring {
public:
    explicit Ring(uint64_t bytes) : bytes_(bytes) {}

    /// The place of a commit of `size` bytes, or nothing while it would overwrite what is needed.
    std::optional<uint64_t> reserve(uint64_t size) {
        uint64_t place = next(size);
        if (place + size - tail_ > bytes_) return std::nullopt;
        head_ = place + size;
        return place;
    }
    bool fits(uint64_t size) const { return next(size) + size - tail_ <= bytes_; }
    /// Nothing before `place` is needed any more.
    void release(uint64_t place) {
        PENSTOCK_ASSERT(place >= tail_);
        PENSTOCK_ASSERT(place <= head_);
        tail_ = place;
    }
    uint64_t offset(uint64_t place) const { return place % bytes_; }
    uint64_t head() const { return head_; }
    uint64_t used() const { return head_ - tail_; }
    uint64_t bytes() const { return bytes_; }

private:
    uint64_t next(uint64_t size) const {
        PENSTOCK_ASSERT(size <= bytes_);
        uint64_t left = bytes_ - head_ % bytes_;
        return left < size ? head_ + left : head_;
    }

    uint64_t bytes_;
    uint64_t head_ = 0;
    uint64_t tail_ = 0;
};

}  // namespace penstock::log
