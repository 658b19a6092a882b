// Options whose values are sizes, durations and bounded numbers, with messages that say what is expected.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/values.h"

namespace penstock::cli {

/// "64KiB", "1MB", … within [min, max]. The target keeps its value, shown as the default, unless the option is given.
CLI::Option* add_bytes(CLI::App& app, const std::string& name, uint64_t& target, uint64_t min, uint64_t max,
                       const std::string& help);

/// "250ms", "10s", … of at least `min`.
CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& target, Duration min,
                          const std::string& help);

/// A whole number within [min, max].
CLI::Option* add_number(CLI::App& app, const std::string& name, int64_t& target, int64_t min, int64_t max,
                        const std::string& help, bool show_default = true);

/// One of `choices`; wrong ones get a suggestion.
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& target,
                        const std::vector<std::string>& choices, const std::string& help);

/// A positional topic name, checked against Kafka's rules.
CLI::Option* add_topic_name(CLI::App& app, std::string& target);

/// "--partition", which may be repeated; without it all are meant.
CLI::Option* add_partitions(CLI::App& app, std::vector<int64_t>& target);

/// Why `name` cannot be a topic, or empty.
std::string topic_name_fault(const std::string& name);

/// "Examples:" and the lines, for the end of a help.
void add_examples(CLI::App& app, const std::string& lines);

}  // namespace penstock::cli
