// The owner of partitions: serves the calls on the partitions of one shard, from whichever shard they come.
//
// Stepped by its shard, once a turn: on_turn() after Store::on_turn(), then on_call/on_cancel/on_release for what the
// mailboxes and this shard's own requests bring; poll_answer() until it is empty; Store::submit() comes after.
//
// Invariants. Appends of one partition happen in the order of their calls. While the store is full all appends wait, in
// order of arrival; where one log alone is not ready, those of its partition do. A fetch waits either for the disk, for
// memory, or on watches, never on two of them, and lends nothing while it waits on watches or for memory. Every call
// that is started is answered once. A partition with other replicas is led by the rules of replica/leadership.h, and
// its followers get what pack() puts together; a follower takes from its leader alone, but for what its disk has lost.
// What it does not do: timeouts (home cancels), validation of batches (home did), anything about connections.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "broker/call.h"
#include "broker/options.h"
#include "broker/parcel.h"
#include "broker/partition.h"
#include "broker/repairs.h"
#include "broker/topic_table.h"
#include "broker/waiter_table.h"
#include "log/store.h"

namespace penstock::broker {

struct OwnerCounters {
    uint64_t appends = 0, append_bytes = 0, append_waits = 0, append_duplicates = 0;
    uint64_t fetches = 0, fetch_bytes = 0, fetch_waits = 0;
    uint64_t log_failures = 0;     ///< logs that could not be made or removed, tried again
    uint64_t replica_batches = 0;  ///< appended as a follower
    uint64_t proposals = 0;        ///< of in-sync sets
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

    Nanos next_deadline() const { return std::min(timers_.next_deadline(), repairs_.next_deadline()); }

    // As a leader, for the shard's Peers: owner_lead.cpp.
    /// A follower that may want something, null when there is none. It stands in no list then.
    replica::Follower* poll_follower() { return wanting_.pop_front(); }
    static const log::LogKey& partition_of(const replica::Follower& follower) {
        return static_cast<const Partition*>(follower.leadership->owner)->log->key();
    }
    /// It is asked for its log now.
    FollowerName ask_state(replica::Follower& follower);
    /// What it is sent now, at most so many bytes of records unless a batch is larger; the slices are lent until
    /// release(). False: not now, it comes back through poll_follower().
    bool pack(replica::Follower& follower, uint64_t bytes_max, Parcel& parcel);
    void release(std::span<const log::Slice> slices);
    /// It cannot be sent anything now: it comes back through poll_follower() a little later.
    void look_again(const replica::Follower& follower);
    // What became of it. A follower that is gone meanwhile, or was lost, is passed over.
    void on_replica_state(const FollowerName& name, const Uuid& incarnation, const replica::LogShape& its,
                          Offset durable);
    void on_replica_settled(const FollowerName& name, Offset end, Offset durable, uint64_t bytes);
    void on_replica_lost(const FollowerName& name);
    void on_replica_disk_failed(const FollowerName& name);
    /// A proposal of who is in sync that shard 0 is to be asked for, null when there is none.
    InSyncCall* poll_proposal();
    void on_proposal_answered(InSyncCall& call);
    /// That are not answered.
    size_t proposals_open() const { return proposals_open_; }

    // What has rotted here, for the shard's Peers.
    /// Whom to ask for it.
    std::optional<RepairAsk> poll_repair() { return repairs_.poll(); }
    /// What it had there; nothing: it refused, or cannot be reached.
    void on_repair_answer(uint64_t id, NodeId broker, std::span<const std::byte> batches) {
        repairs_.on_answer(id, broker, batches, now_);
    }

    /// Graceful stop: appends that wait for room are refused.
    void begin_stop();
    /// Those that still wait for replicas, too.
    void end_waiting();

    uint64_t lent_bytes() const { return lent_bytes_; }
    const OwnerCounters& counters() const { return counters_; }

private:
    enum class ReadStep : uint8_t { done, disk, memory };

    struct Change {
        enum class Kind : uint8_t { ensure, remove } kind = Kind::ensure;
        log::LogKey key;
        log::LogConfig config{};
        PartitionView partition{};
    };

    Partition* find(const log::LogKey& key);
    void answer(Call& call);
    void refuse(Call& call, ErrorCode error);

    // Logs: owner.cpp
    void take_brokers(const std::vector<BrokerView>& brokers);
    bool apply_changes(Time time);
    bool apply_change(const Change& change, Time time);
    bool ensure(const Change& change, Time time);
    bool remove(const log::LogKey& key, Time time);
    void configure(Partition& partition);
    void forget(Partition& partition, ErrorCode error);
    void drop(Partition& partition);
    void on_advanced(Partition& partition);
    void retry_waiting_reads(Time time);
    std::vector<NodeId> other_replicas(const log::LogKey& key);

    // owner_append.cpp
    void on_append(Call& call, Time time);
    enum class Attempt : uint8_t { done, log_waits, store_waits };
    Attempt try_append(AppendCall& call, Time time);
    Attempt try_again(Call& call, Time time);
    bool check_producer(Partition& partition, AppendCall& call);
    void answer_in_time(Partition& partition, AppendCall& call);
    void answer_replicated(const Partition& partition, AppendCall& call);
    void park(Partition& partition, Call& call);
    void refuse_parked(Partition& partition, CallKind kind, ErrorCode error);
    void refuse_appends(Partition& partition, ErrorCode error);
    bool retry_parked(Time time);
    bool retry_unready(Time time);
    void show(Partition& partition);
    void answer_settled(Partition& partition);

    // owner_follow.cpp
    void hear_of(Partition& partition, LeaderEpoch epoch);
    void on_replica_state(ReplicaStateCall& call);
    Attempt try_replicate(ReplicateCall& call, Time time);
    Result<void> cut_log(Partition& partition, ReplicateCall& call, Time time, Attempt& attempt);
    Result<void> replace_log(Partition& partition, ReplicateCall& call, Time time, Attempt& attempt);
    ErrorCode append_batch(Partition& partition, const ReplicateCall& call, Time time, Attempt& attempt);
    void follow_leader(Partition& partition);
    void answer_replicates(Partition& partition);
    void refuse_replicates(Partition& partition, ErrorCode error);

    // owner_lead.cpp
    void lead(Partition& partition, const PartitionView& view);
    void stop_leading(Partition& partition);
    void end_leadership(Partition& partition);
    void moved(Partition& partition);
    void step(Partition& partition);
    void propose(Partition& partition);
    replica::Follower* find_follower(const FollowerName& name);

    // owner_fetch.cpp
    void on_fetch(FetchCall& call);
    ReadStep read(FetchCall& call);
    void cancel_fetch(FetchCall& call);
    ReadStep read_part(FetchCall& call, FetchPart& part);
    void finish_read(FetchCall& call);
    void watch(FetchCall& call);
    void stop_watching(FetchCall& call);
    static void stand(FetchPart& part, const Partition& partition);
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
    IntrusiveList<Partition, MovedList> moved_;      ///< with a leadership that is to be stepped
    TimerHeap timers_;                               ///< of partitions with a leadership
    std::deque<Change> changes_;
    std::vector<BrokerView> brokers_;                ///< of the latest view, by id

    IntrusiveList<replica::Follower, replica::SendList> wanting_;
    IntrusiveList<replica::Follower, replica::SendList> reading_;    ///< the disk is busy with what they are to get
    std::deque<InSyncCall*> proposals_;              ///< to be asked for
    size_t proposals_open_ = 0;
    std::vector<std::unique_ptr<InSyncCall>> orphans_;   ///< proposals of leaderships that have ended

    IntrusiveList<Call, OwnerQueue> answers_;
    IntrusiveList<Call, OwnerQueue> parked_;         ///< appends that the store had no room for, in order of arrival
    IntrusiveList<FetchCall, OwnerQueue> starved_;   ///< fetches that wait for memory
    IntrusiveList<ListOffsetCall, OwnerQueue> starved_searches_;
    Repairs repairs_;
    WaiterTable waiters_;                            ///< reads that wait for the disk
    std::vector<log::Slice> scratch_;                ///< of ListOffsets, given back at once
    uint64_t lent_bytes_ = 0;
    bool stopping_ = false;
    Nanos now_;                                      ///< of the last call or turn
    OwnerCounters counters_;
};

}  // namespace penstock::broker
