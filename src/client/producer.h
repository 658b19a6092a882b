// A producer of one topic: fills batches by partition, sends them to the leaders, tries again, and says what became of
// every record.
//
// A Member of its cluster, stepped in every turn; send() may be called between turns and only copies. Invariants: the
// batches of a partition are sent in the order in which they were filled, and after a failure from the first one on;
// all of a partition's requests ride one connection, so they arrive in order. When idempotent, a batch keeps its
// sequence for as long as the broker may have it; a gap in the sequences (a batch that was given up) ends the
// producer id: a new one begins when the fate of every batch that was sent under the old one is known. Memory:
// `buffer_bytes`, counted from the first record of a batch to its last answer; completions that nobody takes keep
// 8 bytes for each record.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/batch_writer.h"
#include "client/cluster.h"

namespace penstock::client {

struct ProducerOptions {
    int16_t acks = -1;
    bool idempotent = true;
    wire::Codec codec = wire::Codec::none;
    int64_t linger_ns = 5 * millisecond_ns;
    uint32_t batch_bytes = 64 * 1024;
    uint64_t buffer_bytes = 64 * mib;
    int64_t delivery_timeout_ns = 120 * second_ns;
    bool create_topic = false;
};

class Producer final : public Member, private Requester {
public:
    Producer(Cluster& cluster, std::string topic, const ProducerOptions& options);
    ~Producer() override;

    penstock_error send(const penstock_record& record, int64_t wall_ms);
    penstock_error reserve(const penstock_record& record, size_t value_size, int64_t wall_ms, void** value);
    void commit(size_t value_size);
    void abandon();

    size_t completions(std::span<penstock_completion> out);
    bool has_completions() const { return !completed_.empty(); }
    /// The next step sends what there is without lingering.
    void push();
    uint64_t unsettled() const { return unsettled_; }
    uint64_t retried_batches() const { return retried_batches_; }
    /// 0: not known yet, or the topic cannot be used: see topic_error().
    int32_t partitions() const;
    penstock_error topic_error() const;

    void step(const Time& time) override;
    Nanos next_deadline() const override;

private:
    struct Batch {
        explicit Batch(BufferMemory memory) : writer(std::move(memory)) {}
        BatchWriter writer;
        std::vector<uint64_t> tags;
        Nanos opened;
        int32_t sequence = -1;        ///< set when it is sent first
        bool under_way = false;
        bool maybe_written = false;   ///< by an attempt that is over
        bool finished = false;
        uint64_t charged = 0;
    };
    using BatchPtr = std::shared_ptr<Batch>;

    struct Partition {
        BatchPtr open;
        std::deque<BatchPtr> closed;  ///< in order; the first `under_way` of them are being sent
        uint32_t under_way = 0;
        int32_t next_sequence = 0;
        bool active = false;          ///< in active_
        bool going_back = false;      ///< a batch failed: nothing more is sent before all others are back
        Nanos not_before;
        int64_t backoff_ns = 0;
    };

    struct Sent {
        uint64_t ask = 0;
        const Connection* connection = nullptr;
        std::vector<std::pair<int32_t, BatchPtr>> batches;
    };
    using SentPtr = std::shared_ptr<Sent>;

    struct Completed {
        penstock_error error = PENSTOCK_OK;
        int32_t partition = 0;
        int64_t first_offset = -1, append_time = -1;
        std::vector<uint64_t> tags;
    };

    // producer.cpp: from records to batches, and what became of them.
    penstock_error place(const penstock_record& record, size_t value_size, int32_t& partition);
    penstock_error make_room(Partition& partition, const penstock_record& record, size_t value_size);
    int32_t sticky_partition();
    void take_topic();
    void close_batch(Partition& partition);
    void complete(Partition& partition, int32_t index, penstock_error error, int64_t first_offset,
                  int64_t append_time);
    BufferMemory take_buffer();
    void recycle(Batch& batch);

    // producer_send.cpp: from batches to requests, and back.
    void close_due(Nanos now);
    void give_up_late(Nanos now);
    void step_producer_id(Nanos now);
    void dispatch(Nanos now);
    BatchPtr next_to_send(Partition& partition, Nanos now);
    Connection* connection_of(int32_t partition);
    void send_request(Connection& connection, SentPtr sent, Nanos now);
    void stamp(Partition& partition, Batch& batch);
    void on_answer(uint64_t ask, const Answer& answer, Nanos now) override;
    void on_lost(uint64_t ask, const Failure& why, Nanos now) override;
    SentPtr take_sent(uint64_t ask);
    void settle(int32_t index, Batch& batch, penstock_error error, int64_t first_offset, int64_t append_time,
                Nanos now);
    void try_again(Partition& partition, Nanos now);
    void renew_producer_id();

    Cluster& cluster_;
    const std::string topic_;
    const ProducerOptions options_;
    std::vector<std::unique_ptr<Partition>> partitions_;
    uint64_t topic_revision_ = 0;
    std::vector<int32_t> active_;            ///< partitions with batches
    int32_t sticky_ = -1;
    Partition* reserved_in_ = nullptr;
    int32_t reserved_index_ = 0;
    uint64_t reserved_tag_ = 0;

    uint64_t charged_ = 0;
    uint64_t unsettled_ = 0;
    uint64_t retried_batches_ = 0;
    bool pushing_ = false;
    std::vector<BufferMemory> idle_buffers_;

    std::vector<SentPtr> sent_;
    size_t dispatch_first_ = 0;
    int64_t producer_id_ = -1;
    int16_t producer_epoch_ = -1;
    bool renewing_ = false;
    uint64_t id_ask_ = 0;                    ///< 0: none under way
    Nanos id_not_before_, next_late_;

    std::deque<Completed> completed_;
    std::vector<Completed> handed_out_;
};

}  // namespace penstock::client
