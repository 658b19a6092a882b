// Reads a topic as a member of a group: joins, goes on where the group has come to, commits, and joins again.
//
// Blocking, one thread, stepped by who prints the records. What was visited before a step began is what it commits, so
// that a record may come twice after a failure, and none is lost.
#pragma once

#include <optional>
#include <string>

#include "cli/fetcher.h"
#include "cli/group_member.h"
#include "cli/start_offset.h"

namespace penstock::cli {

class GroupConsumer {
public:
    /// `start` holds where the group has committed nothing, or what it has is no longer there.
    GroupConsumer(Client& client, std::string group, std::string topic, StartOffset start, bool stop_at_end,
                  const GroupTimes& times = {})
        : client_(client), member_(client, std::move(group), topic, times), topic_(std::move(topic)), start_(start),
          stop_at_end_(stop_at_end) {}

    /// As Fetcher::step(); joins first if need be. Heartbeats and commits are sent when they are due.
    Outcome<bool> step(Deadline until, const RecordVisitor& visitor);

    /// Commits and leaves the group. Also after a failed step.
    Outcome<void> finish();

    static constexpr Duration commit_interval = std::chrono::seconds(5);

private:
    Outcome<void> rejoin();
    Outcome<std::vector<FetchPosition>> positions(const std::vector<int32_t>& partitions);
    /// False: the group is in a rebalance.
    Outcome<bool> commit();

    Client& client_;
    GroupMember member_;
    std::string topic_;
    StartOffset start_;
    bool stop_at_end_;
    std::optional<Fetcher> fetcher_;   ///< while a member of a generation
    Offsets committed_;                ///< or where it began
    Deadline next_commit_{};
};

}  // namespace penstock::cli
