// The owner of partitions: serves the calls on the partitions of one shard, from whichever shard they come.
//
// Stepped by its shard, once a turn: on_turn() after Store::on_turn(), then on_call/on_cancel/on_release for what the
// mailboxes and this shard's own requests bring; poll_answer() until it is empty; Store::submit() comes after.
//
// Invariants. Appends of one partition happen in the order of their calls. While the store is full all appends wait, in
// order of arrival; where one log alone is not ready, those of its partition do. A fetch waits either for the disk, for
// memory, or on watches, never on two of them, and lends nothing while it waits on watches or for memory. Every call
// that is started is answered once.
// What it does not do: timeouts (home cancels), validation of batches (home did), anything about connections.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "broker/call.h"
#include "broker/options.h"
#include "broker/partition.h"
#include "broker/topic_table.h"
#include "broker/waiter_table.h"
#include "log/store.h"

namespace penstock::broker {

struct OwnerCounters {
    uint64_t appends = 0, append_bytes = 0, append_waits = 0, append_duplicates = 0;
    uint64_t fetches = 0, fetch_bytes = 0, fetch_waits = 0;
    uint64_t log_failures = 0;     ///< logs that could not be made or removed, tried again
};

class Owner {
public:
    Owner(const BrokerOptions& options, log::Store& store);
    ~Owner();
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;

    /// Makes the logs of these topics' partitions that belong here, brings epochs and configs up to date, and removes
    /// the logs of deleted topics: over the next turns, in bounded steps. `topics` need not outlive the call.
    void apply(const ClusterView& view, std::span<const Topic* const> topics);
    bool applying() const { return !changes_.empty(); }

    void on_call(Call& call, Time time);
    void on_cancel(Call& call, Time time);
    void on_release(FetchCall& call);

    /// True if anything happened.
    bool on_turn(Time time);

    /// A call that is answered now, in no particular order; null when there is none.
    Call* poll_answer();

    /// Graceful stop: appends that wait for room are refused.
    void begin_stop();

    uint64_t lent_bytes() const { return lent_bytes_; }
    const OwnerCounters& counters() const { return counters_; }

private:
    enum class ReadStep : uint8_t { done, disk, memory };

    struct Change {
        enum class Kind : uint8_t { ensure, remove } kind = Kind::ensure;
        log::LogKey key;
        log::LogConfig config;
        LeaderEpoch epoch{0};
        bool leading = false;
    };

    Partition* find(const log::LogKey& key);
    void answer(Call& call);

    // Logs: owner.cpp
    bool apply_changes(Time time);
    bool apply_change(const Change& change, Time time);
    bool ensure(const Change& change, Time time);
    bool remove(const log::LogKey& key, Time time);
    void on_advanced(Partition& partition);
    void retry_waiting_reads(Time time);

    // owner_append.cpp
    void on_append(AppendCall& call, Time time);
    enum class Attempt : uint8_t { done, log_waits, store_waits };
    Attempt try_append(AppendCall& call, Time time);
    bool check_producer(Partition& partition, AppendCall& call);
    void park(Partition& partition, AppendCall& call);
    void refuse_appends(Partition& partition, ErrorCode error);
    bool retry_parked(Time time);
    bool retry_unready(Time time);
    void show(Partition& partition);
    void answer_settled(Partition& partition);

    // owner_fetch.cpp
    void on_fetch(FetchCall& call);
    ReadStep read(FetchCall& call);
    void cancel_fetch(FetchCall& call);
    ReadStep read_part(FetchCall& call, FetchPart& part);
    void finish_read(FetchCall& call);
    void watch(FetchCall& call);
    void stop_watching(FetchCall& call);
    void lend(FetchCall& call, FetchPart& part, size_t slices_before);
    void take_back(FetchCall& call);
    void wake_watches(Partition& partition);
    bool retry_starved();

    // owner_list_offset.cpp
    void on_list_offset(ListOffsetCall& call);
    void find_offset(ListOffsetCall& call);
    log::ReadStatus search(ListOffsetCall& call, Partition& partition, uint64_t waiter);
    log::ReadStatus match(ListOffsetCall& call, Partition& partition, uint64_t waiter);
    log::ReadStatus read_batch(Partition& partition, Offset at, uint64_t waiter, std::vector<std::byte>& batch);
    bool retry_starved_searches();

    // owner_epoch_end.cpp
    void on_epoch_end(EpochEndCall& call);

    // owner_log_sizes.cpp
    void on_log_sizes(LogSizesCall& call);

    // owner_delete_records.cpp
    void on_delete_records(DeleteRecordsCall& call);
    void answer_deleted(Partition& partition);
    Result<void> begin_delete(Partition& partition, DeleteRecordsCall& call);
    void refuse_deletes(Partition& partition, ErrorCode error);

    const BrokerOptions options_;
    log::Store& store_;
    IntrusiveList<Partition, PartitionList> partitions_;
    IntrusiveList<Partition, UnreadyList> unready_;  ///< with appends that wait for their log alone
    IntrusiveList<Partition, GrownList> grown_;      ///< with records that became visible as they were appended
    std::deque<Change> changes_;

    IntrusiveList<Call, OwnerQueue> answers_;
    IntrusiveList<AppendCall, OwnerQueue> parked_;   ///< appends that the store had no room for, in order of arrival
    IntrusiveList<FetchCall, OwnerQueue> starved_;   ///< fetches that wait for memory
    IntrusiveList<ListOffsetCall, OwnerQueue> starved_searches_;
    WaiterTable waiters_;                            ///< reads that wait for the disk
    std::vector<log::Slice> scratch_;                ///< of ListOffsets, given back at once
    uint64_t lent_bytes_ = 0;
    bool stopping_ = false;
    OwnerCounters counters_;
};

}  // namespace penstock::broker
