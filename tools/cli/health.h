// What `cluster status` concludes from the metadata, from greeting each broker and from asking the coordinator: the
// level is the exit code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"
#include "cli/partition_client.h"

namespace penstock::cli {

enum class HealthLevel : uint8_t { healthy = 0, degraded = 1, critical = 2 };

struct BrokerState {
    BrokerInfo info;
    bool alive = true;       ///< not fenced by the coordinator
    bool reachable = false;  ///< from here
    Duration round_trip{};
    std::string problem{};
};

struct Health {
    HealthLevel level = HealthLevel::healthy;
    uint64_t partitions = 0;
    uint64_t without_leader = 0;
    uint64_t under_replicated = 0;
    uint64_t reassigning = 0;
    std::vector<std::string> problems;  ///< a line each; the partitions' are cut short after problem_lines_max
};

inline constexpr size_t problem_lines_max = 20;

/// What is known beside the metadata.
struct Findings {
    std::vector<BrokerState> brokers;
    std::string coordinator_fault{};          ///< why the coordinator takes no changes; empty: it does
    std::vector<Reassignment> reassigning{};
};

Health judge(const ClusterInfo& cluster, const Findings& findings);
std::string_view health_name(HealthLevel level);

}  // namespace penstock::cli
