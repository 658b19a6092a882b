// Reads partitions from their leaders, ahead of the application: finds where to start, asks, and queues what came.
//
// Stepped by its Consumer. Each leader has two connections for it: one on which fetches wait at the broker for records
// that do not exist yet (partitions at their end), one for those that are behind; so nobody waits for another's
// silence. Bounds: what is queued and asked for stays within `buffer_bytes`, and each partition within twice
// `partition_bytes`, but for a single larger batch. What arrives for a partition that was given away or moved since is
// dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cluster.h"
#include "client/received_batch.h"

namespace penstock::wire::kafka {
struct FetchRequest;
struct FetchResponse;
}  // namespace penstock::wire::kafka

namespace penstock::client {

struct FetcherOptions {
    int64_t reset = PENSTOCK_OFFSET_LATEST;   ///< where what was asked for is not there any more; COMMITTED: an error
    int32_t wait_ms = 500;
    uint32_t partition_bytes = 1024 * 1024;
    uint64_t buffer_bytes = 64 * mib;
    bool check_crcs = true;
    bool read_committed = false;
};

/// One partition from its assignment until it is taken away. Batches that the application holds keep it alive.
struct FetchedPartition {
    std::string topic;
    int32_t index = 0;

    int64_t next = 0;           ///< to fetch; or one of PENSTOCK_OFFSET_...: to be found first
    int64_t timestamp = 0;      ///< of PENSTOCK_OFFSET_TIME
    int64_t position = -1;      ///< of the application: behind what it took; -1 until that is known
    int64_t released = -1;      ///< behind what it is done with
    int64_t committed = -1;     ///< the last that was sent to the group
    int64_t high_watermark = -1;
    uint64_t moves = 0;         ///< counts seeks: what was asked for before is void
    bool assigned = true;
    bool failed = false;        ///< told; rests until it is sought
    bool asked = false;
    Nanos not_before;

    std::deque<std::unique_ptr<ReceivedBatch>> queue;
    uint64_t queued_bytes = 0;
    uint64_t handed_out = 0;                    ///< batches since the last move
    std::deque<std::pair<int64_t, bool>> out;   ///< of those: where each ends, whether it came back
    std::vector<std::pair<int64_t, int64_t>> aborted;   ///< transactions: producer, first offset
};

using PartitionPtr = std::shared_ptr<FetchedPartition>;

class Fetcher final : private Requester {
public:
    Fetcher(Cluster& cluster, const FetcherOptions& options);
    ~Fetcher() override;

    /// Instead of what it read before. `next` and `timestamp` of each are set.
    void assign(std::vector<PartitionPtr> partitions);
    const std::vector<PartitionPtr>& partitions() const { return partitions_; }
    PartitionPtr find(const std::string& topic, int32_t index) const;
    void seek(FetchedPartition& partition, int64_t offset, int64_t timestamp);

    /// Null: nothing is queued.
    std::unique_ptr<ReceivedBatch> take();
    bool has_batches() const { return queued_bytes_ > 0; }
    /// A partition that cannot be read. Told once.
    bool take_failure(Failure& failure);
    /// Tells the application that this one cannot be read.
    void refuse(FetchedPartition& partition, penstock_error error, const std::string& why);
    bool has_failures() const { return !failures_.empty(); }

    void step(Nanos now);
    Nanos next_deadline() const;

private:
    struct Asked {
        uint64_t ask = 0;
        const Connection* connection = nullptr;
        Purpose purpose = Purpose::fetch;
        uint64_t bytes = 0;
        bool positions = false;   ///< ListOffsets, not Fetch
        std::vector<std::pair<PartitionPtr, uint64_t>> partitions;   ///< and their moves then
    };
    struct Request {
        Connection* connection;
        Purpose purpose;
        std::vector<PartitionPtr> partitions;
    };

    const PartitionPlace* place_of(const FetchedPartition& partition) const;
    void add_to(std::vector<Request>& requests, const PartitionPtr& partition, Purpose purpose);
    void ask_positions(Request& request, Nanos now);
    void ask_records(Request& request, Nanos now);
    void on_answer(uint64_t ask, const Answer& answer, Nanos now) override;
    void on_lost(uint64_t ask, const Failure& why, Nanos now) override;
    Asked take_asked(uint64_t ask);
    void take_positions(const Asked& asked, const Answer& answer, Nanos now);
    void take_records(const Asked& asked, const Answer& answer, Nanos now);
    void take_partition(FetchedPartition& partition, const PartitionPtr& pointer, const Answer& answer,
                        std::span<const std::byte> bytes);
    bool is_aborted(FetchedPartition& partition, const wire::BatchHeader& header, std::span<const std::byte> bytes);
    void on_error(FetchedPartition& partition, penstock_error error, Nanos now);
    void drop_queue(FetchedPartition& partition);

    Cluster& cluster_;
    const FetcherOptions options_;
    std::vector<PartitionPtr> partitions_;
    std::vector<Asked> asked_;
    uint64_t queued_bytes_ = 0, asked_bytes_ = 0;
    size_t next_taken_ = 0, next_asked_ = 0;
    std::deque<Failure> failures_;
};

}  // namespace penstock::client
