#include "cli/values.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace penstock::cli {

template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}
template std::optional<int32_t> parse_number(std::string_view);
template std::optional<int64_t> parse_number(std::string_view);
template std::optional<uint16_t> parse_number(std::string_view);
template std::optional<uint32_t> parse_number(std::string_view);
template std::optional<uint64_t> parse_number(std::string_view);

namespace {

struct Unit {
    std::string_view name;
    double factor;
};

constexpr double k = 1024;
constexpr auto byte_units = std::to_array<Unit>({
    {"", 1}, {"B", 1}, {"k", k}, {"K", k}, {"KiB", k}, {"kB", 1e3}, {"KB", 1e3}, {"M", k * k}, {"MiB", k * k},
    {"MB", 1e6}, {"G", k * k * k}, {"GiB", k * k * k}, {"GB", 1e9}, {"T", k * k * k * k}, {"TiB", k * k * k * k},
    {"TB", 1e12},
});

constexpr auto time_units = std::to_array<Unit>({
    {"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9},
    {"d", 86400e9},
});

/// A non-negative decimal number with one of `units` behind it, not above `max`.
template <size_t N>
std::optional<double> parse_with_unit(std::string_view text, const std::array<Unit, N>& units, double max) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0 || !std::isfinite(number)) return {};
    std::string_view name(end, static_cast<size_t>(text.data() + text.size() - end));
    if (name.starts_with(' ')) name.remove_prefix(1);
    for (const Unit& unit : units) {
        if (unit.name != name) continue;
        const double value = number * unit.factor;
        if (value > max) return {};
        return value;
    }
    return {};
}

/// Takes `digits` decimal digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, size_t digits) {
    if (text.size() < digits) return {};
    const auto value = parse_number<uint32_t>(text.substr(0, digits));
    if (!value) return {};
    text.remove_prefix(digits);
    return static_cast<int>(*value);
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

/// "[T16:00[:00[.123]]][Z]" in milliseconds since midnight.
std::optional<int64_t> parse_time_of_day(std::string_view text) {
    int hour = 0, minute = 0, second = 0, ms = 0;
    if (take(text, 'T') || take(text, ' ')) {
        const auto h = take_digits(text, 2);
        if (!h || !take(text, ':')) return {};
        const auto m = take_digits(text, 2);
        if (!m) return {};
        hour = *h;
        minute = *m;
        if (take(text, ':')) {
            const auto s = take_digits(text, 2);
            if (!s) return {};
            second = *s;
            if (take(text, '.')) {
                const auto f = take_digits(text, 3);
                if (!f) return {};
                ms = *f;
            }
        }
    }
    take(text, 'Z');
    if (!text.empty() || hour > 23 || minute > 59 || second > 59) return {};
    return ((int64_t{hour} * 60 + minute) * 60 + second) * 1000 + ms;
}

Outcome<Address> parse_address(std::string_view text) {
    Address address;
    std::string_view port;
    if (text.starts_with('[')) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) return misuse(fmt::format("'{}' has '[' without ']'", text));
        address.host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!port.empty() && !port.starts_with(':')) return misuse(fmt::format("'{}' is not host:port", text));
        if (!port.empty()) port.remove_prefix(1);
    } else {
        const size_t colon = text.find(':');
        if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
            return misuse(fmt::format("'{}' has more than one ':'", text), "Write IPv6 addresses as [::1]:9092.");
        }
        address.host = text.substr(0, colon);
        if (colon != std::string_view::npos) {
            port = text.substr(colon + 1);
            if (port.empty()) return misuse(fmt::format("'{}' has no port after ':'", text));
        }
    }
    if (address.host.empty()) {
        return misuse(fmt::format("'{}' has no host", text), "Write host:port, as in localhost:9092.");
    }
    if (!port.empty()) {
        const auto number = parse_number<uint16_t>(port);
        if (!number || *number == 0) return misuse(fmt::format("'{}' is not a port (1 to 65535)", port));
        address.port = *number;
    }
    return address;
}

}  // namespace

std::optional<uint64_t> parse_bytes(std::string_view text) {
    const auto value = parse_with_unit(text, byte_units, 9.2e18);
    if (!value || *value != std::floor(*value)) return {};
    return static_cast<uint64_t>(*value);
}

std::optional<Duration> parse_duration(std::string_view text) {
    const auto value = parse_with_unit(text, time_units, 9.2e18);
    if (!value) return {};
    return Duration(static_cast<int64_t>(*value));
}

std::optional<int64_t> parse_timestamp(std::string_view text) {
    if (const auto ms = parse_number<int64_t>(text)) return *ms >= 0 ? ms : std::nullopt;
    const auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return {};
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return {};
    const auto day = take_digits(text, 2);
    if (!day) return {};
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    const auto time_ms = parse_time_of_day(text);
    if (!date.ok() || !time_ms || *year < 1970) return {};
    return std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86'400'000} + *time_ms;
}

std::optional<std::pair<std::string, std::string>> parse_pair(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return {};
    return std::pair{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

std::string Address::text() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
}

Outcome<std::vector<Address>> parse_addresses(std::string_view list) {
    std::vector<Address> addresses;
    while (true) {
        const size_t comma = list.find(',');
        auto address = parse_address(list.substr(0, comma));
        if (!address) return std::unexpected(std::move(address.error()));
        addresses.push_back(std::move(*address));
        if (comma == std::string_view::npos) return addresses;
        list.remove_prefix(comma + 1);
    }
}

std::string show_bytes(double bytes) {
    constexpr std::array<std::string_view, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    while (bytes >= 1024 && i + 1 < names.size()) {
        bytes /= 1024;
        ++i;
    }
    if (i == 0) return fmt::format("{:.0f} B", bytes);
    return fmt::format("{:.{}f} {}", bytes, bytes < 10 ? 2 : 1, names[i]);
}

std::string show_count(uint64_t n) {
    std::string digits = std::to_string(n);
    for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string show_microseconds(uint64_t us) {
    const auto value = static_cast<double>(us);
    if (us < 1000) return fmt::format("{} us", us);
    if (us < 1'000'000) return fmt::format("{:.{}f} ms", value / 1e3, us < 10'000 ? 2 : 1);
    return fmt::format("{:.2f} s", value / 1e6);
}

std::string show_timestamp(int64_t unix_ms) {
    if (unix_ms < 0) return "-";
    // The last millisecond of year 9999; beyond it the calendar types have nothing to say.
    if (unix_ms > 253'402'300'799'999) return std::to_string(unix_ms);
    const std::chrono::sys_days day{std::chrono::days(unix_ms / 86'400'000)};
    const std::chrono::year_month_day date{day};
    const int64_t ms = unix_ms % 86'400'000;
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3'600'000,
                       ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

}  // namespace penstock::cli
