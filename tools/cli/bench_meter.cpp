#include "cli/bench_meter.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output.h"

namespace penstock::cli {

namespace {
constexpr Duration line_interval = std::chrono::seconds(1);
}

void BenchMeter::begin(Clock::time_point now) {
    begin_ = now;
    window_begin_ = now + warmup_;
    window_end_ = window_begin_ + duration_;
    next_line_ = now + line_interval;
}

void BenchMeter::end_early(Clock::time_point now) {
    // A load that ends within its warm-up has no other window than itself.
    if (now < window_end_) window_end_ = std::max(now, window_begin_);
}

void BenchMeter::answered(Clock::time_point started, Clock::time_point now, uint64_t records, uint64_t bytes) {
    const auto us = std::max<int64_t>(1, std::chrono::ceil<std::chrono::microseconds>(now - started).count());
    if (started >= window_begin_ && started < window_end_) latency_->record(static_cast<uint64_t>(us));
    if (now >= window_begin_ && now < window_end_) {
        records_ += records;
        bytes_ += bytes;
        ++requests_;
    }
    if (!show_progress_) return;
    line_latency_->record(static_cast<uint64_t>(us));
    line_records_ += records;
    line_bytes_ += bytes;
}

void BenchMeter::progress(Clock::time_point now, uint64_t in_flight) {
    if (!show_progress_ || now < next_line_) return;
    const std::chrono::duration<double> passed = now - (next_line_ - line_interval);
    const std::chrono::duration<double> since_begin = now - begin_;
    complain(fmt::format("{:6.1f} s  {:>12} records/s  {:8.1f} MB/s  p50 {:>9}  p99 {:>9}  max {:>9}  in flight {}{}",
                         since_begin.count(),
                         show_count(static_cast<uint64_t>(static_cast<double>(line_records_) / passed.count())),
                         static_cast<double>(line_bytes_) / passed.count() / 1e6,
                         show_microseconds(line_latency_->percentile(50)),
                         show_microseconds(line_latency_->percentile(99)),
                         show_microseconds(line_latency_->max()), in_flight, now < window_begin_ ? "  (warm-up)" : ""));
    line_latency_->reset();
    line_records_ = line_bytes_ = 0;
    next_line_ = now + line_interval;
}

double BenchMeter::window_seconds() const { return std::chrono::duration<double>(window_end_ - window_begin_).count(); }

}  // namespace penstock::cli
