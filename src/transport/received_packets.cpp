#include "transport/received_packets.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::transport {

bool ReceivedPackets::is_new(uint64_t number) const {
    if (number < floor_) return false;
    for (size_t i = 0; i < count_ && number <= ranges_[i].last; ++i)
        if (number >= ranges_[i].first) return false;
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
    size_t at = 0;
    while (at < count_ && ranges_[at].first > number) ++at;
    // Now `at` is the first range that begins below the number; the one before it begins above.
    const bool joins_newer = at > 0 && ranges_[at - 1].first == number + 1;
    const bool joins_older = at < count_ && ranges_[at].last + 1 == number;
    if (joins_newer && joins_older) {
        ranges_[at - 1].first = ranges_[at].first;
        std::copy(ranges_.begin() + at + 1, ranges_.begin() + count_, ranges_.begin() + at);
        --count_;
    } else if (joins_newer) {
        ranges_[at - 1].first = number;
    } else if (joins_older) {
        ranges_[at].last = number;
    } else {
        if (at == ranges_kept) {   // older than all that there is room for
            floor_ = number + 1;
            return;
        }
        if (count_ == ranges_kept) floor_ = ranges_[--count_].last + 1;
        std::copy_backward(ranges_.begin() + at, ranges_.begin() + count_, ranges_.begin() + count_ + 1);
        ranges_[at] = {number, number};
        ++count_;
    }
    while (ranges_[count_ - 1].last + span_max < ranges_[0].last) {
        floor_ = ranges_[count_ - 1].last + 1;
        --count_;
    }
}

Nanos ReceivedPackets::due(int64_t delay_ns) const {
    if (untold_ == 0) return never;
    return at_once_ || untold_ >= packets_untold_max ? first_untold_at_ : first_untold_at_ + delay_ns;
}

void ReceivedPackets::acknowledge(FrameWriter& out, Nanos now) {
    PENSTOCK_ASSERT(count_ > 0 && out.left() >= acknowledgement_frame_bytes + range_bytes);
    const size_t room = (out.left() - acknowledgement_frame_bytes) / range_bytes;
    std::array<NumberRange, ranges_max> told;
    const size_t count = std::min({room, count_, told.size()});
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
