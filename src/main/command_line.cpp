#include "main/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/closest.h"
#include "main/settings_file.h"

namespace penstock {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_refused = 2;
constexpr std::streamsize config_bytes_max = 1 << 20;  // a megabyte of settings is somebody's log, not a configuration

constexpr std::array<std::string_view, 7> options{
    "--config", "--set", "--check", "--print-config", "--help", "--version", "-h"};

struct Arguments {
    std::string_view config;
    std::vector<std::string_view> overrides;
    bool check = false;
    bool print_config = false;
    bool help = false;
    bool version = false;
    std::string problem;
};

std::string unknown_argument(std::string_view argument) {
    std::string message = fmt::format("unknown argument \"{}\"", argument);
    const std::string_view near = closest(argument, options);
    if (!near.empty()) message += fmt::format("; did you mean \"{}\"?", near);
    return message;
}

// "--config=FILE" and "--config FILE" are the same.
Arguments parse(std::span<const char* const> words) {
    Arguments parsed;
    for (size_t i = 0; i < words.size() && parsed.problem.empty(); ++i) {
        const std::string_view word = words[i];
        const size_t equals = word.find('=');
        const std::string_view option = word.substr(0, equals);
        if (option == "--config" || option == "--set") {
            std::string_view value;
            if (equals != std::string_view::npos) value = word.substr(equals + 1);
            else if (i + 1 < words.size()) value = words[++i];
            if (value.empty()) {
                parsed.problem = fmt::format("{} needs a {}", option, option == "--config" ? "file" : "key=value");
            } else if (option == "--config") {
                if (!parsed.config.empty()) parsed.problem = "--config was given twice";
                parsed.config = value;
            } else {
                parsed.overrides.push_back(value);
            }
        } else if (word == "--check") {
            parsed.check = true;
        } else if (word == "--print-config") {
            parsed.print_config = true;
        } else if (word == "--help" || word == "-h") {
            parsed.help = true;
        } else if (word == "--version") {
            parsed.version = true;
        } else {
            parsed.problem = unknown_argument(word);
        }
    }
    return parsed;
}

std::vector<std::string> read_file(std::string_view path, Settings& rows) {
    std::ifstream file{std::string(path), std::ios::binary};
    std::string text(static_cast<size_t>(config_bytes_max) + 1, '\0');
    if (file.is_open()) file.read(text.data(), config_bytes_max + 1);
    if (!file.is_open() || file.bad()) return {fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
    if (file.gcount() == 0 && file.fail() && !file.eof()) {
        return {fmt::format("{}: cannot be read: is it a folder?", path)};
    }
    if (file.gcount() > config_bytes_max) return {fmt::format("{}: larger than 1 MiB: is it a configuration?", path)};
    text.resize(static_cast<size_t>(file.gcount()));
    return read_settings(text, path, rows);
}

std::optional<std::string> override_setting(std::string_view text, Settings& rows) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return fmt::format("--set {}: write key=value", text);
    const std::string_view key = text.substr(0, equals);
    const auto row = std::ranges::find(rows, key, &Setting::key);
    if (row == rows.end()) return fmt::format("--set {}: {}", text, unknown_setting(key, rows));
    if (const auto outcome = assign(*row, text.substr(equals + 1)); !outcome) {
        return fmt::format("--set {}: {}", text, outcome.error());
    }
    row->place = "--set";
    return std::nullopt;
}

std::string help_text(const ProgramInfo& program, const Settings& rows) {
    std::string out = fmt::format(
        "{0}: {1}\n\n"
        "Usage: {0} [--config FILE] [--set KEY=VALUE]...\n\n"
        "  --config FILE     read settings from this TOML file; without it all have their defaults\n"
        "  --set KEY=VALUE   change one setting; wins over the file\n"
        "  --check           vet file and overrides, then exit: 0 fine, 2 refused\n"
        "  --print-config    print all settings, documented, with the values in effect, then exit\n"
        "  --version         print the version, then exit\n"
        "  --help            print this, then exit\n\n"
        "Settings:\n",
        program.name, program.purpose);
    for (const Setting& row : rows) {
        out += fmt::format("  {} = {}\n      {}\n", row.key, row.initial.empty() ? "\"\"" : row.initial, row.doc);
    }
    out += fmt::format(
        "\nExit codes: 0 stopped as asked, 1 could not run or go on, 2 refused its arguments or settings.\n\n"
        "Examples:\n"
        "  {0} --config {1}\n"
        "  {0} --config {1} --set log.level=debug\n"
        "  {0} --config {1} --check\n"
        "  {0} --print-config > my.toml\n",
        program.name, program.config);
    return out;
}

CommandOutcome refuse(const ProgramInfo& program, const std::vector<std::string>& problems) {
    CommandOutcome outcome{.exit_code = exit_refused, .out = {}, .err = {}};
    for (const std::string& problem : problems) outcome.err += fmt::format("{}: {}\n", program.name, problem);
    return outcome;
}

}  // namespace

CommandOutcome run_command_line(const ProgramInfo& program, std::span<const char* const> arguments, Settings& rows) {
    const Arguments parsed = parse(arguments);
    if (!parsed.problem.empty()) {
        return refuse(program, {parsed.problem, fmt::format("`{} --help` shows the arguments", program.name)});
    }
    if (parsed.help) return {.exit_code = exit_ok, .out = help_text(program, rows), .err = {}};
    if (parsed.version) {
        return {.exit_code = exit_ok, .out = fmt::format("{} {}\n", program.name, PENSTOCK_VERSION), .err = {}};
    }

    std::vector<std::string> problems;
    if (!parsed.config.empty()) problems = read_file(parsed.config, rows);
    for (const std::string_view text : parsed.overrides) {
        if (auto problem = override_setting(text, rows)) problems.push_back(std::move(*problem));
    }
    if (problems.empty()) problems = broken_relations(rows);
    if (!problems.empty()) return refuse(program, problems);
    if (parsed.print_config) return {.exit_code = exit_ok, .out = document(program.name, rows), .err = {}};
    if (parsed.check) {
        const std::string_view what = parsed.config.empty() ? std::string_view("the defaults") : parsed.config;
        return {.exit_code = exit_ok, .out = fmt::format("{}: ok\n", what), .err = {}};
    }
    return {};
}

}  // namespace penstock
