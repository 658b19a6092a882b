// How partitions and lists of brokers are written on the command line: "games", "games:2", "1,2,3", "1:2,2:3".
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outcome.h"

namespace penstock::cli {

struct PartitionSelection {
    std::string topic;
    std::optional<int32_t> partition;   ///< absent: all
};

/// "TOPIC" or "TOPIC:PARTITION".
Outcome<PartitionSelection> parse_partition_selection(std::string_view text);
/// Ids with `separator` between, none twice.
Outcome<std::vector<int32_t>> parse_broker_list(std::string_view text, char separator = ',');
/// As Kafka's tools have it: partitions with commas, the brokers of each with colons between.
Outcome<std::vector<std::vector<int32_t>>> parse_assignment(std::string_view text);

/// The positional TOPIC[:PARTITION].
CLI::Option* add_partition_selection(CLI::App& app, PartitionSelection& target);
/// "--replicas".
CLI::Option* add_replicas(CLI::App& app, std::vector<int32_t>& target);

}  // namespace penstock::cli
