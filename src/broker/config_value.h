// Values of Kafka's configs as text: which a rule allows, and the form in which they are shown.
//
// Pure functions of their arguments, by Kafka's rules: blanks around a value do not count, booleans come in any case,
// lists are separated by commas. Which configs there are is not known here (topic_config_rows.h, broker_config.h).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::broker {

/// Kafka's numbers of the types, as DescribeConfigs names them.
enum class ConfigType : int8_t { boolean = 1, text = 2, int32 = 3, int16 = 4, int64 = 5, real = 6, list = 7 };

struct ConfigRule {
    ConfigType type = ConfigType::text;
    int64_t min = INT64_MIN, max = INT64_MAX;  ///< of numbers; the type bounds them too
    std::string_view choices = {};             ///< of a text, and of the parts of a list; empty: any
};

/// The whole text, without the blanks around it.
std::optional<int64_t> read_integer(std::string_view text);
std::optional<double> read_real(std::string_view text);
/// The parts, each without the blanks around it; none of an empty text.
std::vector<std::string_view> read_list(std::string_view text);

std::string real_text(double value);

/// The value in the form in which it is shown, or what is wrong with it: "must be at least -1".
std::expected<std::string, std::string> check_value(const ConfigRule& rule, std::string_view text);

}  // namespace penstock::broker
