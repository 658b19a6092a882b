// Spreads over time what congestion control allows: a bucket of bytes that fills at its pace.
//
// Stepped by its connection. The bucket holds a burst and what a late wake-up costs, so that after a pause no more than
// that leaves at once, and a sender whose timers are coarse still keeps its pace. What was sent may leave it below
// zero: packets are not cut.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/units.h"

namespace penstock::transport {

class Pacer {
public:
    /// Call before asking, with what congestion control says now.
    void refill(uint64_t bytes_per_s, uint64_t burst_bytes, Nanos now) {
        bytes_per_s_ = std::max<uint64_t>(bytes_per_s, 1);
        const auto late = static_cast<uint64_t>(static_cast<double>(bytes_per_s_) * late_ns / second_ns);
        const auto most = static_cast<int64_t>(burst_bytes + late);
        if (!started_) {
            started_ = true;
            at_ = now;
            tokens_ = static_cast<int64_t>(burst_bytes);
        }
        const double gained = static_cast<double>(now - at_) * static_cast<double>(bytes_per_s_) / second_ns;
        if (gained < 1) return;   // the time is not lost: it is counted once it is worth a byte
        at_ = now;
        tokens_ = gained > static_cast<double>(most - tokens_) ? most : tokens_ + static_cast<int64_t>(gained);
    }

    bool may_send() const { return tokens_ > 0; }
    int64_t tokens() const { return tokens_; }
    void sent(uint64_t bytes) { tokens_ -= static_cast<int64_t>(bytes); }

    /// When there will be so many bytes; now or in the past if there are.
    Nanos ready_at(uint64_t bytes) const {
        const int64_t missing = static_cast<int64_t>(bytes) - tokens_;
        if (missing <= 0) return at_;
        const double wait = static_cast<double>(missing) * second_ns / static_cast<double>(bytes_per_s_);
        return at_ + static_cast<int64_t>(std::min(wait, 1e15)) + 1;
    }

private:
    /// A thread that sleeps in the kernel wakes up so much too late, now and then.
    static constexpr double late_ns = 500 * microsecond_ns;

    bool started_ = false;
    uint64_t bytes_per_s_ = 1;
    int64_t tokens_ = 0;
    Nanos at_;
};

}  // namespace penstock::transport
