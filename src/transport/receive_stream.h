// One direction of a stream, at its receiver: puts what arrives in order, and grants credit as it is read.
//
// Stepped by its connection. Bytes that arrive in order stay in the buffer that they came in, as long as the link has
// enough of them; what arrives ahead is copied until the gap before it is filled. Everything is bounded by the credit
// that was granted, since whoever sends more is cut off.
// What it does not do: no messages; what the bytes mean is the reader's business.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "transport/received_buffers.h"
#include "transport/row.h"

namespace penstock::transport {

class ReceiveStream {
public:
    /// `window`: how much may be unread. It is granted from the start.
    explicit ReceiveStream(uint64_t window) : window_(window), limit_(window) {}

    enum class Taken : uint8_t {
        kept,            ///< or there was nothing new in it
        no_room,         ///< must not be acknowledged; a part of it may have been kept
        beyond_credit,
        contradiction,   ///< of what was said before about the stream's end
    };
    Taken take(uint64_t offset, std::span<const std::byte> bytes, bool end, uint32_t buffer, ReceivedBuffers& buffers);
    /// The peer gives up its direction, which has so many bytes in all. What was not read is forgotten.
    Taken reset(uint64_t final_size, ReceivedBuffers& buffers);

    struct Slice {
        std::span<const std::byte> bytes;
        uint32_t buffer = 0;   ///< the reader holds it once for this slice
    };
    /// There are bytes, or there is the end.
    bool readable() const { return !ready_.empty() || at_end(); }
    /// The next bytes in order.
    std::optional<Slice> next();
    /// Every byte up to the end was handed out.
    bool at_end() const { return end_ && read_ == *end_; }
    bool was_reset() const { return reset_; }

    /// The highest offset seen: counts against the connection's credit.
    uint64_t highest() const { return highest_; }
    uint64_t read() const { return read_; }
    uint64_t limit() const { return limit_; }
    /// A new limit, if it is time to grant one: half of the window was read since the last.
    std::optional<uint64_t> grant();
    /// Another window from now on; what was granted stays.
    void set_window(uint64_t window) { window_ = window; }

    /// Lets go of all that was not read.
    void clear(ReceivedBuffers& buffers);

private:
    struct Piece {
        uint64_t offset = 0;
        Slice slice;
        uint64_t end() const { return offset + slice.bytes.size(); }
    };

    /// Pieces, whatever their size: a peer that sends single bytes must not make us keep much more than them, nor move
    /// them about for long. Those of an honest one are as large as its packets, or as its messages.
    size_t ready_max() const { return window_ / 64 + 64; }
    size_t ahead_max() const { return window_ / 1024 + 64; }

    Taken keep_ahead(uint64_t offset, std::span<const std::byte> bytes, ReceivedBuffers& buffers);
    void join_ahead(ReceivedBuffers& buffers);

    uint64_t window_, limit_;
    uint64_t in_order_ = 0;   ///< all bytes below arrived
    uint64_t read_ = 0;       ///< and of those, handed out
    uint64_t highest_ = 0;
    std::optional<uint64_t> end_;
    bool reset_ = false;
    Row<Slice> ready_;        ///< from read_ to in_order_
    Row<Piece> ahead_;        ///< above in_order_, in order, apart from each other
};

}  // namespace penstock::transport
