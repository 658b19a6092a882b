#include "broker/frame_memory.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "limits.h"

namespace penstock::broker {

namespace {

size_t class_of(uint32_t capacity, uint32_t smallest) {
    return static_cast<size_t>(std::countr_zero(capacity) - std::countr_zero(smallest));
}

}  // namespace

FrameMemory::FrameMemory(uint64_t budget_bytes, io::Streams& streams)
    : streams_(streams), small_budget_(budget_bytes / 4), large_budget_(budget_bytes - small_budget_) {
    static_assert(smallest_block << (block_classes - 1) == limits::frame_block_bytes);
}

FrameMemory::~FrameMemory() {
    for (HeldBuffer* buffer : free_) delete buffer;
    for (auto& blocks : idle_blocks_)
        for (std::byte* block : blocks) delete[] block;
}

bool FrameMemory::reserve(uint32_t frame_bytes) {
    const bool small = frame_bytes <= limits::small_frame_bytes;
    uint64_t& reserved = small ? small_reserved_ : large_reserved_;
    const bool fits = reserved + frame_bytes <= (small ? small_budget_ : large_budget_);
    if (!small && (large_closed_ || !fits)) large_closed_ = true;
    if (!fits || (!small && large_closed_)) return false;
    reserved += frame_bytes;
    return true;
}

void FrameMemory::unreserve(uint32_t frame_bytes) {
    uint64_t& reserved = frame_bytes <= limits::small_frame_bytes ? small_reserved_ : large_reserved_;
    PENSTOCK_ASSERT(reserved >= frame_bytes);
    reserved -= frame_bytes;
}

bool FrameMemory::reserve_backlog(uint32_t bytes) {
    if (backlog_ + bytes > limits::backlog_bytes_per_shard) return false;
    backlog_ += bytes;
    return true;
}

bool FrameMemory::buffers_low() const { return streams_.free_buffer_share() < limits::receive_pool_share_low; }

HeldBuffer* FrameMemory::take() {
    if (free_.empty()) free_.push_back(new HeldBuffer);
    HeldBuffer* buffer = free_.back();
    free_.pop_back();
    *buffer = {};
    buffer->holders = 1;
    return buffer;
}

HeldBuffer* FrameMemory::hold(const io::ReceiveBuffer& lent) {
    HeldBuffer* buffer = take();
    buffer->data = lent.data;
    buffer->size = lent.size;
    buffer->lent = lent;
    return buffer;
}

HeldBuffer* FrameMemory::allocate(uint32_t bytes_wanted) {
    const uint32_t capacity =
        std::bit_ceil(std::clamp(bytes_wanted, smallest_block, uint32_t{limits::frame_block_bytes}));
    HeldBuffer* buffer = take();
    auto& idle = idle_blocks_[class_of(capacity, smallest_block)];
    if (idle.empty()) {
        buffer->block = new std::byte[capacity];
    } else {
        buffer->block = idle.back();
        idle.pop_back();
        idle_bytes_ -= capacity;
    }
    buffer->data = buffer->block;
    buffer->capacity = capacity;
    return buffer;
}

void FrameMemory::let_go(HeldBuffer* buffer) {
    PENSTOCK_ASSERT(buffer->holders > 0);
    if (--buffer->holders > 0) return;
    if (buffer->block == nullptr) {
        streams_.release(buffer->lent);
    } else if (idle_bytes_ + buffer->capacity > idle_bytes_max) {
        delete[] buffer->block;
    } else {
        idle_blocks_[class_of(buffer->capacity, smallest_block)].push_back(buffer->block);
        idle_bytes_ += buffer->capacity;
    }
    free_.push_back(buffer);
}

}  // namespace penstock::broker
