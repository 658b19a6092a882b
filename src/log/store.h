// The logs of one shard: append, read, retention, and the journal that makes appends durable.
//
// Stepped by the shard, once a turn: on_turn() takes what the disk finished, the callers append and read, then
// submit() turns everything that was appended in this turn into one journal commit and its segment writes.
//
// Invariants. A Log belongs to exactly one Store. Offsets below durable_offset() are on this disk, whatever happens
// next. Memory is bounded by StoreOptions. Whether producers and readers wait for them to be durable, the owner says.
// What it does not do: replication, visibility (high watermark), batch validation (wire/batch.h) and Kafka codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/units.h"
#include "base/uuid.h"
#include "io/disk.h"
#include "log/producers.h"

namespace penstock::log {

struct LogKey {
    Uuid topic_id;
    int32_t partition = 0;
    friend auto operator<=>(const LogKey&, const LogKey&) = default;
};

/// Kafka's topic settings that the store acts upon; -1 means no limit.
struct LogConfig {
    uint64_t segment_bytes = 1 * gib;
    int64_t segment_ms = 7 * 24 * 3600 * int64_t{1000};
    int64_t retention_bytes = -1;
    int64_t retention_ms = 7 * 24 * 3600 * int64_t{1000};
    bool remove_old = true;   ///< cleanup.policy has "delete": retention removes segments
    bool compact = false;     ///< it has "compact": the last record of each key stays, earlier ones go
    bool memory = false;      ///< durability=memory: nobody waits for its commits, so they may wait to be larger
    double min_cleanable_dirty_ratio = 0.5;
    int64_t delete_retention_ms = 24 * 3600 * int64_t{1000};  ///< how long a tombstone stays once it is clean
    int64_t min_compaction_lag_ms = 0;
    int64_t max_compaction_lag_ms = INT64_MAX;
};

inline constexpr size_t batch_header_size = 61;

/// One validated record batch. The header is a copy that append() stamps (base offset, leader epoch); the body (all
/// after the header) is copied from where it was received.
struct BatchToAppend {
    std::byte header[batch_header_size];
    std::span<const Fragment> body;
    int32_t last_offset_delta = 0;
    int64_t max_timestamp = -1;
    ProducerBatch producer;   ///< id, epoch, sequence and timestamp; append() adds the offsets
};

class Log;
class Block;  // a pinned piece of the shard's cache

/// Bytes lent to a reader, in the order of the log. Give every slice back with Store::release(), on the shard's thread.
struct Slice {
    const std::byte* data = nullptr;
    uint32_t size = 0;
    Block* block = nullptr;
};

struct ReadRequest {
    Offset from;            ///< the batch that holds this offset comes first, from its start
    Offset limit;           ///< nothing at or above: pass the high watermark. What is appended can be read
    uint32_t bytes_max = 0;
    bool at_least_one = false;  ///< return the first batch even when larger than bytes_max
    uint64_t waiter = 0;    ///< reported by readable() if the answer is `pending`; 0 must not be used
    bool for_repair = false;    ///< of another replica: also below the log start, if it is still there; and what has
                                ///< rotted here, too, is `corrupt` at once
};

enum class ReadStatus : uint8_t {
    ready,         ///< whole batches were added to the slices (none: nothing below the limit, or none fits)
    pending,       ///< the disk was asked; read again when readable() names the waiter
    out_of_range,  ///< below the log start or above the end
    corrupt,       ///< rot: the stored bytes fail their checksum, and no replica had them
    failed,        ///< the disk refused the read, or the log is poisoned
    busy,          ///< no memory for the read now: try again in a later turn
};

/// Where to look for a timestamp: in the batches that end at `from` or later, and below `limit`.
struct SearchRequest {
    Offset from;
    Offset limit;           ///< as of a ReadRequest
    uint64_t waiter = 0;    ///< as of a ReadRequest
};

struct TimestampMatch {
    Offset base_offset{-1};  ///< of the batch; -1 if there is none
    int64_t max_timestamp = -1;
};

/// Batches of a log that have rotted on this disk: a replica is to be asked for its own, which are the same bytes.
struct RottenBatches {
    uint64_t id = 0;        ///< for repair() and give_up()
    LogKey key;
    Offset from;            ///< the base offset of the first one
    uint32_t bytes = 0;     ///< that they are, at most
};

/// Where the records of an epoch end; -1 where nothing is known of it.
struct EpochEnd {
    int32_t epoch = -1;
    int64_t offset = -1;
};

/// An epoch that began in a log, and the first offset that its records may have.
struct EpochRange {
    LeaderEpoch epoch;
    Offset start;
    friend bool operator==(const EpochRange&, const EpochRange&) = default;
};

/// One partition's log. Pointers stay valid until Store::remove() or the Store ends.
class Log {
public:
    const LogKey& key() const { return key_; }
    Offset start_offset() const { return start_offset_; }      ///< first offset that may be read
    Offset durable_start() const { return durable_start_; }    ///< a restart comes back with no lower one
    Offset end_offset() const { return end_offset_; }          ///< next to be assigned (appended)
    Offset durable_offset() const { return durable_offset_; }  ///< everything below is durable here
    /// Last epoch begun, by begin_epoch() or a leader's batch; stamped into batches. -1: none. A truncation takes it
    /// back to that of the last record that stays, so it is not what a vote or a fence may go by.
    LeaderEpoch leader_epoch() const { return leader_epoch_; }
    bool failed() const { return failed_; }                    ///< poisoned: refuse reads and writes until restart
    uint64_t size_bytes() const;                               ///< record bytes from start to end
    void* owner = nullptr;                                     ///< free for the partition that uses this log

protected:
    friend class Store;
    LogKey key_;
    Offset start_offset_, durable_start_, end_offset_, durable_offset_;
    LeaderEpoch leader_epoch_;
    bool failed_ = false;
};

/// Memory and disk budgets of one shard's store.
struct StoreOptions {
    uint32_t shard = 0;
    uint32_t shard_count = 1;
    uint64_t cache_bytes = 128 * mib;    ///< log blocks in memory: dirty, lent and recently used
    uint64_t pool_bytes = 256 * mib;     ///< written-through files kept ready ahead of need
    uint64_t pool_refill_bytes_per_s = 200 * mib;  ///< budget of the background refill once the pool is warm
    uint64_t disk_limit_bytes = 0;       ///< log files never take more than this; 0: until the disk is full
    uint64_t compaction_bytes_per_s = 32 * mib;  ///< read and written
    int64_t compaction_interval_ns = 5 * second_ns;  ///< between looks for logs that need it
    uint64_t compaction_memory_bytes = 64 * mib; ///< of the map of keys, while a pass runs: 32 to 64 bytes a key
    uint64_t scrub_bytes_per_s = 0;      ///< at which what lies on disk is read and verified; 0: only when asked for
    int64_t scrub_delay_ns = 10 * second_ns;   ///< after the start; nor before logs have owners, who know of replicas
    int64_t scrub_interval_ns = 24 * 3600 * second_ns;  ///< a pass over all logs begins no sooner after the last one
};

struct StoreCounters {
    uint64_t appends = 0, append_bytes = 0, append_refusals = 0;
    uint64_t commits = 0, commit_bytes = 0, segment_writes = 0, segment_write_bytes = 0;
    uint64_t cache_hits = 0, cache_misses = 0, read_bytes = 0;
    uint64_t checkpoints = 0, checkpoint_bytes = 0;
    uint64_t files_ready = 0, files_in_use = 0, files_freed = 0;
    uint64_t compactions = 0, compactions_abandoned = 0, compaction_read_bytes = 0, compaction_write_bytes = 0;
    uint64_t corrupt_ranges = 0, repaired = 0, not_repaired = 0, disk_errors = 0;
    uint64_t rotten = 0;   ///< known at present, and not repaired
    uint64_t scrub_passes = 0, scrubbed_bytes = 0;
};

struct StoreImage;  // what recovery hands over: log/recover.h

class Store {
public:
    Store(const StoreOptions& options, StoreImage image, io::Disk& disk, Time time);
    ~Store();  ///< all operations must have completed: see drained()

    // Logs.
    Log* find(const LogKey& key);
    std::vector<Log*> logs();
    /// Creates an empty log, which starts and ends at `start`. Recorded by the next commit; appends may follow at once,
    /// and it may follow the removal of another of that key at once: a crash leaves one of them, or none.
    /// exists | would_block | failed.
    Result<Log*> create(const LogKey& key, const LogConfig& config, Time time, Offset start = Offset(0));
    void configure(Log& log, const LogConfig& config);
    /// Forgets a log and frees its files once that is durable and the last lent slice came back.
    Result<void> remove(Log& log);
    /// Retention and compaction leave alone what is not below `offset`, nor what is not durable: what may still be cut
    /// must not be judged. As long as nobody says otherwise, all that is durable may go.
    void keep_from(Log& log, Offset offset);
    /// Everything below `offset` is to go. Done when durable_start() has reached it; advanced() names the log then.
    /// refused: above the durable offset. would_block, failed: as append().
    Result<void> delete_before(Log& log, Offset offset);

    // Write.
    /// Appends one batch whole or not at all; returns its base offset. Durable when durable_offset() has passed it.
    /// would_block: memory or journal are full: stop reading from producers, try after a later turn.
    /// not_ready: this log alone waits, for a file or for its last block; others may be appended to meanwhile.
    /// disk_full: the same, but only freed space will help. failed: poisoned.
    /// What the producer of a batch said is recorded with it; whether it may be appended is check_producer()'s to say.
    Result<Offset> append(Log& log, BatchToAppend& batch, Time time);
    /// The same for a batch that its leader has stamped: its base offset and leader epoch stay. A base offset beyond
    /// the log's end skips what lies between, as if it had been compacted away; an epoch above the log's begins there.
    /// refused: a base offset below the log's end, or an epoch below its last. All else as append().
    Result<Offset> append_replica(Log& log, BatchToAppend& batch, Time time);
    /// Ends the log where the last whole batch below `offset` ends: what is beyond never was. Takes some turns; over
    /// when truncating() is false, and advanced() names the log then: go on from its end_offset(). Until then appends,
    /// epochs and another truncation are not_ready, reads below the cut are answered, and the durable offset may move
    /// up before it moves back. Producers and epochs go back, too. Slices that are lent stay as they are.
    /// refused: below the log start (remove it, and create it anew). would_block: stopping. failed: poisoned; the
    /// log also fails when the batches at the cut cannot be read.
    Result<void> truncate(Log& log, Offset offset);
    bool truncating(const Log& log) const;
    /// Whether the producer's batch comes next in this log, as it is now: with all that was appended, durable or not.
    /// `found` is the batch that a duplicate repeats.
    ProducerVerdict check_producer(const Log& log, const ProducerBatch& batch, ProducerBatch& found) const;
    const ProducerTable& producers(const Log& log) const;
    /// From here on batches are stamped with this epoch; must not be lower than the current one.
    Result<void> begin_epoch(Log& log, LeaderEpoch epoch);

    // Read.
    /// With a limit of end_offset() also what is appended and not durable yet, for whoever replicates it.
    ReadStatus read(Log& log, const ReadRequest& request, std::vector<Slice>& out);
    void release(const Slice& slice);
    /// The first batch whose max timestamp is at least `timestamp`; none if that one is not below the limit.
    ReadStatus find_timestamp(Log& log, int64_t timestamp, const SearchRequest& request, TimestampMatch& match);
    /// The batch with the highest max timestamp.
    ReadStatus find_max_timestamp(Log& log, const SearchRequest& request, TimestampMatch& match);
    /// The epoch that a batch at `offset` has; -1 where no epoch had begun.
    int32_t epoch_of(const Log& log, Offset offset) const;
    /// The end of the last epoch with records that is not above `epoch`, in Kafka's sense: nothing for one above all.
    EpochEnd epoch_end(const Log& log, int32_t epoch) const;
    /// All epochs in their order, those that are not durable yet and those that no record came with, too.
    std::vector<EpochRange> epochs(const Log& log) const;

    // Rot.
    /// Whether other replicas may have what rots in this log: then who reads that waits for a repair.
    void set_replicated(Log& log, bool replicated);
    /// The next that a replica is to be asked for, once. Each is to be answered by repair() or give_up().
    std::optional<RottenBatches> poll_rotten();
    /// What a replica has there. True if that is what was lost: it goes to the disk, and readers go on once it is
    /// there. False: it is something else, or nobody waits for it any more; ask another replica.
    bool repair(uint64_t id, std::span<const std::byte> batches);
    /// No replica has it. Readers are told so; it is asked for again after a while, should anybody want it.
    void give_up(uint64_t id);

    // Turn.
    /// Takes disk completions and does a bounded amount of background work. True if anything happened.
    bool on_turn(Time time);
    /// Logs whose durable offset, log start or failure changed in the last on_turn(); valid until the next one.
    std::span<Log* const> advanced() const;
    /// Waiters whose read can be tried again; valid until the next on_turn().
    std::span<const uint64_t> readable() const;
    /// Ends the turn: commits what was appended, but for what may wait for more (LogConfig::memory). True if anything
    /// was submitted.
    bool submit(Time time);
    /// When on_turn() has work without a completion: retention, refill, segment age.
    Nanos next_deadline() const;

    /// Graceful stop: from now on appends are refused, tails and a checkpoint are written. drained() once nothing is
    /// under way.
    void begin_stop();
    bool drained() const;

    const StoreCounters& counters() const;
    Result<io::DiskSpace> disk_space() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::log
