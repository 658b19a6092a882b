#include "cli/confirm.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string_view>

namespace penstock::cli {
namespace {

Outcome<void> answered(std::string_view answer, bool terminal = true) {
    int in[2];
    EXPECT_EQ(::pipe(in), 0);
    EXPECT_EQ(::write(in[1], answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
    ::close(in[1]);
    const int out = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const auto agreed = confirm("all is lost", in[0], out, terminal);
    ::close(in[0]);
    ::close(out);
    return agreed;
}

TEST(Confirm, OnlyYesIsYes) {
    EXPECT_TRUE(answered("yes\n"));
    for (const std::string_view other : {"y\n", "YES\n", "no\n", "\n", "", "yes please\n"})
        EXPECT_FALSE(answered(other)) << other;
    EXPECT_FALSE(answered(std::string(4000, 'y')));
}

TEST(Confirm, WithoutATerminalNobodyIsAsked) {
    const auto asked = answered("yes\n", false);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().kind, FailureKind::usage);
    EXPECT_EQ(asked.error().message, "all is lost");
    EXPECT_NE(asked.error().hint.find("--yes"), std::string::npos);
}

}  // namespace
}  // namespace penstock::cli
