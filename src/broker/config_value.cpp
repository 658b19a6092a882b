#include "broker/config_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace penstock::broker {

namespace {

using Checked = std::expected<std::string, std::string>;

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\f\v";
    const size_t first = text.find_first_not_of(blanks);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

template <class T>
std::optional<T> read_number(std::string_view text) {
    text = trim(text);
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string spaced(std::string_view choices) {
    std::string text;
    for (const std::string_view choice : read_list(choices)) {
        if (!text.empty()) text += ", ";
        text += choice;
    }
    return text;
}

Checked outside(int64_t min, int64_t max, bool below) {
    if (below) return std::unexpected("must be at least " + std::to_string(min));
    return std::unexpected("must be at most " + std::to_string(max));
}

Checked check_integer(const ConfigRule& rule, std::string_view text) {
    int64_t min = rule.min, max = rule.max;
    if (rule.type != ConfigType::int64) {
        const bool wide = rule.type == ConfigType::int32;
        min = std::max<int64_t>(min, wide ? INT32_MIN : INT16_MIN);
        max = std::min<int64_t>(max, wide ? INT32_MAX : INT16_MAX);
    }
    const std::optional<int64_t> value = read_integer(text);
    if (!value) return std::unexpected("not a number");
    if (*value < min || *value > max) return outside(min, max, *value < min);
    return std::to_string(*value);
}

Checked check_real(const ConfigRule& rule, std::string_view text) {
    const std::optional<double> value = read_real(text);
    if (!value) return std::unexpected("not a number");
    if (*value < static_cast<double>(rule.min) || *value > static_cast<double>(rule.max))
        return outside(rule.min, rule.max, *value < static_cast<double>(rule.min));
    return real_text(*value);
}

Checked check_boolean(std::string_view text) {
    std::string lower(trim(text));
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (lower != "true" && lower != "false") return std::unexpected("must be true or false");
    return lower;
}

bool allowed(const ConfigRule& rule, std::string_view value) {
    if (rule.choices.empty()) return true;
    const std::vector<std::string_view> choices = read_list(rule.choices);
    return std::ranges::find(choices, value) != choices.end();
}

Checked check_list(const ConfigRule& rule, std::string_view text) {
    std::string shown;
    for (const std::string_view part : read_list(text)) {
        if (!allowed(rule, part)) return std::unexpected("each part must be one of " + spaced(rule.choices));
        if (!shown.empty()) shown += ',';
        shown += part;
    }
    return shown;
}

}  // namespace

std::optional<int64_t> read_integer(std::string_view text) { return read_number<int64_t>(text); }

std::optional<double> read_real(std::string_view text) {
    const std::optional<double> value = read_number<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::vector<std::string_view> read_list(std::string_view text) {
    std::vector<std::string_view> parts;
    text = trim(text);
    if (text.empty()) return parts;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        parts.push_back(trim(text.substr(at, end - at)));
        at = end + 1;
    }
    return parts;
}

std::string real_text(double value) {
    std::array<char, 32> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    std::string text(buffer.data(), end);
    if (text.find_first_of(".en") == text.npos) text += ".0";  // as Java shows it
    return text;
}

Checked check_value(const ConfigRule& rule, std::string_view text) {
    switch (rule.type) {
        case ConfigType::boolean: return check_boolean(text);
        case ConfigType::int16:
        case ConfigType::int32:
        case ConfigType::int64: return check_integer(rule, text);
        case ConfigType::real: return check_real(rule, text);
        case ConfigType::list: return check_list(rule, text);
        case ConfigType::text: break;
    }
    const std::string_view value = trim(text);
    if (!allowed(rule, value)) return std::unexpected("must be one of " + spaced(rule.choices));
    return std::string(value);
}

}  // namespace penstock::broker
