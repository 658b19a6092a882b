// Records from lines: splits what was read into lines, and a line into key and value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/outcome.h"

namespace penstock::cli {

/// Collects bytes and gives back whole lines. A last line without its newline counts once the input has ended.
class LineSplitter {
public:
    void feed(std::string_view bytes) { buffer_.append(bytes); }
    void end() { ended_ = true; }
    /// The next line without its newline (and without a carriage return before it); valid until the next feed().
    std::optional<std::string_view> next();
    /// Bytes of a line that has no end yet.
    size_t pending() const { return buffer_.size() - at_; }

private:
    std::string buffer_;
    size_t at_ = 0;
    bool ended_ = false;
};

struct KeyedLine {
    std::optional<std::string_view> key;
    std::string_view value;
};

/// With a separator: what is before its first place is the key. A line without it is a failure, for a record without
/// its key would go to the wrong partition. Without a separator all of the line is the value.
Outcome<KeyedLine> split_key(std::string_view line, std::string_view separator, uint64_t line_number);

}  // namespace penstock::cli
