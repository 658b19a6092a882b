// Where `penstock group reset-offsets` moves a group: the options, and the new offset of one partition.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/outcome.h"

namespace CLI {
class App;
}

namespace penstock::cli {

struct Context;

struct ResetTarget {
    enum class Kind : uint8_t { none, earliest, latest, offset, time, shift };
    Kind kind = Kind::none;
    int64_t number = 0;  ///< the offset, Unix milliseconds, or by how much
};

struct ResetOptions {
    std::string group;
    std::string topic;
    std::vector<int64_t> partitions;  ///< empty: all
    ResetTarget target;
    bool execute = false;
};

/// Within [start, end], as Kafka's tools do: what lies beyond is moved to the nearest. `current`: what is committed;
/// nothing committed cannot be shifted. `at_time`: what the broker found for the time, -1 for nothing that late.
Outcome<int64_t> reset_offset(const ResetTarget& target, int64_t start, int64_t end, std::optional<int64_t> current,
                              int64_t at_time);

Outcome<int> reset_offsets(Context& context, const ResetOptions& options);

void add_reset_options(CLI::App& verb, ResetOptions& options);

}  // namespace penstock::cli
