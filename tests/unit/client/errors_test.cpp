#include <gtest/gtest.h>

#include <set>
#include <string>

#include "client/penstock.h"

namespace {

TEST(Errors, EveryNumberHasANameAndASentence) {
    std::set<std::string> names;
    for (penstock_error error = PENSTOCK_SYSTEM; error <= PENSTOCK_FULL; ++error) {
        EXPECT_TRUE(names.insert(penstock_error_name(error)).second) << error;
        EXPECT_NE(std::string(penstock_error_message(error)), "") << error;
    }
    EXPECT_STREQ(penstock_error_name(PENSTOCK_OK), "PENSTOCK_OK");
    EXPECT_STREQ(penstock_error_name(6), "NOT_LEADER_OR_FOLLOWER");
    EXPECT_STREQ(penstock_error_name(-1), "UNKNOWN_SERVER_ERROR");
    for (const penstock_error strange : {INT32_MIN, -1011, -32769, 32768, 1'000'000, INT32_MAX}) {
        EXPECT_STREQ(penstock_error_name(strange), "UNKNOWN_CODE") << strange;
        EXPECT_EQ(penstock_error_is_transient(strange), 0) << strange;
        EXPECT_NE(penstock_error_message(strange), nullptr);
    }
}

TEST(Errors, TransientIsWhatMayWorkLater) {
    EXPECT_EQ(penstock_error_is_transient(PENSTOCK_FULL), 1);
    EXPECT_EQ(penstock_error_is_transient(PENSTOCK_UNREACHABLE), 1);
    EXPECT_EQ(penstock_error_is_transient(6), 1);
    EXPECT_EQ(penstock_error_is_transient(PENSTOCK_INVALID), 0);
    EXPECT_EQ(penstock_error_is_transient(PENSTOCK_UNKNOWN), 0);
    EXPECT_EQ(penstock_error_is_transient(PENSTOCK_MESSAGE_TOO_LARGE), 0);
}

}  // namespace
