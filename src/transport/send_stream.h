// One direction of a stream, at its sender: what is to be sent, what was, and what must be sent once more.
//
// Stepped by its connection. The bytes stay the caller's: they are sent, and sent again, from where they lie, and each
// push gives back its token once all of its bytes have been acknowledged. Invariant: acknowledged <= sent <= limit, and
// bytes are either below `acknowledged_`, in `islands_`, in `lost_`, or under way.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "transport/byte_ranges.h"
#include "transport/row.h"

namespace penstock::transport {

class SendStream {
public:
    explicit SendStream(uint64_t limit) : limit_(limit) {}

    // The application.
    /// Behind all earlier pushes; not after end().
    void push(std::span<const Fragment> fragments, uint64_t token);
    size_t pushes() const { return pushes_.size(); }
    /// The stream ends behind what was pushed.
    void end();
    bool ended() const { return ended_; }
    /// The token of the oldest push, if all of its bytes were acknowledged since.
    std::optional<uint64_t> next_done();

    // The connection.
    /// The peer granted so much in all. False: nothing new.
    bool grant(uint64_t limit);
    uint64_t sent() const { return sent_; }
    bool wants_to_repeat() const { return !lost_.empty() || end_lost_; }
    /// New bytes that the stream's credit allows.
    uint64_t new_bytes() const { return std::min(pushed_, limit_) - sent_; }
    bool wants_to_send() const {
        return wants_to_repeat() || new_bytes() > 0 || (ended_ && !end_sent_ && sent_ == pushed_);
    }

    struct Chunk {
        uint64_t offset = 0;
        uint32_t length = 0;
        bool end = false;
    };
    /// What to send next: at most so many bytes, of which so many may be new. It counts as sent. What was lost goes
    /// first.
    std::optional<Chunk> next(uint32_t bytes_max, uint64_t new_bytes_max);
    /// Adds where its bytes lie.
    void add_fragments(const Chunk& chunk, std::vector<Fragment>& out);

    void acknowledged(uint64_t offset, uint32_t length, bool end);
    void lost(uint64_t offset, uint32_t length, bool end);
    /// The first bytes that are not known to have arrived, so many at most, are to be sent once more.
    void repeat_first(uint32_t bytes);
    /// Everything arrived, the end as well.
    bool finished() const { return end_acknowledged_ && acknowledged_ == pushed_; }
    /// Forgets all that was pushed, for a stream that is given up.
    void clear();

private:
    struct Piece {
        uint64_t offset = 0;
        Fragment bytes;
    };
    struct Push {
        uint64_t end = 0;
        uint64_t token = 0;
    };

    size_t piece_of(uint64_t offset) const;

    uint64_t limit_;
    Row<Piece> pieces_;
    size_t latest_ = 0;              ///< place of the piece that was sent from last
    Row<Push> pushes_;
    uint64_t acknowledged_ = 0;      ///< all bytes below arrived
    uint64_t sent_ = 0, pushed_ = 0;
    ByteRanges islands_;             ///< what arrived above
    ByteRanges lost_;                ///< to be sent again
    bool ended_ = false, end_sent_ = false, end_lost_ = false, end_acknowledged_ = false;
};

}  // namespace penstock::transport
