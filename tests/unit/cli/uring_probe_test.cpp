#include "cli/uring_probe.h"

#include <gtest/gtest.h>

#include "uring/ring.h"

namespace penstock::cli {
namespace {

TEST(UringProbe, SaysWhatTheBrokerWouldFind) {
    const auto ring = uring::Ring::create();
    const UringProbe probe = probe_uring();
    EXPECT_EQ(probe.failure, ring ? "" : ring.error().detail);
    EXPECT_EQ(probe_uring().failure, probe.failure) << "nothing of the first is in the way of the second";
}

}  // namespace
}  // namespace penstock::cli
