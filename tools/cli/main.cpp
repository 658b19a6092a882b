#include <csignal>
#include <cstdio>
#include <exception>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "cli/command.h"

namespace {

using namespace penstock::cli;

int report(const Failure& failure) {
    complain("penstock: " + failure.message);
    if (!failure.hint.empty()) complain("  " + failure.hint);
    return failure.kind == FailureKind::usage ? exit_usage : exit_failed;
}

int run(int argc, char** argv) {
    const auto invocation = parse_arguments({argv + 1, argv + argc});
    if (!invocation) return report(invocation.error());
    Output out(STDOUT_FILENO);
    int code = exit_ok;
    if (!invocation->text.empty()) {
        out.write(invocation->text);
    } else {
        Context context{.globals = invocation->globals, .out = out};
        const auto done = invocation->action(context);
        code = done ? *done : report(done.error());
    }
    out.flush();
    // A reader that went away is not our failure; a full disk is.
    if (out.closed() && out.os_error() != EPIPE) {
        return report({.message = fmt::format("cannot write the output: {}", std::strerror(out.os_error()))});
    }
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    reserve_standard_descriptors();
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // Only libraries throw: out of memory, or a bug worth reporting.
        complain(fmt::format("penstock: unexpected failure: {}", error.what()));
        return exit_failed;
    }
}
