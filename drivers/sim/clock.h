// Virtual time: stands still until the test moves it. One clock serves a whole simulation, so that everything in it
// agrees on `now` and a run takes as long as its computation does.
#pragma once

#include <cstdint>

#include "base/assert.h"
#include "base/units.h"

namespace penstock::sim {

class Clock {
public:
    /// Starts away from zero, so that nobody takes "now" for "long ago" or subtracts into the negative by luck.
    explicit Clock(int64_t wall_ms = 1'700'000'000'000) : wall_ms_at_zero_(wall_ms) {}

    Nanos now() const { return now_; }
    Time time() const { return {now_, wall_ms_at_zero_ + (now_ - start) / millisecond_ns}; }

    void advance(int64_t ns) {
        PENSTOCK_ASSERT(ns >= 0);
        now_ += ns;
    }
    /// Does nothing if `to` has passed: deadlines may lie in the past.
    void advance_to(Nanos to) {
        if (to != never && to > now_) now_ = to;
    }
    /// The wall clock jumps, as NTP or an operator makes it; `now` does not.
    void shift_wall(int64_t ms) { wall_ms_at_zero_ += ms; }

private:
    static constexpr Nanos start{1000 * second_ns};
    Nanos now_ = start;
    int64_t wall_ms_at_zero_;
};

}  // namespace penstock::sim
