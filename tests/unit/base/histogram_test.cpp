#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace penstock {
namespace {

// Histograms are too large for a comfortable stack under sanitizers.
std::unique_ptr<Histogram> make() { return std::make_unique<Histogram>(); }

TEST(Histogram, EmptyReportsZeroes) {
    auto h = make();
    EXPECT_EQ(h->count(), 0u);
    EXPECT_EQ(h->min(), 0u);
    EXPECT_EQ(h->max(), 0u);
    EXPECT_EQ(h->mean(), 0.0);
    EXPECT_EQ(h->percentile(0), 0u);
    EXPECT_EQ(h->percentile(99.9), 0u);
}

TEST(Histogram, SmallValuesAreExact) {
    auto h = make();
    for (uint64_t v = 1; v <= 1000; ++v) h->record(v);
    EXPECT_EQ(h->count(), 1000u);
    EXPECT_EQ(h->percentile(0), 1u);
    EXPECT_EQ(h->percentile(50), 500u);
    EXPECT_EQ(h->percentile(99), 990u);
    EXPECT_EQ(h->percentile(99.9), 999u);
    EXPECT_EQ(h->percentile(100), 1000u);
    EXPECT_DOUBLE_EQ(h->mean(), 500.5);
}

TEST(Histogram, SingleValueIsEveryPercentile) {
    auto h = make();
    h->record(1'234'567);
    for (double p : {0.0, 1.0, 50.0, 99.9, 100.0}) EXPECT_EQ(h->percentile(p), 1'234'567u) << p;
}

TEST(Histogram, ReportsWithinOneThousandthAboveAndNeverBelow) {
    for (uint64_t v = 1; v < histogram_value_max; v = v + v / 7 + 1) {
        auto h = make();
        h->record(v);
        h->record(histogram_value_max);  // so that max() does not cap the answer
        const uint64_t got = h->percentile(50);
        EXPECT_GE(got, v);
        EXPECT_LE(static_cast<double>(got - v), static_cast<double>(v) * 0.001) << v;
    }
}

TEST(Histogram, BucketEdgesAroundPowersOfTwo) {
    for (uint32_t bit = 10; bit < histogram_value_bits; ++bit) {
        const uint64_t edge = uint64_t{1} << bit;
        auto h = make();
        h->record(edge - 1);
        h->record(edge);
        EXPECT_EQ(h->percentile(50), edge - 1) << bit;
        EXPECT_EQ(h->percentile(100), edge) << bit;
    }
}

TEST(Histogram, AgreesWithSortedValues) {
    auto h = make();
    std::vector<uint64_t> values;
    uint64_t state = 42;
    for (int i = 0; i < 20'000; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const uint64_t v = (state >> 33) % 3'000'000 + 1;
        values.push_back(v);
        h->record(v);
    }
    std::sort(values.begin(), values.end());
    for (double p : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
        const auto rank = static_cast<size_t>(std::max(1.0, std::min(20'000.0, p / 100.0 * 20'000.0 + 0.999999)));
        const auto exact = static_cast<double>(values[rank - 1]);
        const auto got = static_cast<double>(h->percentile(p));
        EXPECT_GE(got, exact);
        EXPECT_LE(got, exact * 1.001) << p;
    }
}

TEST(Histogram, MergeEqualsRecordingIntoOne) {
    auto a = make(), b = make(), both = make();
    for (uint64_t v = 1; v < 5'000'000; v += 4321) {
        (v % 2 == 0 ? a : b)->record(v);
        both->record(v);
    }
    a->merge(*b);
    EXPECT_EQ(a->count(), both->count());
    EXPECT_EQ(a->min(), both->min());
    EXPECT_EQ(a->max(), both->max());
    EXPECT_DOUBLE_EQ(a->mean(), both->mean());
    for (double p = 0; p <= 100.0; p += 0.5) EXPECT_EQ(a->percentile(p), both->percentile(p));
    auto empty = make();
    a->merge(*empty);
    EXPECT_EQ(a->min(), both->min());
}

TEST(Histogram, RecordsManyAtOnce) {
    auto h = make();
    h->record(10, 99);
    h->record(20, 1);
    h->record(30, 0);
    EXPECT_EQ(h->count(), 100u);
    EXPECT_EQ(h->percentile(99), 10u);
    EXPECT_EQ(h->percentile(99.5), 20u);
    EXPECT_EQ(h->max(), 20u);
}

TEST(Histogram, ClampsAndSaysSo) {
    auto h = make();
    h->record(UINT64_MAX);
    EXPECT_EQ(h->max(), histogram_value_max);
    EXPECT_EQ(h->percentile(50), histogram_value_max);
    EXPECT_EQ(h->clamped(), 1u);
    h->record(0);
    EXPECT_EQ(h->min(), 0u);
    EXPECT_EQ(h->clamped(), 1u);
}

TEST(Histogram, ResetForgets) {
    auto h = make();
    h->record(7);
    h->reset();
    EXPECT_EQ(h->count(), 0u);
    EXPECT_EQ(h->percentile(50), 0u);
}

}  // namespace
}  // namespace penstock
