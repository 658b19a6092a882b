// The receive buffers of a shard: one piece of memory, handed to the kernel as a ring of provided buffers.
//
// Stepped by Streams. The kernel picks a buffer when bytes arrive, so idle connections hold none. A buffer is free (in
// the kernel's ring) or lent (from its completion to give_back()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "io/stream.h"
#include "socket/failure.h"
#include "uring/ring.h"

struct io_uring_buf_ring;

namespace penstock::uring {

class ReceivePool {
public:
    /// `count` is a power of two, at most 32768. `group` names the pool among those of the ring.
    static socket::Opened<std::unique_ptr<ReceivePool>> create(Ring& ring, uint16_t group, uint32_t count,
                                                               uint32_t bytes);
    ~ReceivePool();
    ReceivePool(const ReceivePool&) = delete;
    ReceivePool& operator=(const ReceivePool&) = delete;

    uint16_t group() const { return group_; }
    uint32_t free() const { return free_; }
    uint32_t count() const { return count_; }
    /// The kernel filled buffer `index` with `size` bytes.
    io::ReceiveBuffer lend(uint32_t index, uint32_t size);
    /// Asserts that the buffer is lent.
    void give_back(uint32_t index);

private:
    ReceivePool(Ring& ring, uint16_t group, uint32_t count, uint32_t bytes);

    Ring& ring_;
    uint16_t group_;
    uint32_t count_, bytes_, free_ = 0;
    std::byte* memory_ = nullptr;
    io_uring_buf_ring* buffers_ = nullptr;
    bool registered_ = false;
    std::vector<bool> lent_;
};

}  // namespace penstock::uring
