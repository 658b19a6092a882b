#include "main/settings_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// The parser asserts that "[" is followed by a key, then reports it properly where the assertion is absent. A typing
// error must not abort us.
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>

#include "base/closest.h"

namespace penstock {
namespace {

// "storage.cache_bytes" is the name cache_bytes in the table [storage]; "listen" stands before all tables.
std::string_view table_of(std::string_view key) {
    const size_t dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string_view name_of(std::string_view key) {
    const size_t dot = key.rfind('.');
    return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') out += fmt::format("\\{}", c);
        else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\u{:04x}", byte);
        else out += c;
    }
    return out + '"';
}

// As a file writes it: a number without a unit (0, -1) needs no quotes even where others do.
std::string toml_value(const Setting& row, std::string_view text) {
    const bool is_plain_number = row.min != row.max && text.find_first_not_of("-0123456789") == std::string_view::npos;
    return is_text(row) && !is_plain_number ? toml_string(text) : std::string(text);
}

class FileReader {
public:
    FileReader(std::string_view path, Settings& rows) : path_(path), rows_(rows) {}

    void walk(const toml::table& table, const std::string& prefix) {
        for (auto&& [key, node] : table) {
            const std::string full = prefix + std::string(key.str());
            const auto row = std::ranges::find(rows_, full, &Setting::key);
            if (row != rows_.end()) {
                take(*row, node);
            } else if (const toml::table* inner = node.as_table(); inner != nullptr && is_table(full)) {
                walk(*inner, full + '.');
            } else {
                report(key.source(), unknown_setting(full, rows_));
            }
        }
    }

    void report(const toml::source_region& at, std::string_view reason) {
        problems.push_back(fmt::format("{}: {}", place(at), reason));
    }

    std::vector<std::string> problems;

private:
    std::string place(const toml::source_region& at) const { return fmt::format("{}:{}", path_, at.begin.line); }

    bool is_table(std::string_view name) const {
        return std::ranges::any_of(rows_, [&](const Setting& row) { return table_of(row.key) == name; });
    }

    void take(Setting& row, const toml::node& node) {
        if (const auto outcome = assign_node(row, node); !outcome) {
            report(node.source(), fmt::format("{}: {}", row.key, outcome.error()));
            return;
        }
        row.place = place(node.source());
    }

    std::expected<void, std::string> assign_node(const Setting& row, const toml::node& node) const {
        if (const auto* number = node.as_integer()) return assign(row, number->get());
        if (const auto* boolean = node.as_boolean(); boolean != nullptr && is_boolean(row)) {
            return assign(row, boolean->get() ? "true" : "false");
        }
        const auto* text = node.as_string();
        if (text == nullptr) return std::unexpected(fmt::format("expected {}", describe_type(row)));
        if (!is_text(row)) {
            return std::unexpected(fmt::format("expected {}; write it without quotes", describe_type(row)));
        }
        if (row.unit == Unit::path && !text->get().empty()) return assign(row, from_folder_of_file(text->get()));
        return assign(row, text->get());
    }

    std::string from_folder_of_file(const std::string& relative) const {
        return (std::filesystem::path(path_).parent_path() / relative).lexically_normal().string();
    }

    std::string_view path_;
    Settings& rows_;
};

}  // namespace

std::string unknown_setting(std::string_view key, const Settings& rows) {
    std::vector<std::string_view> keys;
    std::vector<std::string_view> names;
    for (const Setting& row : rows) {
        keys.push_back(row.key);
        names.push_back(name_of(row.key));
    }
    std::string_view meant = closest(key, keys);
    if (meant.empty()) {  // the right name in the wrong table, or in none
        const std::string_view name = closest(name_of(key), names);
        if (!name.empty()) meant = keys[static_cast<size_t>(std::ranges::find(names, name) - names.begin())];
    }
    std::string message = fmt::format("unknown setting \"{}\"", key);
    message += meant.empty() ? std::string("; --help lists them all") : fmt::format("; did you mean \"{}\"?", meant);
    return message;
}

std::vector<std::string> read_settings(std::string_view text, std::string_view path, Settings& rows) {
    FileReader reader(path, rows);
    const toml::parse_result parsed = toml::parse(text, path);
    if (parsed) {
        reader.walk(parsed.table(), "");
    } else {
        reader.report(parsed.error().source(), parsed.error().description());
    }
    return reader.problems;
}

std::string document(std::string_view program, const Settings& rows) {
    std::string out = fmt::format(
        "# The settings of {0}: all of them, with the values in effect; a line left out means its default.\n"
        "# `{0} --check --config FILE` vets a file, `--set KEY=VALUE` on the command line wins over it.\n"
        "# Sizes are bytes or have a unit (B, KiB, MiB, GiB, TiB), times milliseconds or have one (ms, s, min, h, "
        "d).\n",
        program);
    std::string_view table;
    for (const Setting& row : rows) {
        if (table_of(row.key) != table) {
            table = table_of(row.key);
            out += fmt::format("\n[{}]\n", table);
        }
        out += fmt::format("\n# {}\n# {}\n# Value: {}. Default: {}\n{} = {}\n", row.doc, row.why, describe_type(row),
                           toml_value(row, row.initial), name_of(row.key), toml_value(row, value_text(row)));
    }
    return out;
}

}  // namespace penstock
