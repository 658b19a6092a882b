// Standard output: buffered, and quiet when the reader has gone (`penstock consume … | head`).
//
// Nothing here throws or raises SIGPIPE (main ignores the signal). Once a write fails everything further is dropped;
// closed() says so, and a command with more to print stops there.
#pragma once

#include <string>
#include <string_view>

namespace penstock::cli {

class Output {
public:
    explicit Output(int fd) : fd_(fd) {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() { flush(); }

    void write(std::string_view text);
    void flush();

    bool closed() const { return os_error_ != 0; }
    /// Whether the reader of a pipe has gone, without writing to it: for who waits long between two lines.
    bool reader_gone() const;
    /// errno of the failed write: EPIPE is the reader's good right, anything else (a full disk) is a failure.
    int os_error() const { return os_error_; }

private:
    int fd_;
    int os_error_ = 0;
    std::string buffer_;
};

/// Text as it may be shown on a terminal or put into a message: control characters become '?'.
std::string printable(std::string_view text);

/// A line on stderr; failures to write it are ignored.
void complain(std::string_view line);

/// Makes sure that descriptors 0 to 2 are open, so that no socket ever becomes "standard output".
void reserve_standard_descriptors();

}  // namespace penstock::cli
