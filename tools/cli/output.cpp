#include "cli/output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace penstock::cli {

namespace {

constexpr size_t flush_bytes = 64 * 1024;

/// Writes all of `text`; 0 or the errno that stopped it.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
            ::poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

void Output::write(std::string_view text) {
    if (closed()) return;
    buffer_ += text;
    if (buffer_.size() >= flush_bytes) flush();
}

void Output::flush() {
    if (closed() || buffer_.empty()) return;
    os_error_ = write_all(fd_, buffer_);
    buffer_.clear();
}

bool Output::reader_gone() const {
    pollfd peek{.fd = fd_, .events = 0, .revents = 0};
    return closed() || (::poll(&peek, 1, 0) == 1 && (peek.revents & POLLERR) != 0);
}

std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) c = '?';
    }
    return out;
}

void complain(std::string_view line) {
    std::string text(line);
    text += '\n';
    write_all(STDERR_FILENO, text);
}

void reserve_standard_descriptors() {
    // open() gives the lowest free descriptor, so this fills 0, 1 and 2 in turn and stops at the first above them.
    int fd = 0;
    while (fd >= 0 && fd <= 2) fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd > 2) ::close(fd);
}

}  // namespace penstock::cli
