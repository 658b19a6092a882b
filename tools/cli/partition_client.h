// What the CLI asks about leaders and replicas: elections, reassignments, and those under way. Asked of the controller.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/progress.h"

namespace penstock::cli {

struct PartitionName {
    std::string topic;
    int32_t partition = -1;

    std::string text() const { return topic + ":" + std::to_string(partition); }
    friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};

/// Where a partition's replicas are to be, the preferred leader first; absent: cancel the reassignment under way.
struct ReplicaMove {
    PartitionName name;
    std::optional<std::vector<int32_t>> replicas;
};

/// What became of one of them.
struct PartitionOutcome {
    PartitionName name;
    ErrorCode error = ErrorCode::none;
    std::string message{};

    std::string text() const;   ///< "games:0: NOT_CONTROLLER (41): it is away"
};

/// A reassignment that is not done. The replicas are all there are meanwhile.
struct Reassignment {
    PartitionName name;
    std::vector<int32_t> replicas, adding, removing;
};

enum class Election : int8_t { preferred = 0, unclean = 1 };

/// In the order asked for. A failure: none was, or nobody knows.
Outcome<std::vector<PartitionOutcome>> reassign(Client& client, const std::vector<ReplicaMove>& moves,
                                                Deadline deadline);
Outcome<std::vector<PartitionOutcome>> elect(Client& client, Election election,
                                             const std::vector<PartitionName>& partitions, Deadline deadline);
/// Of all topics.
Outcome<std::vector<Reassignment>> list_reassignments(Client& client, Deadline deadline);

/// Returns when none of these is under way any more, or on Ctrl-C.
Outcome<void> wait_for_moves(Client& client, const std::vector<PartitionName>& moving, Progress& progress);

}  // namespace penstock::cli
