#include "cli/lines.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace penstock::cli {

namespace {
constexpr size_t compact_bytes = 1024 * 1024;  // moving the rest to the front earlier would cost more than it frees
constexpr size_t shown_characters = 40;
}

std::optional<std::string_view> LineSplitter::next() {
    const size_t newline = buffer_.find('\n', at_);
    if (newline == std::string::npos && (!ended_ || at_ == buffer_.size())) {
        if (at_ >= compact_bytes || at_ == buffer_.size()) {
            buffer_.erase(0, at_);
            at_ = 0;
        }
        return {};
    }
    const size_t end = newline == std::string::npos ? buffer_.size() : newline;
    std::string_view line(buffer_.data() + at_, end - at_);
    at_ = newline == std::string::npos ? end : end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

Outcome<KeyedLine> split_key(std::string_view line, std::string_view separator, uint64_t line_number) {
    if (separator.empty()) return KeyedLine{.key = {}, .value = line};
    const size_t at = line.find(separator);
    if (at == std::string_view::npos) {
        const bool cut = line.size() > shown_characters;
        return refuse(fmt::format("line {} has no key separator '{}': {}{}", line_number, printable(separator),
                                  printable(line.substr(0, shown_characters)), cut ? "…" : ""),
                      "The lines before it were produced. Correct it, or leave out --key-separator.");
    }
    return KeyedLine{.key = line.substr(0, at), .value = line.substr(at + separator.size())};
}

}  // namespace penstock::cli
