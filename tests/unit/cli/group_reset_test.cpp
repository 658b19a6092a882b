#include "cli/group_reset.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace penstock::cli {
namespace {

using Kind = ResetTarget::Kind;

TEST(GroupReset, StaysWithinThePartition) {
    const auto at = [](ResetTarget target, std::optional<int64_t> current, int64_t time = -1) {
        return reset_offset(target, 10, 100, current, time).value_or(-1);
    };
    EXPECT_EQ(at({Kind::earliest, 0}, 50), 10);
    EXPECT_EQ(at({Kind::latest, 0}, 50), 100);
    EXPECT_EQ(at({Kind::offset, 60}, {}), 60);
    EXPECT_EQ(at({Kind::offset, 5}, {}), 10);
    EXPECT_EQ(at({Kind::offset, 101}, {}), 100);
    EXPECT_EQ(at({Kind::time, 1}, {}, 70), 70);
    EXPECT_EQ(at({Kind::time, 1}, {}, -1), 100);
    EXPECT_EQ(at({Kind::shift, -20}, 50), 30);
    EXPECT_EQ(at({Kind::shift, 20}, 50), 70);
    EXPECT_EQ(at({Kind::shift, INT64_MIN}, 50), 10);
    EXPECT_EQ(at({Kind::shift, INT64_MAX}, 50), 100);
    EXPECT_FALSE(reset_offset({Kind::shift, 1}, 10, 100, {}, -1));
}

TEST(GroupReset, TakesExactlyOneTarget) {
    const std::vector<std::string> base{"group", "reset-offsets", "g", "--topic", "t"};
    const auto parses = [&](std::vector<std::string> more) {
        more.insert(more.begin(), base.begin(), base.end());
        return parse_arguments(more).has_value();
    };
    EXPECT_TRUE(parses({"--to-earliest"}));
    EXPECT_TRUE(parses({"--shift-by", "-5"}));
    EXPECT_TRUE(parses({"--to-datetime", "1732291200000"}));
    EXPECT_FALSE(parses({}));
    EXPECT_FALSE(parses({"--to-earliest", "--to-latest"}));
    EXPECT_FALSE(parses({"--to-offset", "-1"}));
    EXPECT_FALSE(parses({"--to-offset", "x"}));
    EXPECT_FALSE(parses({"--to-datetime", "soon"}));
    EXPECT_FALSE(parse_arguments({"group", "reset-offsets", "g", "--to-latest"}).has_value());
}

}  // namespace
}  // namespace penstock::cli
