#include "transport/path_mtu.h"

#include <gtest/gtest.h>

namespace penstock::transport {
namespace {

/// Searches on a path that carries so much; how many probes it took.
int search(PathMtu& mtu, uint32_t carries, Nanos& now) {
    int probes = 0;
    while (mtu.next_probe_at() <= now && probes < 200) {
        const auto probe = mtu.next_probe(now);
        if (!probe) break;
        ++probes;
        EXPECT_FALSE(mtu.next_probe(now)) << "one at a time";
        now += millisecond_ns;
        if (*probe <= carries) mtu.probe_arrived(*probe);
        else mtu.probe_lost(*probe, now);
    }
    return probes;
}

TEST(PathMtu, starts_with_what_every_path_carries) {
    const PathMtu mtu(9000);
    EXPECT_EQ(mtu.bytes(), 1200u);
}

TEST(PathMtu, takes_the_largest_at_once_where_it_fits) {
    PathMtu mtu(8972);
    Nanos now;
    EXPECT_EQ(search(mtu, 9000, now), 1);
    EXPECT_EQ(mtu.bytes(), 8972u);
    EXPECT_EQ(mtu.next_probe_at(), never);
}

TEST(PathMtu, finds_any_size_closely_enough) {
    for (const uint32_t carries : {1200u, 1201u, 1300u, 1432u, 1472u, 1500u, 4000u, 8971u, 8972u, 30'000u, 65'000u}) {
        PathMtu mtu(65'000);
        Nanos now;
        EXPECT_LE(search(mtu, carries, now), 110) << carries;   // three for each size that is too large
        EXPECT_LE(mtu.bytes(), carries);
        EXPECT_GT(mtu.bytes() + 17, carries);
    }
}

TEST(PathMtu, one_lost_probe_proves_nothing) {
    PathMtu mtu(1472);
    const auto first = mtu.next_probe(Nanos(0));
    mtu.probe_lost(*first, Nanos(1));
    EXPECT_EQ(mtu.next_probe(Nanos(1)), first);
    mtu.probe_arrived(*first);
    EXPECT_EQ(mtu.bytes(), 1472u);
}

TEST(PathMtu, a_path_that_swallows_large_packets_is_searched_anew) {
    PathMtu mtu(1472);
    Nanos now;
    search(mtu, 1472, now);
    mtu.large_lost(11, now);
    mtu.large_arrived();
    mtu.large_lost(11, now);
    EXPECT_EQ(mtu.bytes(), 1472u);
    mtu.large_lost(1, now);
    EXPECT_EQ(mtu.bytes(), 1200u);
    search(mtu, 1400, now);
    EXPECT_GT(mtu.bytes(), 1383u);
    EXPECT_LE(mtu.bytes(), 1400u);
}

TEST(PathMtu, looks_again_after_a_while) {
    PathMtu mtu(1472);
    Nanos now;
    search(mtu, 1300, now);
    const Nanos again = mtu.next_probe_at();
    EXPECT_GT(again, now + 500 * second_ns);
    now = again;
    search(mtu, 1472, now);
    EXPECT_EQ(mtu.bytes(), 1472u);
}

}  // namespace
}  // namespace penstock::transport
