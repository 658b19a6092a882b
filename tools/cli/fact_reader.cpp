#include "cli/fact_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "cli/output.h"
#include "cli/values.h"

namespace penstock::cli {

namespace {

constexpr size_t list_numbers_max = 8192;  // the most cores that Linux is built for
constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The rest of the line that begins with `name`, which ends at a line's end.
std::optional<std::string_view> rest_of_line(std::string_view text, std::string_view name) {
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        if (line.starts_with(name)) return line.substr(name.size());
        at = end + 1;
    }
    return {};
}

}  // namespace

FactReader::FactReader(std::string root) : root_(std::move(root)) {
    while (root_.ends_with('/')) root_.pop_back();
}

std::string FactReader::full(std::string_view path) const { return root_ + std::string(path); }

std::optional<std::string> FactReader::text(std::string_view path) const {
    // Without O_NONBLOCK a pipe in the place of a file would keep us here for ever.
    const int fd = ::open(full(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return {};
    struct stat status{};
    bool good = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    std::string text;
    char chunk[4096];
    while (good && text.size() < file_bytes_max) {
        const ssize_t n = ::read(fd, chunk, sizeof chunk);
        if (n == 0) break;
        if (n > 0) text.append(chunk, static_cast<size_t>(n));
        else if (errno != EINTR) good = false;
    }
    ::close(fd);
    if (!good) return {};
    text.resize(std::min(text.size(), file_bytes_max));
    return text;
}

std::optional<std::string> FactReader::line(std::string_view path) const {
    const auto whole = text(path);
    if (!whole) return {};
    const std::string_view first = std::string_view(*whole).substr(0, whole->find('\n'));
    return printable(trimmed(first).substr(0, line_bytes_max));
}

std::optional<int64_t> FactReader::number(std::string_view path) const {
    const auto found = line(path);
    return found ? parse_number<int64_t>(*found) : std::nullopt;
}

std::optional<bool> FactReader::flag(std::string_view path) const {
    const auto found = number(path);
    if (!found || *found < 0 || *found > 1) return {};
    return *found == 1;
}

bool FactReader::exists(std::string_view path) const { return ::access(full(path).c_str(), F_OK) == 0; }

std::optional<std::vector<std::string>> FactReader::names(std::string_view path) const {
    DIR* folder = ::opendir(full(path).c_str());
    if (folder == nullptr) return {};
    std::vector<std::string> names;
    while (names.size() < names_max) {
        const dirent* entry = ::readdir(folder);
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(folder);
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<std::string> FactReader::link_name(std::string_view path) const {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(full(path), error);
    if (error || !target.has_filename()) return {};
    return printable(target.filename().native());
}

std::optional<std::string> FactReader::resolve(std::string_view path) const {
    std::error_code error;
    const std::string real = std::filesystem::canonical(full(path), error).native();
    if (error) return {};
    const std::string base = root_.empty() ? std::string() : std::filesystem::canonical(root_, error).native();
    if (error || !real.starts_with(base + "/")) return {};
    return real.substr(base.size());
}

std::optional<std::vector<uint32_t>> parse_number_list(std::string_view text) {
    std::vector<uint32_t> numbers;
    text = trimmed(text);
    if (text.empty() || text == "(null)") return numbers;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        const std::string_view part = text.substr(at, end - at);
        const size_t dash = part.find('-');
        const auto first = parse_number<uint32_t>(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_number<uint32_t>(part.substr(dash + 1));
        if (!first || !last || *last < *first) return {};
        if (*last - *first >= list_numbers_max - numbers.size()) return {};
        for (uint64_t number = *first; number <= *last; ++number) numbers.push_back(static_cast<uint32_t>(number));
        at = end + 1;
    }
    return numbers;
}

std::string show_number_list(const std::vector<uint32_t>& numbers) {
    std::string text;
    for (size_t i = 0; i < numbers.size();) {
        size_t last = i;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(numbers[i]);
        if (last > i) text += "-" + std::to_string(numbers[last]);
        i = last + 1;
    }
    return text;
}

std::string_view parse_choice(std::string_view text) {
    const size_t open = text.find('['), close = text.find(']');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return trimmed(text);
    return trimmed(text.substr(open + 1, close - open - 1));
}

std::optional<uint64_t> parse_memory_field(std::string_view meminfo, std::string_view name) {
    const auto rest = rest_of_line(meminfo, std::string(name) + ":");
    if (!rest) return {};
    std::string_view value = trimmed(*rest);
    if (!value.ends_with(" kB")) return {};
    value.remove_suffix(3);
    const auto kib = parse_number<uint64_t>(trimmed(value));
    if (!kib || *kib > UINT64_MAX / 1024) return {};
    return *kib * 1024;
}

std::optional<std::string_view> parse_field(std::string_view text, std::string_view name) {
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        const size_t colon = line.find(':');
        if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == name) {
            return trimmed(line.substr(colon + 1));
        }
        at = end + 1;
    }
    return {};
}

bool has_word(std::string_view text, std::string_view word) {
    for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const size_t end = at + word.size();
        const bool begins = at == 0 || blanks.contains(text[at - 1]);
        if (begins && (end == text.size() || blanks.contains(text[end]))) return true;
    }
    return false;
}

std::string shell_word(std::string_view text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("._-/:@+,").contains(c);
    };
    if (!text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
    std::string word = "'";
    for (const char c : printable(text)) {
        if (c == '\'') word += "'\\''";
        else word += c;
    }
    return word + "'";
}

}  // namespace penstock::cli
