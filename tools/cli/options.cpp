#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/units.h"
#include "cli/output.h"
#include "cli/suggest.h"

namespace penstock::cli {

namespace {

std::string default_bytes(uint64_t n) {
    for (const auto& [name, unit] : {std::pair{"GiB", gib}, std::pair{"MiB", mib}, std::pair{"KiB", kib}}) {
        if (n >= unit && n % unit == 0) return fmt::format("{}{}", n / unit, name);
    }
    return std::to_string(n);
}

std::string default_duration(Duration d) {
    const int64_t ns = d.count();
    if (ns % 1'000'000'000 == 0) return fmt::format("{}s", ns / 1'000'000'000);
    if (ns % 1'000'000 == 0) return fmt::format("{}ms", ns / 1'000'000);
    return fmt::format("{}us", ns / 1000);
}

[[noreturn]] void reject(const std::string& name, const std::string& why) { throw CLI::ValidationError(name, why); }

}  // namespace

CLI::Option* add_bytes(CLI::App& app, const std::string& name, uint64_t& target, uint64_t min, uint64_t max,
                       const std::string& help) {
    const auto set = [&target, name, min, max](const std::string& text) {
        const auto value = parse_bytes(text);
        if (!value) reject(name, fmt::format("'{}' is not a size, such as 512, 64KiB or 1MiB", printable(text)));
        if (*value < min || *value > max) {
            reject(name, fmt::format("{} is outside {} to {}", text, default_bytes(min), default_bytes(max)));
        }
        target = *value;
    };
    return app.add_option_function<std::string>(name, set, help)->type_name("SIZE")->default_str(default_bytes(target));
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& target, Duration min,
                          const std::string& help) {
    const auto set = [&target, name, min](const std::string& text) {
        const auto value = parse_duration(text);
        if (!value) reject(name, fmt::format("'{}' is not a duration, such as 250ms, 10s or 1m", printable(text)));
        if (*value < min) reject(name, fmt::format("{} is below {}", text, default_duration(min)));
        target = *value;
    };
    return app.add_option_function<std::string>(name, set, help)
        ->type_name("TIME")
        ->default_str(default_duration(target));
}

CLI::Option* add_number(CLI::App& app, const std::string& name, int64_t& target, int64_t min, int64_t max,
                        const std::string& help, bool show_default) {
    const auto set = [&target, name, min, max](const std::string& text) {
        const auto value = parse_number<int64_t>(text);
        if (!value) reject(name, fmt::format("'{}' is not a whole number", printable(text)));
        if (*value < min || *value > max) reject(name, fmt::format("{} is outside {} to {}", *value, min, max));
        target = *value;
    };
    CLI::Option* option = app.add_option_function<std::string>(name, set, help)->type_name("N");
    if (show_default) option->default_str(std::to_string(target));
    return option;
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& target,
                        const std::vector<std::string>& choices, const std::string& help) {
    const auto set = [&target, name, choices](const std::string& text) {
        for (const std::string& choice : choices) {
            if (choice == text) {
                target = text;
                return;
            }
        }
        reject(name, fmt::format("'{}' is not one of {}. {}", printable(text), fmt::join(choices, ", "),
                                 did_you_mean(text, choices)));
    };
    return app.add_option_function<std::string>(name, set, help)
        ->type_name(fmt::format("{}", fmt::join(choices, "|")))
        ->default_str(target);
}

std::string topic_name_fault(const std::string& name) {
    if (name.empty()) return "a topic name cannot be empty";
    if (name == "." || name == "..") return fmt::format("'{}' cannot be a topic name", name);
    if (name.size() > 249) return fmt::format("a topic name has at most 249 characters, this one {}", name.size());
    for (const char c : name) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                          c == '_' || c == '-';
        if (!good) {
            return fmt::format("'{}' is no topic name: use letters, digits, '.', '_' and '-'", printable(name));
        }
    }
    return {};
}

CLI::Option* add_topic_name(CLI::App& app, std::string& target) {
    return app.add_option("TOPIC", target, "Name of the topic")
        ->required()
        ->type_name("")
        ->check(CLI::Validator([](std::string& name) { return topic_name_fault(name); }, ""));
}

CLI::Option* add_partitions(CLI::App& app, std::vector<int64_t>& target) {
    const auto fault = [](std::string& text) {
        const auto number = parse_number<int32_t>(text);
        return number && *number >= 0 ? std::string{} : fmt::format("'{}' is not a partition", printable(text));
    };
    return app.add_option("--partition,-p", target, "Only this partition; may be repeated (default: all)")
        ->type_name("N")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(CLI::Validator(fault, ""));
}

void add_examples(CLI::App& app, const std::string& lines) { app.footer("Examples:\n" + lines); }

}  // namespace penstock::cli
