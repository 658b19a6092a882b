#include "base/closest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock {
namespace {

const std::vector<std::string_view> names = {"topic", "produce", "consume", "cluster", "log", "bench"};

TEST(Closest, finds_what_was_meant) {
    EXPECT_EQ(closest("topc", names), "topic");
    EXPECT_EQ(closest("prodcue", names), "produce");
    EXPECT_EQ(closest("Consume", names), "consume");
    EXPECT_EQ(closest("lgo", names), "log");
}

TEST(Closest, prefers_the_fewest_edits) {
    const std::vector<std::string_view> near = {"retention_bytes", "retention_ms"};
    EXPECT_EQ(closest("retention_m", near), "retention_ms");
    EXPECT_EQ(closest("retention_byte", near), "retention_bytes");
}

TEST(Closest, is_silent_when_nothing_is_near) {
    EXPECT_EQ(closest("zookeeper", names), "");
    EXPECT_EQ(closest("", names), "");
    EXPECT_EQ(closest(std::string(65, 'x'), names), "");
    EXPECT_EQ(closest("topic", {}), "");
}

}  // namespace
}  // namespace penstock
