#include "cli/start_offset.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

int64_t at(std::string_view text, int64_t start, int64_t end, int64_t at_time = -1) {
    const auto parsed = StartOffset::parse(text);
    EXPECT_TRUE(parsed) << text;
    if (!parsed) return -999;
    return resolve(*parsed, start, end, at_time).value_or(-999);
}

TEST(StartOffset, Resolves) {
    EXPECT_EQ(at("earliest", 10, 20), 10);
    EXPECT_EQ(at("latest", 10, 20), 20);
    EXPECT_EQ(at("15", 10, 20), 15);
    EXPECT_EQ(at("10", 10, 20), 10);
    EXPECT_EQ(at("20", 10, 20), 20);
    EXPECT_EQ(at("-3", 10, 20), 17);
    EXPECT_EQ(at("-100", 10, 20), 10);
    EXPECT_EQ(at("-9223372036854775807", 0, 20), 0);
    EXPECT_EQ(at("-0", 10, 20), 20);
    EXPECT_EQ(at("@1000", 10, 20, 12), 12);
    EXPECT_EQ(at("@2026-11-22T16:00:00Z", 10, 20, -1), 20);
}

TEST(StartOffset, OutsideIsAFailureThatNamesTheRange) {
    for (const char* text : {"9", "21"}) {
        const auto resolved = resolve(*StartOffset::parse(text), 10, 20, -1);
        ASSERT_FALSE(resolved) << text;
        EXPECT_NE(resolved.error().message.find("10 to 20"), std::string::npos);
    }
}

TEST(StartOffset, RefusesNonsense) {
    for (const char* bad : {"", "x", "1x", "@", "@x", "-", "-9223372036854775808", "9223372036854775808", "1.5"}) {
        const auto parsed = StartOffset::parse(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().kind, FailureKind::usage);
    }
}

}  // namespace
}  // namespace penstock::cli
