#include "transport/received_packets.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/assert.h"

namespace penstock::transport {

bool ReceivedPackets::is_new(uint64_t number) const {
    if (number < floor_) return false;
    for (const NumberRange& range : ranges_) {
        if (number > range.last) break;
        if (number >= range.first) return false;
    }
    return true;
}

void ReceivedPackets::add(uint64_t number, bool wants_answer, bool at_once, Nanos now) {
    PENSTOCK_ASSERT(is_new(number));
    const uint64_t before = expected();
    insert(number);
    if (number >= before) largest_at_ = now;
    if (!wants_answer) return;
    if (untold_++ == 0) first_untold_at_ = now;
    // One out of order tells the sender of a loss, or that there was none.
    at_once_ |= at_once || number != before;
}

void ReceivedPackets::insert(uint64_t number) {
    // The first range that begins below the number; the one before it begins above.
    const auto at = std::ranges::find_if(ranges_, [&](const NumberRange& range) { return range.first <= number; });
    const bool joins_newer = at != ranges_.begin() && std::prev(at)->first == number + 1;
    const bool joins_older = at != ranges_.end() && at->last + 1 == number;
    if (joins_newer && joins_older) {
        std::prev(at)->first = at->first;
        ranges_.erase(at);
    } else if (joins_newer) {
        std::prev(at)->first = number;
    } else if (joins_older) {
        at->last = number;
    } else if (at == ranges_.end() && ranges_.size() == ranges_kept) {   // older than all that there is room for
        floor_ = number + 1;
        return;
    } else {
        ranges_.insert(at, {number, number});
        if (ranges_.size() > ranges_kept) forget_oldest();
    }
    while (ranges_.back().last + span_max < ranges_.front().last) forget_oldest();
}

void ReceivedPackets::forget_oldest() {
    floor_ = ranges_.back().last + 1;
    ranges_.pop_back();
}

Nanos ReceivedPackets::due(int64_t delay_ns) const {
    if (untold_ == 0) return never;
    return at_once_ || untold_ >= packets_untold_max ? first_untold_at_ : first_untold_at_ + delay_ns;
}

void ReceivedPackets::acknowledge(FrameWriter& out, Nanos now) {
    PENSTOCK_ASSERT(!ranges_.empty() && out.left() >= acknowledgement_frame_bytes + range_bytes);
    const size_t room = (out.left() - acknowledgement_frame_bytes) / range_bytes;
    std::array<NumberRange, ranges_max> told;
    const size_t count = std::min({room, ranges_.size(), told.size()});
    std::copy_n(ranges_.begin(), count, told.begin());
    // The fields of a frame hold 32 bits; what is so old has been told long ago.
    NumberRange& last = told[count - 1];
    last.first = std::max(last.first, last.last >= span_max ? last.last - span_max : 0);
    const int64_t delay_us = std::max<int64_t>(0, now - largest_at_) / microsecond_ns;
    out.acknowledgement({told.data(), count}, static_cast<uint32_t>(std::min<int64_t>(delay_us, UINT32_MAX)));
    untold_ = 0;
    at_once_ = false;
}

}  // namespace penstock::transport
