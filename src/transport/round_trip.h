// How long a round trip takes: RFC 9002, section 5.
//
// Fed with the time from a packet's sending to the acknowledgement that names it as the largest. The smallest is over
// the connection's life here; congestion control keeps one over a window of its own.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/units.h"

namespace penstock::transport {

class RoundTrip {
public:
    /// Before anything was measured: generous for a data centre, and soon replaced.
    static constexpr int64_t initial_ns = 10 * millisecond_ns;
    /// Timers and schedulers are no finer than this, on machines that do other work too.
    static constexpr int64_t granularity_ns = millisecond_ns;

    /// `delay_ns`: how long the peer says that it waited, at most as long as it promised.
    void sample(int64_t measured_ns, int64_t delay_ns) {
        latest_ns_ = std::max<int64_t>(measured_ns, 1);
        if (!measured_) {
            measured_ = true;
            smallest_ns_ = smoothed_ns_ = latest_ns_;
            variation_ns_ = latest_ns_ / 2;
            return;
        }
        smallest_ns_ = std::min(smallest_ns_, latest_ns_);
        const int64_t adjusted = latest_ns_ - delay_ns >= smallest_ns_ ? latest_ns_ - delay_ns : latest_ns_;
        const int64_t difference = smoothed_ns_ > adjusted ? smoothed_ns_ - adjusted : adjusted - smoothed_ns_;
        variation_ns_ = (3 * variation_ns_ + difference) / 4;
        smoothed_ns_ = (7 * smoothed_ns_ + adjusted) / 8;
    }

    bool measured() const { return measured_; }
    int64_t latest_ns() const { return latest_ns_; }
    int64_t smallest_ns() const { return smallest_ns_; }
    int64_t smoothed_ns() const { return smoothed_ns_; }

    /// How long after a packet nothing need be heard of it, its peer's delay aside.
    int64_t patience_ns() const { return smoothed_ns_ + std::max(4 * variation_ns_, granularity_ns); }

private:
    bool measured_ = false;
    int64_t latest_ns_ = initial_ns;
    int64_t smallest_ns_ = initial_ns;
    int64_t smoothed_ns_ = initial_ns;
    int64_t variation_ns_ = initial_ns / 2;
};

}  // namespace penstock::transport
