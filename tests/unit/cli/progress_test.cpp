#include "cli/progress.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace penstock::cli {
namespace {

/// What a run from 0 to `total` shows.
std::string shown(bool terminal, uint64_t total) {
    const int fd = ::memfd_create("progress", 0);
    {
        Progress progress(fd, terminal, "things done", total);
        for (uint64_t done = 0; done <= total; ++done) {
            progress.show(done);
            progress.show(done);
        }
    }
    std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    ::close(fd);
    return text;
}

TEST(Progress, ATerminalSeesOneBarDrawnAgain) {
    const std::string text = shown(true, 3);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 4);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_TRUE(text.ends_with("[##############################] 3 of 3 things done\n")) << text;
}

TEST(Progress, ElsewhereEachTenthIsALine) {
    EXPECT_EQ(shown(false, 1), "0 of 1 things done\n1 of 1 things done\n");
    const std::string text = shown(false, 10'000);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_TRUE(text.ends_with("10000 of 10000 things done\n"));
}

TEST(Progress, NothingToDoIsNoDivisionByZero) {
    const int fd = ::memfd_create("progress", 0);
    Progress(fd, false, "things done", 0).show(5);
    EXPECT_GT(::lseek(fd, 0, SEEK_END), 0);
    ::close(fd);
}

}  // namespace
}  // namespace penstock::cli
