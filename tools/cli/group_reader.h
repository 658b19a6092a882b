// Reads a topic as a member of a group: the SDK joins, stays alive and commits; here is where to begin and to stop.
//
// Blocking in style, stepped by who prints the records. What was visited before a step began is what is committed, so
// that a record may come twice after a failure, and none is lost.
#pragma once

#include <memory>
#include <string>

#include "cli/group_client.h"
#include "cli/reader.h"
#include "cli/start_offset.h"

namespace penstock::cli {

struct GroupTimes {
    Duration session = std::chrono::seconds(10);    ///< silence after which the others read what was ours
    Duration rebalance = std::chrono::seconds(60);  ///< how long the others are waited for
    Duration heartbeat = std::chrono::seconds(3);
};

struct GroupReaderOptions {
    std::string group, topic;
    StartOffset start;         ///< where the group has committed nothing, or what it has is no longer there
    bool stop_at_end = false;  ///< at what is the end when the partitions become ours
    GroupTimes times = {};
};

class GroupReader {
public:
    /// The clients must outlive it.
    static Outcome<GroupReader> create(Client& client, SdkClient& sdk, const GroupReaderOptions& options);

    /// As Reader::step(); joins first.
    Outcome<bool> step(Deadline until, const RecordVisitor& visitor);

    /// Commits and leaves the group. Also after a failed step.
    Outcome<void> finish();

private:
    GroupReader(Client& client, const GroupReaderOptions& options, std::unique_ptr<Reader> reader)
        : client_(client), options_(options), reader_(std::move(reader)) {}
    Outcome<void> take_events();
    Outcome<void> on_assigned();
    Outcome<void> seek(const std::vector<int32_t>& partitions, const std::map<int32_t, int64_t>& ends);
    std::vector<int32_t> partitions() const;
    Failure refused(const std::string& what, penstock_error error) const;

    Client& client_;
    GroupReaderOptions options_;
    std::unique_ptr<Reader> reader_;
};

}  // namespace penstock::cli
