// Sizes of logs at the owner: src/broker/owner_log_sizes.cpp.
#include <gtest/gtest.h>

#include "broker/owner_rig.h"

namespace penstock::broker {
namespace {

class OwnerLogSizesTest : public OwnerRig {};

TEST_F(OwnerLogSizesTest, tells_them_with_the_space_of_the_disk) {
    open();
    apply(2);
    append(1000, 1);
    std::vector<LogSize> sizes{{key(1)}, {key(0)}, {key(7)}};
    LogSizesCall call;
    call.logs = sizes;
    owner_->on_call(call, time_);
    store_turn();
    ASSERT_TRUE(answered(call));
    EXPECT_TRUE(sizes[0].there && sizes[1].there);
    EXPECT_FALSE(sizes[2].there);
    EXPECT_GT(sizes[0].bytes, 3000u);
    EXPECT_LT(sizes[0].bytes, 3300u);
    EXPECT_EQ(sizes[1].bytes, 0u);
    ASSERT_TRUE(call.space.has_value());
    EXPECT_EQ(call.space->total_bytes - call.space->usable_bytes, directory_.used_bytes());
}

}  // namespace
}  // namespace penstock::broker
