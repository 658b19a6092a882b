// What one shard asks another: calls. A call is made by its home shard and served by the shard that owns the partition
// (or, for changes of topics, by shard 0). Only its address travels; what it asks and what it answers stay in place.
//
// Who may touch a call: home, until it asks; then the owner, until it answers; then home again. The mailboxes carry the
// hand-over. Each ask (start, cancel, release) gets exactly one answer, and home keeps the call, and all that it points
// to, until every ask is answered. So no message is ever about a call that is gone.
// The owner's part of a call (`held`, links, marks) is the owner's alone from the start to the answer of the last ask.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "base/units.h"
#include "base/uuid.h"
#include "broker/coordinator_link.h"
#include "log/store.h"
#include "wire/batch_row.h"
#include "wire/kafka/errors.h"
#include "wire/kafka/list_offsets.h"
#include "wire/node/replicate.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

class Partition;
struct Request;
struct OwnerQueue;

enum class CallKind : uint8_t {
    append,
    fetch,
    list_offset,
    epoch_end,
    delete_records,
    log_sizes,
    topics,
    view,
    group,
    producer_id,
    replica_state,
    replicate,
    in_sync,
};

enum class Ask : uint8_t {
    start,
    cancel,   ///< answer the start now, with what there is; harmless when it is answered already
    release,  ///< take back the slices that the answer to a fetch lent
};

struct Call : ListLink<OwnerQueue> {
    explicit Call(CallKind k) : kind(k) {}

    CallKind kind;
    uint8_t asks = 0;            ///< home's: asks that are not answered yet
    bool cancelled = false;      ///< home's: cancel was asked
    uint32_t home = 0;           ///< the shard that asks
    uint32_t owner = 0;          ///< the shard that answers
    Request* request = nullptr;  ///< home's: who is told; null: whoever of the home shard makes such calls

    bool held = false;           ///< the owner's: started and not answered
};

/// When an append is answered.
enum class Acks : uint8_t {
    appended,     ///< acks=0: nobody waits for it
    settled,      ///< acks=1: durable here, or appended where the topic's durability is memory
    replicated,   ///< acks=all: settled on every in-sync replica
};

/// Append one batch.
struct AppendCall : Call {
    AppendCall() : Call(CallKind::append) {}

    log::LogKey key;
    log::BatchToAppend batch{};
    Acks acks = Acks::replicated;
    int32_t min_in_sync = 1;     ///< of acks=all: with fewer replicas in sync it is refused

    ErrorCode error = ErrorCode::none;
    int64_t base_offset = -1;
    int64_t log_start_offset = -1;
    int64_t duplicate_timestamp = -1;  ///< of the batch that this one repeats; -1: it was appended

    Offset end;                  ///< the owner's: what must be settled, or replicated
};

struct FetchCall;
struct WatchList;

/// One partition of a fetch, and the watch on it while there is not enough.
struct FetchPart : ListLink<WatchList> {
    log::LogKey key;
    Offset from;
    uint32_t bytes_max = 0;
    int32_t current_leader_epoch = -1;  ///< -1: do not check
    bool for_replica = false;    ///< whose disk has lost it: any replica answers, with all that it has

    ErrorCode error = ErrorCode::none;
    int64_t high_watermark = -1;
    int64_t log_start_offset = -1;
    uint32_t first_slice = 0;    ///< in FetchCall::slices
    uint32_t slice_count = 0;
    uint64_t bytes = 0;
    bool confirmed = true;       ///< false: others were shown more than this leader knows to be visible, perhaps, and
                                 ///< nothing is given until it does; see replica::Leadership

    FetchCall* call = nullptr;   ///< the owner's, as what follows
    uint64_t appended_before = 0;
};

/// Read from the partitions that one shard owns. Answered when `bytes_wanted` are there, on any error, or on cancel.
struct FetchCall : Call {
    FetchCall() : Call(CallKind::fetch) {}

    std::span<FetchPart> parts;  ///< in the order of the request
    uint64_t bytes_max = 0;
    uint64_t bytes_wanted = 0;

    uint64_t bytes = 0;          ///< lent: the sum of the parts'
    bool any_error = false;
    std::vector<log::Slice> slices;  ///< lent until Ask::release is answered

    uint32_t next_part = 0;      ///< the owner's: parts before it are read
    uint64_t waiter = 0;         ///< the owner's: its read that the disk is busy with, 0 for none
    bool answer_now = false;     ///< the owner's: cancelled, do not wait for more
};

/// The offset for a timestamp in one partition.
struct ListOffsetCall : Call {
    ListOffsetCall() : Call(CallKind::list_offset) {}

    log::LogKey key;
    int64_t timestamp = wire::kafka::latest_timestamp;
    int32_t current_leader_epoch = -1;

    ErrorCode error = ErrorCode::none;
    int64_t offset = -1;
    int64_t found_timestamp = -1;
    int32_t leader_epoch = -1;

    Offset from;                 ///< the owner's, as what follows: the records before it are not what is asked for
    log::TimestampMatch match;
    bool matched = false;        ///< the batch is known; the record in it is not
    uint64_t waiter = 0;
};

/// Where an epoch ends in one partition. Answered at once.
struct EpochEndCall : Call {
    EpochEndCall() : Call(CallKind::epoch_end) {}

    log::LogKey key;
    int32_t epoch = -1;
    int32_t current_leader_epoch = -1;  ///< -1: do not check

    ErrorCode error = ErrorCode::none;
    log::EpochEnd end;
};

inline constexpr int64_t all_records = -1;

/// Remove the records below an offset from one partition. Answered when a restart cannot bring them back.
struct DeleteRecordsCall : Call {
    DeleteRecordsCall() : Call(CallKind::delete_records) {}

    log::LogKey key;
    int64_t before = all_records;

    ErrorCode error = ErrorCode::none;
    int64_t low_watermark = -1;

    Offset wanted;               ///< the owner's: answered once the log's durable start has reached it
    bool begun = false;          ///< the owner's: what is to go is durable, and the log was told
};

struct LogSize {
    log::LogKey key;
    bool there = false;
    uint64_t bytes = 0;
};

/// How large logs of one shard are, and how much space its disk has. Answered at once.
struct LogSizesCall : Call {
    LogSizesCall() : Call(CallKind::log_sizes) {}

    std::span<LogSize> logs;
    Result<io::DiskSpace> space;
};

enum class TopicsChange : uint8_t { create, remove, grow, alter, elect, reassign };

/// Create, delete or grow topics, alter their configs, elect leaders or reassign replicas, through shard 0. Answered
/// when the coordinator has, and all shards know the result.
struct TopicsCall : Call {
    TopicsCall() : Call(CallKind::topics) {}

    TopicsChange change = TopicsChange::create;
    bool validate_only = false;
    std::vector<NewTopic> created;
    std::vector<TopicRef> removed;
    std::vector<NewPartitions> grown;
    std::vector<TopicConfigs> altered;
    Election election = Election::preferred;   ///< of `elected`
    std::vector<PartitionRef> elected;
    std::vector<NewReplicas> reassigned;
    Nanos deadline = never;

    AdminResult result;          ///< `error` set: it holds for all topics

    uint64_t token = 0;          ///< shard 0's
    bool answered_by_coordinator = false;
};

/// A producer id that nobody has, from shard 0. Answered at once, or when the coordinator has sent new ones; with
/// COORDINATOR_LOAD_IN_PROGRESS while there are none to be had.
struct ProducerIdCall : Call {
    ProducerIdCall() : Call(CallKind::producer_id) {}

    ErrorCode error = ErrorCode::none;
    int64_t producer_id = -1;
};

/// What a follower's log of one partition holds, for its leader. Answered at once.
struct ReplicaStateCall : Call {
    ReplicaStateCall() : Call(CallKind::replica_state) {}

    log::LogKey key;
    LeaderEpoch epoch{-1};       ///< the leader's
    int64_t session = -1;

    ErrorCode error = ErrorCode::none;
    Offset start, end, durable;
    std::vector<log::EpochRange> epochs;
};

/// What comes next in a follower's log of one partition, from its leader. Answered when all of it is settled.
struct ReplicateCall : Call {
    ReplicateCall() : Call(CallKind::replicate) {}

    log::LogKey key;
    LeaderEpoch epoch{-1};       ///< the leader's
    int64_t session = -1;        ///< of the ReplicaStateCall before it
    wire::node::Cut cut = wire::node::Cut::none;
    Offset from;                 ///< the log ends here before the batches
    Offset high_watermark, log_start;   ///< the leader's
    std::span<const wire::StampedBatch> batches;

    ErrorCode error = ErrorCode::none;
    Offset end, durable;

    bool cut_begun = false;      ///< the owner's, as what follows
    size_t next_batch = 0;       ///< those before it are appended
};

/// A leader's proposal of who is in sync, through shard 0. Answered when the coordinator has decided, or may have.
struct InSyncCall : Call {
    InSyncCall() : Call(CallKind::in_sync) {}

    InSyncProposal proposal;

    bool decided = false;        ///< `outcome` is what the coordinator said; else nothing was heard of it
    InSyncOutcome outcome;

    uint64_t token = 0;          ///< shard 0's
};

/// A new view of the cluster, from shard 0 to another, in two rounds: first all owners make ready what it names, then
/// all shards let requests see it. Answered when that is done here.
struct ViewCall : Call {
    ViewCall() : Call(CallKind::view) {}

    std::shared_ptr<const ClusterView> view;
    bool publish = false;        ///< the second round
};

}  // namespace penstock::broker
