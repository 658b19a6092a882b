// Reads partitions of a topic from their leaders: what `penstock consume` stands on.
//
// Each leader has one Fetch under way at most, for all of its partitions that are still wanted; the broker holds it
// back until there is something (long poll). Leaders that move or connections that break are looked up and opened
// again within the client's timeout; then it is a failure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/batch_walk.h"
#include "cli/client.h"
#include "wire/kafka/fetch.h"

namespace penstock::cli {

struct FetchPosition {
    int32_t partition = 0;
    int64_t next = 0;                ///< offset to read next
    int64_t end = INT64_MAX;         ///< stop before this offset
    bool done() const { return next >= end; }
};

class Fetcher {
public:
    Fetcher(Client& client, std::string topic, std::vector<FetchPosition> positions)
        : client_(client), topic_name_(std::move(topic)), positions_(std::move(positions)) {}

    /// Sends what can be sent, waits for answers (at most until `until`), visits what came. True when every position is
    /// done or the visitor had enough.
    Outcome<bool> step(Deadline until, const RecordVisitor& visitor);

    const std::vector<FetchPosition>& positions() const { return positions_; }

    static constexpr int32_t wait_ms_max = 500;
    static constexpr int32_t answer_bytes_max = 32 * 1024 * 1024;
    static constexpr int32_t partition_bytes_first = 1024 * 1024;

private:
    struct Lane {
        int32_t broker = -1;
        Connection connection;
        int32_t correlation_id = 0;
        int16_t version = 0;
        Deadline answer_by{};
        bool waiting = false;
    };

    bool done() const;
    Outcome<void> refresh();
    Outcome<void> dispatch();
    Outcome<void> send(Lane& lane, const std::vector<FetchPosition*>& wanted);
    Outcome<Lane*> open_lane(int32_t broker);
    Outcome<void> receive(Lane& lane, const RecordVisitor& visitor);
    Outcome<void> take(const wire::kafka::FetchResponse::Partition& answer, const RecordVisitor& visitor);
    Outcome<void> lane_lost(Lane& lane, Failure failure);
    Failure out_of_range(const wire::kafka::FetchResponse::Partition& answer, const FetchPosition& position) const;

    Client& client_;
    std::string topic_name_;
    TopicInfo topic_;
    std::vector<FetchPosition> positions_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    BatchWalk walk_;
    std::vector<std::byte> joined_;
    int32_t partition_bytes_ = partition_bytes_first;
    bool stale_ = true;
    bool stopped_ = false;
    Deadline failing_since_ = Deadline::max();
};

}  // namespace penstock::cli
