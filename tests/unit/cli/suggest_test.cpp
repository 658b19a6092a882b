#include "cli/suggest.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

const std::vector<std::string> commands{"topic", "produce", "consume", "cluster", "log", "bench"};

TEST(Suggest, FindsMistypedNames) {
    EXPECT_EQ(nearest("topci", commands), "topic");
    EXPECT_EQ(nearest("prodcue", commands), "produce");
    EXPECT_EQ(nearest("consum", commands), "consume");
    EXPECT_EQ(nearest("clutser", commands), "cluster");
}

TEST(Suggest, FindsBeginningsAndExtensions) {
    EXPECT_EQ(nearest("cons", commands), "consume");
    EXPECT_EQ(nearest("benchmark", commands), "bench");
}

TEST(Suggest, StaysSilentWhenNothingIsNear) {
    EXPECT_EQ(nearest("frobnicate", commands), "");
    EXPECT_EQ(nearest("", commands), "");
    EXPECT_EQ(nearest("x", commands), "");
    EXPECT_EQ(nearest(std::string(100'000, 'a'), commands), "");
    EXPECT_EQ(did_you_mean("frobnicate", commands), "");
    EXPECT_EQ(nearest("topic", {}), "");
}

TEST(Suggest, AsksAQuestion) { EXPECT_EQ(did_you_mean("tpoic", commands), "Did you mean 'topic'?"); }

}  // namespace
}  // namespace penstock::cli
