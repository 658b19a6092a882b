#include "cli/output.h"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace penstock::cli {
namespace {

struct Pipe {
    std::array<int, 2> fds{-1, -1};
    Pipe() { EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0); }
    ~Pipe() {
        for (const int fd : fds) ::close(fd);
    }
};

TEST(Output, BuffersUntilFlushed) {
    Pipe pipe;
    Output out(pipe.fds[1]);
    out.write("hello");
    ::fcntl(pipe.fds[0], F_SETFL, O_NONBLOCK);
    char bytes[16];
    EXPECT_EQ(::read(pipe.fds[0], bytes, sizeof bytes), -1);
    out.flush();
    EXPECT_EQ(::read(pipe.fds[0], bytes, sizeof bytes), 5);
    EXPECT_FALSE(out.closed());
}

TEST(Output, FallsSilentWhenTheReaderHasGone) {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    Output out(pipe.fds[1]);
    EXPECT_FALSE(out.reader_gone());
    ::close(std::exchange(pipe.fds[0], -1));
    EXPECT_TRUE(out.reader_gone());
    EXPECT_FALSE(out.closed());
    out.write("hello");
    out.flush();
    EXPECT_TRUE(out.closed());
    EXPECT_EQ(out.os_error(), EPIPE);
    out.write(std::string(1'000'000, 'x'));
    out.flush();
}

TEST(Output, ReportsAFullDevice) {
    const int fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    {
        Output out(fd);
        out.write("hello");
        out.flush();
        EXPECT_EQ(out.os_error(), ENOSPC);
    }
    ::close(fd);
}

TEST(Printable, HidesControlCharacters) { EXPECT_EQ(printable("a\x1b\tb\x7f é"), "a??b? é"); }

}  // namespace
}  // namespace penstock::cli
