// What a benchmark counts: throughput inside the measured window, latencies, and a progress line each second.
//
// Time is cut into warm-up, window and drain. A request belongs to the window by its start time (the intended one under
// open load), an acknowledged record by the moment its answer came. Latencies are microseconds.
#pragma once

#include <memory>
#include <string>

#include "base/histogram.h"
#include "cli/values.h"

namespace penstock::cli {

class BenchMeter {
public:
    BenchMeter(Duration warmup, Duration duration, bool show_progress)
        : warmup_(warmup), duration_(duration), show_progress_(show_progress) {}

    /// The load is prepared; from here on time counts.
    void begin(Clock::time_point now);

    Clock::time_point window_begin() const { return window_begin_; }
    Clock::time_point window_end() const { return window_end_; }
    /// The load ended by itself: the window ends here.
    void end_early(Clock::time_point now);

    void answered(Clock::time_point started, Clock::time_point now, uint64_t records, uint64_t bytes);
    void failed(uint64_t records) { failed_records_ += records; }
    /// Prints a line on stderr for each second that has passed.
    void progress(Clock::time_point now, uint64_t in_flight);

    uint64_t records() const { return records_; }
    uint64_t bytes() const { return bytes_; }
    uint64_t requests() const { return requests_; }
    uint64_t failed_records() const { return failed_records_; }
    double window_seconds() const;
    const Histogram& latency() const { return *latency_; }

private:
    Duration warmup_, duration_;
    bool show_progress_;
    Clock::time_point begin_{}, window_begin_{}, window_end_{}, next_line_{};
    uint64_t records_ = 0, bytes_ = 0, requests_ = 0, failed_records_ = 0;
    uint64_t line_records_ = 0, line_bytes_ = 0;
    std::unique_ptr<Histogram> latency_ = std::make_unique<Histogram>();
    std::unique_ptr<Histogram> line_latency_ = std::make_unique<Histogram>();
};

}  // namespace penstock::cli
