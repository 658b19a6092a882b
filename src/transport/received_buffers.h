// Who still looks at bytes that arrived: counts the holders of each buffer, and gives it back after the last.
//
// One for an endpoint. A buffer is a burst that the link lent, or a copy. Copied is what arrived out of order, since it
// may have to be kept until what is missing arrives, and a few bytes must not pin whole bursts; and when the link runs
// low, everything, so that one reader who does not read cannot take what all others receive into.
// Copies are bounded, and a stream gets one only while it has no more unread than is still free: N streams that nobody
// reads leave free what each of them has, so that the one that is read, and perhaps frees the others, can go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/link.h"

namespace penstock::transport {

class ReceivedBuffers {
public:
    /// The link must outlive it.
    ReceivedBuffers(io::Link& link, uint64_t copied_bytes_max) : link_(link), copied_bytes_max_(copied_bytes_max) {}
    /// Gives back what is still held.
    ~ReceivedBuffers();
    ReceivedBuffers(const ReceivedBuffers&) = delete;
    ReceivedBuffers& operator=(const ReceivedBuffers&) = delete;

    /// Takes the burst over from the link, with one holder.
    uint32_t take(const io::IncomingBurst& burst);

    struct Kept {
        uint32_t buffer = 0;
        const std::byte* data = nullptr;
    };
    /// With one holder; nothing when there is no room for more copies of a stream with so many bytes unread.
    std::optional<Kept> copy(std::span<const std::byte> bytes, uint64_t unread);
    /// Bytes of a buffer, to be kept until somebody reads them: with another holder, or as a copy.
    std::optional<Kept> keep(std::span<const std::byte> bytes, uint32_t buffer, uint64_t unread);

    void hold(uint32_t buffer);
    void release(uint32_t buffer);

    /// What all copies cost: their bytes, and copy_cost for each.
    uint64_t copied_bytes() const { return copied_bytes_; }
    /// About what it takes to remember where a piece of a stream is. Without it a peer that sends single bytes would
    /// make us keep a hundred times of what they count for.
    static constexpr uint64_t copy_cost = 160;

private:
    /// Below this share of free buffers of the link, what is kept is copied.
    static constexpr double few = 0.5;

    struct Buffer {
        uint32_t holders = 0;
        uint32_t size = 0;
        io::IncomingBurst burst;
        std::unique_ptr<std::byte[]> copy;   ///< set: it is no burst
    };

    uint32_t free_place();

    io::Link& link_;
    uint64_t copied_bytes_max_;
    uint64_t copied_bytes_ = 0;
    std::vector<Buffer> buffers_;
    std::vector<uint32_t> free_;
};

}  // namespace penstock::transport
