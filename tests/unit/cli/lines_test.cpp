#include "cli/lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::cli {
namespace {

std::vector<std::string> all(LineSplitter& lines) {
    std::vector<std::string> out;
    while (const auto line = lines.next()) out.emplace_back(*line);
    return out;
}

TEST(LineSplitter, WaitsForTheEndOfALine) {
    LineSplitter lines;
    lines.feed("one\ntw");
    EXPECT_EQ(all(lines), (std::vector<std::string>{"one"}));
    EXPECT_EQ(lines.pending(), 2u);
    lines.feed("o\n\nthree");
    EXPECT_EQ(all(lines), (std::vector<std::string>{"two", ""}));
    lines.end();
    EXPECT_EQ(all(lines), (std::vector<std::string>{"three"}));
    EXPECT_FALSE(lines.next());
    EXPECT_EQ(lines.pending(), 0u);
}

TEST(LineSplitter, AnEmptyEndIsNoLine) {
    LineSplitter lines;
    lines.feed("one\n");
    lines.end();
    EXPECT_EQ(all(lines), (std::vector<std::string>{"one"}));
    LineSplitter nothing;
    nothing.end();
    EXPECT_FALSE(nothing.next());
}

TEST(LineSplitter, DropsCarriageReturns) {
    LineSplitter lines;
    lines.feed("a\r\nb\rc\n");
    EXPECT_EQ(all(lines), (std::vector<std::string>{"a", "b\rc"}));
}

TEST(LineSplitter, SurvivesMegabytes) {
    LineSplitter lines;
    size_t seen = 0;
    for (int i = 0; i < 3000; ++i) {
        lines.feed(std::string(1000, 'x') + "\n" + "half");
        seen += all(lines).size();
        lines.feed("\n");
        seen += all(lines).size();
    }
    EXPECT_EQ(seen, 6000u);
    EXPECT_EQ(lines.pending(), 0u);
}

TEST(SplitKey, CutsAtTheFirstSeparator) {
    const auto split = split_key("ham:ars|0:1|Goal", "|", 1);
    ASSERT_TRUE(split);
    EXPECT_EQ(split->key, "ham:ars");
    EXPECT_EQ(split->value, "0:1|Goal");
    const auto empty = split_key("||", "||", 1);
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->key, "");
    EXPECT_EQ(empty->value, "");
}

TEST(SplitKey, WithoutSeparatorAllIsValue) {
    const auto split = split_key("a|b", "", 1);
    ASSERT_TRUE(split);
    EXPECT_FALSE(split->key);
    EXPECT_EQ(split->value, "a|b");
}

TEST(SplitKey, ALineWithoutTheSeparatorIsAFailureThatNamesIt) {
    const auto split = split_key("no key\there", "|", 17);
    ASSERT_FALSE(split);
    EXPECT_NE(split.error().message.find("line 17"), std::string::npos);
    EXPECT_NE(split.error().message.find("no key?here"), std::string::npos);
}

}  // namespace
}  // namespace penstock::cli
