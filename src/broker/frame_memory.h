// Memory for the frames that one shard receives: the budget that frames reserve before they are read, the blocks that
// bytes are copied into, and the receive buffers that are held instead of copying.
//
// Invariants. A frame is read only after its whole size was reserved, so frames that have begun can always be finished:
// a set of half-sent frames can neither grow memory nor wait for each other. Large frames never take the part of the
// budget that belongs to small ones. A held buffer goes back when its last holder lets go.
// What it does not do: parse, or decide what to copy (frame_assembler.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "io/stream.h"

namespace penstock::broker {

/// Bytes that frames point into: a lent receive buffer, or a block of our own. Counted by its holders.
struct HeldBuffer {
    const std::byte* data = nullptr;
    uint32_t size = 0;           ///< bytes received, or filled
    uint32_t holders = 0;
    std::byte* block = nullptr;  ///< own memory; null for a lent buffer
    uint32_t capacity = 0;       ///< of the block
    io::ReceiveBuffer lent;
};

class FrameMemory {
public:
    FrameMemory(uint64_t budget_bytes, io::Streams& streams);
    ~FrameMemory();
    FrameMemory(const FrameMemory&) = delete;
    FrameMemory& operator=(const FrameMemory&) = delete;

    /// False: not now. From then on no large frame gets any until try_again(): who came first is served first.
    bool reserve(uint32_t frame_bytes);
    void try_again() { large_closed_ = false; }
    void unreserve(uint32_t frame_bytes);
    /// The largest frame that can ever be reserved.
    uint64_t frame_bytes_max() const { return large_budget_; }
    uint64_t reserved() const { return large_reserved_ + small_reserved_; }

    /// For bytes that no frame has reserved yet. False: over the bound.
    bool reserve_backlog(uint32_t bytes);
    void unreserve_backlog(uint32_t bytes) { backlog_ -= bytes; }

    /// True when what stays must be copied out of the receive buffers.
    bool buffers_low() const;

    /// Both come back with one holder.
    HeldBuffer* hold(const io::ReceiveBuffer& buffer);
    HeldBuffer* allocate(uint32_t bytes_wanted);  ///< capacity: up to frame_block_bytes, at least min(that, wanted)
    void let_go(HeldBuffer* buffer);

private:
    static constexpr uint32_t smallest_block = 512;
    static constexpr size_t block_classes = 8;  ///< 512 B to 64 KiB, powers of two
    static constexpr uint64_t idle_bytes_max = 16 * 1024 * 1024;

    HeldBuffer* take();

    io::Streams& streams_;
    const uint64_t small_budget_, large_budget_;
    uint64_t small_reserved_ = 0, large_reserved_ = 0, backlog_ = 0;
    bool large_closed_ = false;
    std::vector<HeldBuffer*> free_;
    std::array<std::vector<std::byte*>, block_classes> idle_blocks_;
    uint64_t idle_bytes_ = 0;
};

}  // namespace penstock::broker
