// Which packet numbers have arrived, and when to say so.
//
// Stepped by its connection. Numbers are kept as ranges, newest first and with gaps between them; the oldest are
// forgotten, and what is older than all that is known counts as repeated: its sender has long sent what it held under a
// new number. A number is added only when what its packet held is kept, since it is acknowledged from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/units.h"
#include "transport/frame.h"

namespace penstock::transport {

class ReceivedPackets {
public:
    /// False for one that arrived before, or is too old to tell.
    bool is_new(uint64_t number) const;
    /// A new one. `wants_answer`: it holds more than acknowledgements.
    void add(uint64_t number, bool wants_answer, bool at_once, Nanos now);

    /// One above the largest: what to complete numbers with.
    uint64_t expected() const { return ranges_.empty() ? 0 : ranges_.front().last + 1; }

    /// When an acknowledgement is due; `never` while nothing waits for one.
    Nanos due(int64_t delay_ns) const;
    /// Whether anything would be told for the first time: then it may as well go with what is sent anyway.
    bool untold() const { return untold_ > 0; }
    /// Writes what has arrived into `out` as far as there is room; from now on nothing waits.
    void acknowledge(FrameWriter& out, Nanos now);

private:
    static constexpr size_t ranges_kept = 64;
    /// An acknowledgement for each so many packets at least, whatever the delay: 16 of 1,472 bytes are a third of what
    /// a sender has under way at the start, and at full speed one acknowledgement in 16 packets costs little.
    static constexpr uint32_t packets_untold_max = 16;
    /// Further than this below the largest, a range need not be told: it fits the frame's fields.
    static constexpr uint64_t span_max = uint64_t{1} << 31;

    void insert(uint64_t number);
    void forget_oldest();

    std::vector<NumberRange> ranges_;   ///< at most ranges_kept: one, unless packets get lost or overtake each other
    uint64_t floor_ = 0;             ///< everything below counts as repeated
    Nanos largest_at_;
    Nanos first_untold_at_;
    uint32_t untold_ = 0;            ///< packets that want an answer, since the last acknowledgement
    bool at_once_ = false;
};

}  // namespace penstock::transport
