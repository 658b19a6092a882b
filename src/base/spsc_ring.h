// A bounded ring between exactly two threads: one pushes, the other pops. What was pushed is visible to the popper in
// order, together with everything that the pusher wrote before.
//
// Invariant: head_ <= tail_ <= head_ + capacity; the producer alone writes tail_, the consumer alone head_. Each side
// keeps its last look at the other's index, so a burst costs one shared cache line, not one for each element.
// What it does not do: wake the other side (the shards' wakers do), grow, or take more than one thread on a side.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "base/assert.h"

namespace penstock {

template <class T>
    requires std::is_trivially_copyable_v<T>
class SpscRing {
public:
    /// `capacity` must be a power of two.
    explicit SpscRing(size_t capacity) : mask_(capacity - 1), slots_(std::make_unique<T[]>(capacity)) {
        PENSTOCK_ASSERT(std::has_single_bit(capacity));
    }
    SpscRing(const SpscRing&) = delete;
    SpscRing& operator=(const SpscRing&) = delete;

    size_t capacity() const { return mask_ + 1; }

    /// Producer only. False when full.
    bool push(const T& value) {
        const uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_seen_ > mask_) {
            head_seen_ = head_.load(std::memory_order_acquire);
            if (tail - head_seen_ > mask_) return false;
        }
        slots_[tail & mask_] = value;
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// Consumer only. False when empty, and `value` is left alone.
    bool pop(T& value) {
        const uint64_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_seen_) {
            tail_seen_ = tail_.load(std::memory_order_acquire);
            if (head == tail_seen_) return false;
        }
        value = slots_[head & mask_];
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

    /// Consumer only: whether pop() would find nothing.
    bool empty() const {
        return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
    }

private:
    const uint64_t mask_;
    const std::unique_ptr<T[]> slots_;
    // One cache line for each side: false sharing would cost more than the element that travels.
    alignas(64) std::atomic<uint64_t> tail_{0};
    uint64_t head_seen_ = 0;  ///< the producer's
    alignas(64) std::atomic<uint64_t> head_{0};
    uint64_t tail_seen_ = 0;  ///< the consumer's
};

}  // namespace penstock
