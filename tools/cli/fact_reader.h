// Reads what the kernel tells in /proc and /sys, below a root folder, so that tests can supply a small tree.
//
// What stands there is hostile input: drivers, firmware and whoever names an interface wrote it. Everything is bounded,
// nothing but plain files is opened, and what cannot be read or understood is nothing, never a guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

class FactReader {
public:
    explicit FactReader(std::string root = "/");

    /// The whole file, cut off after file_bytes_max. `path` is as the kernel's documentation gives it: "/proc/meminfo".
    std::optional<std::string> text(std::string_view path) const;
    /// The first line without blanks around it, fit to be printed.
    std::optional<std::string> line(std::string_view path) const;
    std::optional<int64_t> number(std::string_view path) const;
    /// "0" or "1".
    std::optional<bool> flag(std::string_view path) const;
    bool exists(std::string_view path) const;
    /// The entries of a folder, in order, at most names_max; none when it cannot be read.
    std::optional<std::vector<std::string>> names(std::string_view path) const;
    /// The last part of what a link points to: the driver's name of "device/driver".
    std::optional<std::string> link_name(std::string_view path) const;
    /// Where a path really lies, links resolved, again as a path below the root; none when that is not below it.
    std::optional<std::string> resolve(std::string_view path) const;

    static constexpr size_t file_bytes_max = 1024 * 1024;  ///< /proc/self/mountinfo of a host full of containers
    static constexpr size_t line_bytes_max = 1024;
    static constexpr size_t names_max = 4096;

private:
    std::string full(std::string_view path) const;

    std::string root_;  ///< without a slash at its end
};

/// "0-3,8" as numbers; "" and the kernel's "(null)" are none. Nothing for what is malformed or names more than 8192.
std::optional<std::vector<uint32_t>> parse_number_list(std::string_view text);
/// The way back: "0-3,8".
std::string show_number_list(const std::vector<uint32_t>& numbers);
/// "none" of "mq-deadline [none] bfq"; the whole where nothing is in brackets.
std::string_view parse_choice(std::string_view text);
/// The bytes that "MemTotal:  16303428 kB" in /proc/meminfo stands for.
std::optional<uint64_t> parse_memory_field(std::string_view meminfo, std::string_view name);
/// The value of "name: value" in /proc/self/status or /proc/cpuinfo, the first if there are several.
std::optional<std::string_view> parse_field(std::string_view text, std::string_view name);
/// Whether `text` has `word` between blanks.
bool has_word(std::string_view text, std::string_view word);
/// A word of a shell's command line, in quotes where it needs them: names come from outside.
std::string shell_word(std::string_view text);

}  // namespace penstock::cli
