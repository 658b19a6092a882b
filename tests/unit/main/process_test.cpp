#include "main/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <spdlog/spdlog.h>

namespace penstock {
namespace {

TEST(Process, logs_to_standard_error_from_its_level_on) {
    testing::internal::CaptureStderr();
    start_log("test", LogLevel::warn);
    spdlog::info("below");
    spdlog::warn("at the level");
    spdlog::shutdown();
    const std::string written = testing::internal::GetCapturedStderr();
    EXPECT_THAT(written, testing::MatchesRegex("20..-..-..T..:..:......Z? ?warning at the level\n"));
}

TEST(Process, random_words_differ) { EXPECT_NE(random_word(), random_word()); }

}  // namespace
}  // namespace penstock
