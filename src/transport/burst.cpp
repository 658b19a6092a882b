#include "transport/burst.h"

#include <array>
#include <cstring>

#include "base/assert.h"
#include "base/crc32c.h"

namespace penstock::transport {

namespace {

/// What padding is made of.
constexpr std::array<std::byte, datagram_bytes_max> zeros{};

}  // namespace

Burst::Burst() : memory_(io::burst_bytes_max + datagram_bytes_max) {}

void Burst::clear() {
    memory_used_ = 0;
    fragments_.clear();
    frames_.clear();
    packets_ = bytes_ = datagram_bytes_ = 0;
    last_ = false;
}

bool Burst::has_room(uint32_t packet_bytes) const {
    if (packets_ == 0) return true;
    return !last_ && packets_ < io::burst_datagrams_max && packet_bytes <= datagram_bytes_ &&
           bytes_ + packet_bytes <= io::burst_bytes_max &&
           fragments_.size() + fragments_max(packet_bytes) <= io::burst_fragments_max;
}

void Burst::begin(const DataHeader& header, uint32_t packet_bytes) {
    PENSTOCK_ASSERT(has_room(packet_bytes) && packet_bytes >= datagram_bytes_min);
    limit_ = packet_bytes;
    used_ = 0;
    first_fragment_ = fragments_.size();
    first_memory_ = memory_used_;
    wants_answer_ = false;
    frames_.clear();
    put_data_header(memory_.data() + memory_used_, header);
    add_own(data_header_bytes);
}

/// The next bytes of our own memory join the packet.
void Burst::add_own(size_t bytes) {
    const auto size = static_cast<uint32_t>(bytes);
    const std::byte* at = memory_.data() + memory_used_;
    // What follows the checksum of the packet before lies behind it: one fragment for both.
    const bool joins = !fragments_.empty() && fragments_.back().data + fragments_.back().size == at &&
                       fragments_.size() > first_fragment_;
    if (joins) fragments_.back().size += size;
    else fragments_.push_back({at, size});
    memory_used_ += bytes;
    used_ += size;
}

size_t Burst::room() const { return limit_ - used_ - checksum_bytes; }

FrameWriter Burst::writer() { return FrameWriter{std::span(memory_).subspan(memory_used_, room())}; }

void Burst::add(const FrameWriter& written, const SentFrame& frame) {
    add(written);
    frames_.push_back(frame);
    wants_answer_ = true;
}

void Burst::add(const FrameWriter& written) {
    if (written.size() > 0) add_own(written.size());
}

void Burst::add_data(std::span<const Fragment> data) {
    for (const Fragment& fragment : data) {
        PENSTOCK_ASSERT(fragment.size <= room());
        if (fragment.size < copied_below()) {
            std::memcpy(memory_.data() + memory_used_, fragment.data, fragment.size);
            add_own(fragment.size);
        } else {
            fragments_.push_back(fragment);
            used_ += fragment.size;
        }
    }
}

void Burst::ask_at_once() { set_acknowledge_now(memory_.data() + first_memory_); }

void Burst::pad() {
    const auto size = static_cast<uint32_t>(room());
    if (size == 0) return;
    fragments_.push_back({zeros.data(), size});
    used_ += size;
}

uint32_t Burst::finish() {
    PENSTOCK_ASSERT(any_frame());
    uint32_t checksum = 0;
    for (size_t i = first_fragment_; i < fragments_.size(); ++i) checksum = crc32c(checksum, fragments_[i].span());
    store_le(memory_.data() + memory_used_, checksum);
    add_own(checksum_bytes);
    PENSTOCK_ASSERT(used_ <= limit_ && fragments_.size() <= io::burst_fragments_max);
    if (packets_ == 0) datagram_bytes_ = used_;
    last_ = used_ < datagram_bytes_;
    ++packets_;
    bytes_ += used_;
    return used_;
}

void Burst::drop() {
    fragments_.resize(first_fragment_);
    memory_used_ = first_memory_;
    frames_.clear();
}

void Burst::keep() {
    if (fragments_.size() == 1 && fragments_.front().data == kept_.data()) return;
    kept_.clear();
    kept_.reserve(bytes_);
    for (const Fragment& fragment : fragments_) kept_.insert(kept_.end(), fragment.data, fragment.data + fragment.size);
    fragments_.assign(1, {kept_.data(), bytes_});
}

io::OutgoingBurst Burst::outgoing(const io::Endpoint& to) const {
    return {.to = to, .datagram_bytes = datagram_bytes_, .fragments = fragments_};
}

}  // namespace penstock::transport
