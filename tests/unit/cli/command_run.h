// Runs a command line of the CLI against a scripted broker, and keeps what it printed.
#pragma once

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/command.h"

namespace penstock::cli {

struct RunResult {
    int code = -1;               ///< -1: it failed
    std::string text, failure;   ///< the failure's message and hint
};

inline RunResult run_command(std::vector<std::string> words, const Address& broker) {
    words.insert(words.end(), {"--bootstrap", broker.text(), "--timeout", "5s"});
    auto invocation = parse_arguments(words);
    EXPECT_TRUE(invocation) << (invocation ? "" : invocation.error().message);
    if (!invocation) return {};
    const int fd = ::memfd_create("output", 0);
    RunResult result;
    {
        Output out(fd);
        Context context{.globals = invocation->globals, .out = out};
        const auto done = invocation->action(context);
        if (done) result.code = *done;
        else result.failure = done.error().message + " | " + done.error().hint;
    }
    result.text.resize(static_cast<size_t>(::lseek(fd, 0, SEEK_END)));
    EXPECT_EQ(::pread(fd, result.text.data(), result.text.size(), 0), static_cast<ssize_t>(result.text.size()));
    ::close(fd);
    return result;
}

}  // namespace penstock::cli
