#include "main/setting.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/closest.h"

namespace penstock {
namespace {

struct NamedFactor {
    std::string_view name;
    int64_t factor;
};

// Largest first: format_number takes the first that divides.
constexpr std::array<NamedFactor, 5> byte_units{{
    {"TiB", int64_t{1} << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};
constexpr std::array<NamedFactor, 5> time_units{{
    {"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::span<const NamedFactor> units_of(Unit unit) {
    if (unit == Unit::bytes) return byte_units;
    if (unit == Unit::milliseconds) return time_units;
    return {};
}

// Values of an enumeration, in the order of its declaration.
constexpr std::array<std::string_view, 3> idle_names{"spin", "backoff", "block"};
constexpr std::array<std::string_view, 3> driver_names{"auto", "dpdk", "socket"};
constexpr std::array<std::string_view, 2> store_names{"sqlite", "zookeeper"};
constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};

std::span<const std::string_view> choices_of(const Target& target) {
    if (std::holds_alternative<IdleStrategy*>(target)) return idle_names;
    if (std::holds_alternative<NetworkDriver*>(target)) return driver_names;
    if (std::holds_alternative<StoreKind*>(target)) return store_names;
    if (std::holds_alternative<LogLevel*>(target)) return level_names;
    return {};
}

template <class Choice>
std::string name_of(std::span<const std::string_view> names, Choice choice) {
    return std::string(names[static_cast<size_t>(choice)]);
}

std::string joined(std::span<const std::string_view> names) {
    std::string text;
    for (const std::string_view name : names) {
        if (!text.empty()) text += ", ";
        text += name;
    }
    return text;
}

bool is_number(const Setting& setting) {
    return std::holds_alternative<int64_t*>(setting.target) || std::holds_alternative<uint64_t*>(setting.target);
}

std::string range_text(const Setting& setting) {
    if (setting.min == -1) {
        return fmt::format("{} to {}, or -1 for no limit", format_number(setting.unit, 0),
                           format_number(setting.unit, setting.max));
    }
    return fmt::format("{} to {}", format_number(setting.unit, setting.min), format_number(setting.unit, setting.max));
}

std::unexpected<std::string> reason(std::string text) { return std::unexpected(std::move(text)); }

std::expected<void, std::string> assign_choice(const Setting& setting, std::string_view text) {
    const auto names = choices_of(setting.target);
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] != text) continue;
        if (const auto* idle = std::get_if<IdleStrategy*>(&setting.target)) **idle = static_cast<IdleStrategy>(i);
        if (const auto* driver = std::get_if<NetworkDriver*>(&setting.target)) **driver = static_cast<NetworkDriver>(i);
        if (const auto* kind = std::get_if<StoreKind*>(&setting.target)) **kind = static_cast<StoreKind>(i);
        if (const auto* level = std::get_if<LogLevel*>(&setting.target)) **level = static_cast<LogLevel>(i);
        return {};
    }
    std::string message = fmt::format("\"{}\" is not one of {}", text, joined(names));
    if (const std::string_view near = closest(text, names); !near.empty()) {
        message += fmt::format("; did you mean \"{}\"?", near);
    }
    return reason(std::move(message));
}

std::unexpected<std::string> no_address(std::string_view text) {
    return reason(fmt::format("\"{}\" is not an address: write host:port, or [address]:port for IPv6", text));
}

std::expected<void, std::string> assign_address(const Setting& setting, io::Address& target, std::string_view text) {
    if (text.empty() && setting.unit == Unit::optional) {
        target = {};
        return {};
    }
    auto address = parse_address(text);
    if (!address) return no_address(text);
    target = std::move(*address);
    return {};
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::expected<void, std::string> assign_addresses(std::vector<io::Address>& target, std::string_view text) {
    std::vector<io::Address> list;
    for (size_t comma = 0; comma != std::string_view::npos;) {
        comma = text.find(',');
        const std::string_view one = trimmed(text.substr(0, comma));
        const auto address = parse_address(one);
        if (!address) return no_address(one);
        if (std::ranges::find(list, *address) != list.end()) return reason(fmt::format("\"{}\" stands twice", one));
        if (list.size() == addresses_max) return reason(fmt::format("more than {} addresses", addresses_max));
        list.push_back(*address);
        if (comma != std::string_view::npos) text.remove_prefix(comma + 1);
    }
    target = std::move(list);
    return {};
}

/// What ZooKeeper takes as a path, of plain characters.
bool is_node_path(std::string_view text) {
    if (text.size() < 2 || text.size() > 200 || !text.starts_with('/') || text.ends_with('/')) return false;
    if (text.find("//") != std::string_view::npos || text.find("/.") != std::string_view::npos) return false;
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// What a label may hold: nothing that would break a line of a log or a table.
std::expected<void, std::string> check_label(const Setting& setting, std::string_view text) {
    if (static_cast<int64_t>(text.size()) > setting.max)
        return reason(fmt::format("has {} bytes, more than {}", text.size(), setting.max));
    const auto controls = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
    if (std::ranges::any_of(text, controls)) return reason("must not hold control characters");
    return {};
}

}  // namespace

std::string format_number(Unit unit, int64_t number) {
    for (const NamedFactor& u : units_of(unit)) {
        if (number > 0 && number % u.factor == 0) return fmt::format("{}{}", number / u.factor, u.name);
    }
    return std::to_string(number);
}

std::optional<int64_t> parse_number(Unit unit, std::string_view text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
    if (suffix.starts_with(' ')) suffix.remove_prefix(1);
    if (suffix.empty()) return number;
    for (const NamedFactor& u : units_of(unit)) {
        int64_t product = 0;
        if (suffix == u.name) {
            return __builtin_mul_overflow(number, u.factor, &product) ? std::nullopt : std::optional(product);
        }
    }
    return std::nullopt;
}

std::optional<io::Address> parse_address(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port_text = text.substr(colon + 1);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return std::nullopt;
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;  // an IPv6 address without brackets: which colon is the port's?
    }
    if (host.empty() || host.size() > 255) return std::nullopt;
    for (const char c : host) {
        if (c <= ' ' || c == ',' || c == '[' || c == ']' || c == '/' || c == 0x7f) return std::nullopt;
    }
    uint16_t port = 0;
    const char* const last = port_text.data() + port_text.size();
    const auto [end, error] = std::from_chars(port_text.data(), last, port);
    if (error != std::errc{} || end != last) return std::nullopt;
    return io::Address{.host = std::string(host), .port = port};
}

std::string address_text(const io::Address& address) {
    if (address.host.empty()) return "";
    const bool v6 = address.host.find(':') != std::string::npos;
    return v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
}

std::string address_text(const std::vector<io::Address>& addresses) {
    std::string text;
    for (const io::Address& address : addresses) text += (text.empty() ? "" : ",") + address_text(address);
    return text;
}

std::expected<void, std::string> assign(const Setting& setting, int64_t number) {
    if (!is_number(setting)) return reason(fmt::format("expected {}, not a number", describe_type(setting)));
    if (number < setting.min || number > setting.max) {
        return reason(fmt::format("{} is out of range: {}", number, range_text(setting)));
    }
    if (const auto* target = std::get_if<int64_t*>(&setting.target)) **target = number;
    if (const auto* target = std::get_if<uint64_t*>(&setting.target)) **target = static_cast<uint64_t>(number);
    return {};
}

std::expected<void, std::string> assign(const Setting& setting, std::string_view text) {
    if (is_number(setting)) {
        const auto number = parse_number(setting.unit, text);
        if (!number) return reason(fmt::format("\"{}\" is not {}", text, describe_type(setting)));
        return assign(setting, *number);
    }
    if (!choices_of(setting.target).empty()) return assign_choice(setting, text);
    if (const auto* target = std::get_if<io::Address*>(&setting.target)) return assign_address(setting, **target, text);
    if (const auto* target = std::get_if<std::vector<io::Address>*>(&setting.target))
        return assign_addresses(**target, text);
    if (const auto* target = std::get_if<bool*>(&setting.target)) {
        if (text != "true" && text != "false") return reason(fmt::format("\"{}\" is neither true nor false", text));
        **target = text == "true";
        return {};
    }
    if (setting.unit == Unit::label) {
        if (auto fine = check_label(setting, text); !fine) return fine;
        *std::get<std::string*>(setting.target) = text;
        return {};
    }
    if (text.empty() && setting.unit != Unit::optional_path) return reason("must not be empty");
    if (text.find('\0') != std::string_view::npos) return reason("must not hold a zero byte");
    if (setting.unit == Unit::node_path && !is_node_path(text))
        return reason(fmt::format("\"{}\" is not a path in ZooKeeper: write one such as \"/penstock\"", text));
    *std::get<std::string*>(setting.target) = text;
    return {};
}

std::string describe_type(const Setting& setting) {
    if (is_number(setting)) {
        const std::string_view what = setting.unit == Unit::bytes          ? "a size such as \"64MiB\""
                                      : setting.unit == Unit::milliseconds ? "a time such as \"500ms\" or \"7d\""
                                                                           : "a whole number";
        return fmt::format("{}, {}", what, range_text(setting));
    }
    if (is_boolean(setting)) return "true or false";
    if (const auto names = choices_of(setting.target); !names.empty()) return fmt::format("one of {}", joined(names));
    if (std::holds_alternative<io::Address*>(setting.target)) {
        return setting.unit == Unit::optional ? "an address \"host:port\", or \"\"" : "an address \"host:port\"";
    }
    if (std::holds_alternative<std::vector<io::Address>*>(setting.target))
        return "addresses \"host:port\", with commas between";
    if (setting.unit == Unit::optional_path) return "a path, or \"\"";
    if (setting.unit == Unit::node_path) return "a path in ZooKeeper";
    if (setting.unit == Unit::label) return fmt::format("text of at most {} bytes, or \"\"", setting.max);
    return setting.unit == Unit::path ? "a path" : "text";
}

std::string value_text(const Setting& setting) {
    struct Visitor {
        Unit unit;
        std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
        std::string operator()(const int64_t* v) const { return format_number(unit, *v); }
        std::string operator()(const uint64_t* v) const { return format_number(unit, static_cast<int64_t>(*v)); }
        std::string operator()(const std::string* v) const { return *v; }
        std::string operator()(const io::Address* v) const { return address_text(*v); }
        std::string operator()(const std::vector<io::Address>* v) const { return address_text(*v); }
        std::string operator()(const IdleStrategy* v) const { return name_of(idle_names, *v); }
        std::string operator()(const NetworkDriver* v) const { return name_of(driver_names, *v); }
        std::string operator()(const StoreKind* v) const { return name_of(store_names, *v); }
        std::string operator()(const LogLevel* v) const { return name_of(level_names, *v); }
    };
    return std::visit(Visitor{setting.unit}, setting.target);
}

std::vector<std::string> broken_relations(const Settings& rows) {
    const auto number_of = [](const Setting& row) {
        const auto* number = std::get_if<int64_t*>(&row.target);
        return number != nullptr ? **number : static_cast<int64_t>(**std::get_if<uint64_t*>(&row.target));
    };
    std::vector<std::string> problems;
    for (const Setting& row : rows) {
        if (row.not_below.empty()) continue;
        const auto other = std::ranges::find(rows, row.not_below, &Setting::key);
        PENSTOCK_ASSERT(other != rows.end() && is_number(row) && is_number(*other));
        if (number_of(row) >= number_of(*other)) continue;
        problems.push_back(fmt::format("{}: {} = {} is below {} = {} ({})", row.place, row.key, value_text(row),
                                       other->key, value_text(*other), other->place));
    }
    return problems;
}

bool is_boolean(const Setting& setting) { return std::holds_alternative<bool*>(setting.target); }

bool is_text(const Setting& setting) {
    return !is_boolean(setting) && !(is_number(setting) && units_of(setting.unit).empty());
}

}  // namespace penstock
