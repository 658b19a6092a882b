// A log-linear histogram (as HdrHistogram's): three significant digits from 1 to histogram_value_max.
//
// Values are whole numbers in the caller's unit; latencies are recorded in microseconds, so that the range is 1 us to
// 19 hours. Below 2048 every value has a bucket of its own; above, each doubling is cut into 1024 equal buckets, so a
// reported value is never more than 0.1 % above a recorded one. Recording is a few instructions and never allocates.
// Fixed in size (216 KiB) and trivially copyable, so it can lie in shared memory. One writer; it does not lock.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/assert.h"

namespace penstock {

inline constexpr uint32_t histogram_value_bits = 36;
inline constexpr uint64_t histogram_value_max = (uint64_t{1} << histogram_value_bits) - 1;

class Histogram {
public:
    /// Counts `value` `times` times. Above histogram_value_max it counts as that maximum and in clamped().
    void record(uint64_t value, uint64_t times = 1) {
        if (times == 0) return;
        if (value > histogram_value_max) [[unlikely]] {
            value = histogram_value_max;
            clamped_ += times;
        }
        counts_[index_of(value)] += times;
        count_ += times;
        sum_ += value * times;
        min_ = std::min(min_, value);
        max_ = std::max(max_, value);
    }

    void merge(const Histogram& other) {
        for (size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
        count_ += other.count_;
        clamped_ += other.clamped_;
        sum_ += other.sum_;
        min_ = std::min(min_, other.min_);
        max_ = std::max(max_, other.max_);
    }

    void reset() { *this = Histogram{}; }

    uint64_t count() const { return count_; }
    uint64_t clamped() const { return clamped_; }
    uint64_t min() const { return count_ == 0 ? 0 : min_; }
    uint64_t max() const { return max_; }
    double mean() const { return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_); }

    /// The smallest value that at least `percent` (0 to 100) of all recorded values do not exceed, rounded up to the
    /// end of its bucket but never above max(). 0 if nothing was recorded.
    uint64_t percentile(double percent) const {
        PENSTOCK_ASSERT(percent >= 0.0);
        PENSTOCK_ASSERT(percent <= 100.0);
        if (count_ == 0) return 0;
        // The last factor keeps 99.9 % of 1000 at rank 999: 99.9 has no exact binary form.
        const double exact = percent / 100.0 * static_cast<double>(count_) * (1.0 - 1e-12);
        auto rank = static_cast<uint64_t>(exact);
        if (static_cast<double>(rank) < exact) ++rank;
        rank = std::clamp<uint64_t>(rank, 1, count_);
        uint64_t seen = 0;
        for (size_t i = index_of(min_); i < bucket_count; ++i) {
            seen += counts_[i];
            if (seen >= rank) return std::min(bucket_last(i), max_);
        }
        return max_;
    }

private:
    // 2048 exact values: the least power of two with 3 digits in its upper half.
    static constexpr uint32_t linear_bits = 11;
    static constexpr uint64_t linear_count = uint64_t{1} << linear_bits;
    static constexpr uint64_t half_count = linear_count / 2;
    static constexpr size_t bucket_count = linear_count + (histogram_value_bits - linear_bits) * half_count;

    static constexpr size_t index_of(uint64_t value) {
        if (value < linear_count) return value;
        const auto shift = static_cast<uint32_t>(std::bit_width(value)) - linear_bits;
        return linear_count + (shift - 1) * half_count + ((value >> shift) - half_count);
    }

    /// The greatest value that falls into bucket `index`.
    static constexpr uint64_t bucket_last(size_t index) {
        if (index < linear_count) return index;
        const uint64_t shift = (index - linear_count) / half_count + 1;
        const uint64_t sub = (index - linear_count) % half_count + half_count;
        return ((sub + 1) << shift) - 1;
    }

    static_assert((histogram_value_max >> (histogram_value_bits - linear_bits)) < linear_count);

    uint64_t count_ = 0;
    uint64_t clamped_ = 0;
    uint64_t sum_ = 0;
    uint64_t min_ = UINT64_MAX;
    uint64_t max_ = 0;
    std::array<uint64_t, bucket_count> counts_{};
};

static_assert(std::is_trivially_copyable_v<Histogram>);

}  // namespace penstock
