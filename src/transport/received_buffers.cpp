#include "transport/received_buffers.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::transport {

ReceivedBuffers::~ReceivedBuffers() {
    for (const Buffer& buffer : buffers_)
        if (buffer.holders > 0 && !buffer.copy) link_.release(buffer.burst);
}

uint32_t ReceivedBuffers::free_place() {
    if (free_.empty()) {
        buffers_.emplace_back();
        return static_cast<uint32_t>(buffers_.size() - 1);
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    return place;
}

uint32_t ReceivedBuffers::take(const io::IncomingBurst& burst) {
    const uint32_t place = free_place();
    buffers_[place].holders = 1;
    buffers_[place].burst = burst;
    return place;
}

std::optional<ReceivedBuffers::Kept> ReceivedBuffers::copy(std::span<const std::byte> bytes, uint64_t unread) {
    const uint64_t room = copied_bytes_max_ - copied_bytes_;
    if (bytes.size() + copy_cost > room || unread > room) return std::nullopt;
    const uint32_t place = free_place();
    Buffer& buffer = buffers_[place];
    buffer.holders = 1;
    buffer.size = static_cast<uint32_t>(bytes.size());
    buffer.copy = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
    std::ranges::copy(bytes, buffer.copy.get());
    copied_bytes_ += bytes.size() + copy_cost;
    return Kept{place, buffer.copy.get()};
}

std::optional<ReceivedBuffers::Kept> ReceivedBuffers::keep(std::span<const std::byte> bytes, uint32_t buffer,
                                                           uint64_t unread) {
    if (link_.free_buffer_share() < few) return copy(bytes, unread);
    hold(buffer);
    return Kept{buffer, bytes.data()};
}

void ReceivedBuffers::hold(uint32_t buffer) {
    PENSTOCK_ASSERT(buffer < buffers_.size() && buffers_[buffer].holders > 0);
    ++buffers_[buffer].holders;
}

void ReceivedBuffers::release(uint32_t buffer) {
    PENSTOCK_ASSERT(buffer < buffers_.size() && buffers_[buffer].holders > 0);
    Buffer& held = buffers_[buffer];
    if (--held.holders > 0) return;
    if (held.copy) {
        copied_bytes_ -= held.size + copy_cost;
        held.copy.reset();
    } else {
        link_.release(held.burst);
    }
    free_.push_back(buffer);
}

}  // namespace penstock::transport
