// Batches records by partition and gets them acknowledged: what `penstock produce` stands on.
//
// A state machine over the client's connections: the caller adds records, waits until something is due or readable
// (append_waits, next_deadline), then calls step(). Each broker has one request under way at most, which carries one
// batch for each of its partitions that has one ready; so records of a partition never overtake each other, also when
// a batch is tried again. A batch is tried again after retriable errors and lost connections until the delivery
// timeout; an answer that was lost can therefore mean that records are there twice (at least once).
// Memory: stop adding while full().
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/client.h"
#include "wire/kafka/produce.h"
#include "wire/records.h"

namespace penstock::cli {

struct ProducerOptions {
    std::string topic;
    int16_t acks = -1;  ///< -1 all in-sync replicas, 1 the leader, 0 nobody: then `delivered` counts what was sent
    wire::Codec codec = wire::Codec::none;
    uint64_t batch_bytes = 64 * 1024;
    Duration linger = std::chrono::milliseconds(5);
    Duration delivery_timeout = std::chrono::seconds(30);
};

struct ProducerReport {
    uint64_t delivered = 0;
    uint64_t failed = 0;
    uint64_t retried_batches = 0;
    std::map<std::string, uint64_t> failures;  ///< reason → records
};

class Producer {
public:
    Producer(Client& client, ProducerOptions options) : client_(client), options_(std::move(options)) {}

    /// Learns the topic's partitions.
    Outcome<void> open(IfAbsent if_absent);
    const TopicInfo& topic() const { return topic_; }

    /// True if this closed a batch of the partition, so that a sticky choice may move on.
    bool add(int32_t partition, int64_t timestamp_ms, wire::OptionalBytes key, wire::OptionalBytes value,
             std::span<const wire::RecordHeader> headers);
    /// No more records will come: partial batches need not linger.
    void finish();

    bool full() const { return queued_bytes_ >= queued_bytes_max; }
    bool idle() const;

    void append_waits(std::vector<pollfd>& waits) const;
    Deadline next_deadline() const;
    /// Receives what is there, closes and sends what is due. Fails only when interrupted; what happens to records is in
    /// the report.
    Outcome<void> step();

    const ProducerReport& report() const { return report_; }

    static constexpr uint64_t queued_bytes_max = 64 * 1024 * 1024;
    static constexpr uint64_t request_bytes_max = 16 * 1024 * 1024;  ///< well below what brokers refuse

private:
    struct Batch {
        std::vector<std::byte> bytes;
        uint64_t records = 0;
        uint64_t charged_bytes = 0;  ///< against queued_bytes_
        Deadline expires{};
        Deadline not_before{};
        Duration backoff = Client::backoff_first;
    };

    struct Partition {
        wire::BatchBuilder open;
        Deadline opened{};
        std::deque<Batch> closed;
        bool in_flight = false;  ///< closed.front() is
    };

    /// A broker, our own connection to it, and the request under way there.
    struct Lane {
        int32_t broker = -1;
        Connection connection;
        int32_t correlation_id = 0;
        int16_t version = 0;
        Deadline answer_by{};
        std::vector<int32_t> partitions;  ///< whose front batch is under way; empty: idle
    };

    void close_batch(Partition& partition);
    void close_due(Deadline now);
    void expire(Deadline now);
    Outcome<void> refresh();
    Outcome<void> dispatch(Deadline now);
    Lane* find_lane(int32_t broker);
    Outcome<Lane*> open_lane(int32_t broker, Deadline deadline);
    Outcome<void> send(int32_t broker, std::vector<int32_t> partitions);
    Outcome<void> receive(Lane& lane);
    void settle(int32_t partition, ErrorCode error, std::string_view detail);
    void settle_delivered(Partition& partition);
    void settle_failed(Partition& partition, const std::string& reason);
    void try_again(int32_t partition);
    void lane_lost(Lane& lane, const std::string& why);

    Client& client_;
    ProducerOptions options_;
    TopicInfo topic_;
    std::vector<std::unique_ptr<Partition>> partitions_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    ProducerReport report_;
    uint64_t queued_bytes_ = 0;
    bool finishing_ = false;
    bool stale_ = false;  ///< the leaders must be asked for again
    Deadline refresh_not_before_{};
    std::string last_problem_;
};

}  // namespace penstock::cli
