#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace penstock::cli {

namespace {

constexpr uint64_t bar_columns = 30;

/// Nobody's work depends on it: what cannot be written is not.
void put(int fd, const std::string& text) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    static_cast<void>(written);
}

}  // namespace

Progress::Progress(int fd, bool terminal, std::string what, uint64_t total)
    : fd_(fd), terminal_(terminal), what_(std::move(what)), total_(std::max<uint64_t>(total, 1)) {}

Progress::Progress(std::string what, uint64_t total)
    : Progress(STDERR_FILENO, ::isatty(STDERR_FILENO) == 1, std::move(what), total) {}

Progress::~Progress() {
    if (!shown_.empty()) put(fd_, "\n");
}

void Progress::show(uint64_t done) {
    done = std::min(done, total_);
    if (!terminal_) {
        const auto tenths = static_cast<int64_t>(10 * done / total_);
        if (tenths > tenths_) put(fd_, fmt::format("{} of {} {}\n", done, total_, what_));
        tenths_ = std::max(tenths_, tenths);
        return;
    }
    const uint64_t full = bar_columns * done / total_;
    std::string bar = fmt::format("[{}{}] {} of {} {}", std::string(full, '#'), std::string(bar_columns - full, ' '),
                                  done, total_, what_);
    if (bar == shown_) return;
    put(fd_, "\r" + bar);
    shown_ = std::move(bar);
}

}  // namespace penstock::cli
