// The inside of Store: its members, and which file holds each verb.
//
//   append.cpp      a batch into memory, staged          commit.cpp   staged entries into a journal commit, and its end
//   flush.cpp       owed bytes into segments, reclaim    checkpoint.cpp   states into frames
//   read.cpp        slices for readers           cold.cpp     ranges and indexes from disk
//   memory.cpp      what to evict                retention.cpp what may go
//   truncate.cpp    a follower's cut             io.cpp       operations, their completions
//   compaction.cpp  the last record of each key  repair.cpp   what has rotted
//   scrub.cpp       looks for rot                store.cpp    life of logs, the turn
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "log/cache.h"
#include "log/compaction.h"
#include "log/file_pool.h"
#include "log/log_data.h"
#include "log/recover.h"
#include "log/ring.h"
#include "log/store.h"

namespace penstock::log {

inline constexpr size_t commits_max = 4;  ///< under way; throughput measured flat from 2 to 8 at 24k operations/s

/// What recovery hands to the store of one shard.
struct StoreState {
    Generation generation;
    uint64_t journal_bytes = 0;
    uint64_t next_log_id = 0;        ///< this shard's ids: next_log_id + k * shard count
    uint32_t next_file_number = 0;   ///< likewise
    uint64_t next_frame = 1;         ///< of the checkpoint; frames before it form the base
    uint64_t frame_offset = 0;       ///< where slot 0 continues
    std::vector<LogState> logs;      ///< all flushed
    std::vector<io::FileId> ready_files;
    std::vector<io::FileId> half_made_files;
};

struct CommitLog {
    LogData* log = nullptr;
    int64_t start_offset = 0;
    int64_t end_offset = 0;
    uint64_t end = 0;                  ///< position
};

struct Commit {
    CommitHeader header;
    uint64_t place = 0;
    Bytes buffer;
    uint32_t pending = 0;              ///< writes that it waits for
    bool damaged = false;              ///< a segment write that it names failed
    std::vector<CommitLog> logs;
    std::vector<io::FileId> freed;
    std::vector<LogData*> removed;
};

/// A range read from disk, or being read. Shared by all its readers.
struct ColdRange {
    enum class State : uint8_t { loading, ready, corrupt, failed };
    LogData* log = nullptr;
    IndexRange range;
    State state = State::loading;
    bool used = false;                 ///< since it was last looked at for eviction
    bool stale = false;                ///< the log holds other bytes there now: goes when it is read
    uint64_t from = 0;                 ///< block-aligned position of blocks[0]
    uint64_t ticket = 0;
    uint32_t io = 0;
    std::vector<Block*> blocks;
    std::vector<uint64_t> waiters;
};

/// The index of one file, read from its index blocks.
struct ColdIndex {
    enum class State : uint8_t { loading, ready, corrupt, failed };
    LogData* log = nullptr;
    FileRef file;
    State state = State::loading;
    bool stale = false;                ///< the file is another's now: goes when it is read
    uint64_t ticket = 0;
    std::vector<IndexRange> ranges;
    std::vector<uint64_t> waiters;
};

/// Something that has rotted on disk, from when it was found until it is whole again; repair.cpp has the steps. Of a
/// range the bytes come from a replica; an index is made anew from the file's batches, of which those that have rotted
/// as well come from a replica.
struct Rotten {
    enum class Step : uint8_t {
        reading,   ///< index: the batches of the file, from disk
        wanted,    ///< a replica is to be asked
        asked,
        edging,    ///< range: what shares its first and last block is read
        writing,
        lost,      ///< no replica has it: until again_at nobody asks
    };
    uint64_t id = 0;
    LogData* log = nullptr;
    bool index = false;
    FileRef file;                      ///< index: whose
    IndexRange range;                  ///< index: base_offset and position are those of its first batch
    Step step = Step::wanted;
    bool stale = false;                ///< the log holds other bytes there now: goes when nothing is under way
    bool failed = false;               ///< an operation under way was refused
    bool keeps_cut = false;            ///< range: only what stays of it when its log is cut, as LogData::cut_kept says
    bool holds_tail = false;           ///< range: the log leaves its last block to us, by quiet_under_way
    uint32_t io = 0;
    uint64_t ticket = 0;               ///< open while operations are under way: the files are not given away
    Nanos again_at{0};
    Nanos moved_at{0};                 ///< index: something came of it the last time
    Bytes bytes;                       ///< from the block of range.position on
    std::vector<std::byte> own;        ///< range: as it was read; its end may be whole, and nobody else have it
    std::vector<std::byte> batches;    ///< range: as it was
    std::vector<IndexRange> ranges;    ///< index: found so far
    int64_t next_offset = -1;          ///< index: of the batch behind those
    uint64_t next = 0;                 ///< index: its position
    std::vector<uint64_t> waiters;
};

/// The background look for rot.
struct Scrub {
    Nanos at{0};                       ///< the next look
    Nanos pass_began{0};
    bool in_pass = false;
    bool whole = false;                ///< the pass began with the first log; else a shorter one, see scrub.cpp
    LogKey log;                        ///< at or behind this one
    uint64_t position = 0;             ///< in it
    uint64_t fresh_to = 0;             ///< the index of the file that ends there was read anew
    uint64_t burst = 0;                ///< bytes read since the last rest
    bool asked = false;                ///< the range at hand is being read
    bool waits = false;                ///< for an operation of the disk, which brings a turn
};

enum class TaskKind : uint8_t {
    commit, segment, quiet, index, frame, checkpoint_file, pool, cold, cold_index, tail, compaction, repair
};

/// One disk operation under way. Owns its fragments and, where needed, its bytes.
struct IoTask {
    TaskKind kind = TaskKind::commit;
    LogData* log = nullptr;
    Commit* commit = nullptr;
    ColdRange* cold = nullptr;
    ColdIndex* cold_index = nullptr;
    Block* tail = nullptr;
    Rotten* rotten = nullptr;
    io::FileId file;
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t want_bytes = 0;
    uint32_t maker = 0;                ///< of the file pool
    std::vector<io::MutableFragment> fragments;
    std::vector<Block*> pinned;
    Bytes buffer;
};

/// A freed file waits here until no read that could touch it is under way, and until the commit that freed it is
/// vouched for: before that, recovery may look in the file for bytes that earlier commits name, and cut where it finds
/// others.
struct LimboFile {
    io::FileId file;
    uint64_t ticket = 0;
    uint64_t sequence = 0;
};

struct Store::Impl {
    Impl(const StoreOptions& options, StoreImage image, io::Disk& disk, Time time);
    ~Impl();

    // store.cpp
    LogData* adopt(LogState state, const LogConfig& config);
    void resume(LogData& log);
    Result<Log*> create(const LogKey& key, const LogConfig& config, int64_t start);
    Result<void> remove(LogData& log);
    Result<void> begin_epoch(LogData& log, LeaderEpoch epoch);
    void stage_epoch(LogData& log, int32_t epoch);
    std::vector<EpochStart> all_epochs(const LogData& log) const;
    int32_t epoch_of(const LogData& log, int64_t offset) const;
    bool on_turn(Time time);
    bool submit(Time time);
    Nanos next_deadline() const;
    bool drained() const;
    void list_staged(LogData& log);
    void list_patient(LogData& log, uint64_t bytes);
    void list_dirty(LogData& log);
    void list_advanced(LogData& log);
    void unstage(LogData& log);
    void fail_log(LogData& log);
    void bury_removed();

    // append.cpp
    Result<Offset> append(LogData& log, BatchToAppend& batch, Time time);
    Result<Offset> append_replica(LogData& log, BatchToAppend& batch, Time time);
    struct Plan;
    Result<void> plan_append(LogData& log, const BatchToAppend& batch, Time time, Plan& plan);
    Offset append_planned(LogData& log, BatchToAppend& batch, Time time, Plan& plan);
    Result<void> plan_parts(LogData& log, uint64_t size, Time time, Plan& plan);
    Result<void> plan_memory(LogData& log, uint64_t size, Plan& plan);
    void abandon_plan();
    void copy_batch(LogData& log, BatchToAppend& batch, Plan& plan, Piece& piece);
    Block* tail_block(LogData& log, Plan& plan, uint64_t position);
    void link_tail(LogData& log, Block* block);
    void load_tail(LogData& log);
    void tail_done(IoTask& task, bool ok);
    void stage_files(LogData& log, const Plan& plan, int64_t next_offset, int64_t wall_ms);
    void stage_roll(LogData& log, int64_t wall_ms);

    // commit.cpp
    std::unique_ptr<Commit> new_commit();
    bool commit_due(Time time);
    bool build_commit(Time time);
    void fill_commit(Commit& commit);
    bool add_to_commit(Commit& commit, LogData& log, Entry& entry);
    bool append_must_wait(Commit& commit, LogData& log, uint64_t size);
    bool add_append(Commit& commit, LogData& log, Entry& entry);
    void emit_append(Commit& commit, LogData& log, const Entry& entry);
    void journal_tail_again(Commit& commit, LogData& log);
    void record_entry(Commit& commit, LogData& log, const Entry& entry);
    uint64_t entry_bound(const LogData& log) const;
    uint64_t commit_bytes_max() const;
    bool ring_has_room(const LogData& log) const;
    void finish_commits();
    void commit_durable(Commit& commit);
    void part_done(Commit& commit);
    bool cut_staged() const;
    void note_damage(const Commit& commit);
    void settle_damage();

    // flush.cpp
    void write_segment(LogData& log, uint64_t to, Commit* commit);
    void write_piece(LogData& log, uint64_t from, uint64_t to, Commit* commit);
    void segment_done(IoTask& task, bool ok);
    void quiet_done(IoTask& task, bool ok);
    void advance_flushed(LogData& log);
    void want_behind(LogData& log);
    void run_behind();
    void flush_quiet(LogData& log);
    bool flush_step(LogData& log);
    void index_done(IoTask& task, bool ok);
    void run_reclaim();
    void write_file_index(LogData& log);
    bool may_write(const LogData& log) const;
    uint64_t owed_floor() const;

    // checkpoint.cpp
    void run_checkpoint();
    void build_frame();
    void write_frame();
    void frame_done(bool ok, Errc error);
    void checkpoint_file_done(bool ok, Errc error);
    bool checkpoint_needed() const;
    bool checkpoint_allowed() const;

    // read.cpp
    ReadStatus read(LogData& log, const ReadRequest& request, std::vector<Slice>& out);
    uint64_t hot_end(const LogData& log, uint64_t position) const;
    ReadStatus find_timestamp(LogData& log, int64_t timestamp, const SearchRequest& request, TimestampMatch& match);
    ReadStatus match_in_file(LogData& log, const FileRef& file, int64_t timestamp, const SearchRequest& request,
                             TimestampMatch& match);
    ReadStatus find_max_timestamp(LogData& log, const SearchRequest& request, TimestampMatch& match);
    ReadStatus max_in_file(LogData& log, const FileRef& file, const SearchRequest& request, TimestampMatch& match);
    bool find_hot(const LogData& log, int64_t offset, uint64_t& position) const;
    ReadStatus locate(LogData& log, int64_t offset, uint64_t waiter, IndexRange& range);
    bool whole_below(const ColdRange& bytes, int64_t offset, IndexRange& kept, int64_t& end) const;
    ReadStatus skip_gap(LogData& log, const IndexRange& range, uint64_t waiter, int64_t& offset);
    ReadStatus range_from(LogData& log, uint64_t position, uint64_t waiter, IndexRange& range);
    ReadStatus ranges_of(LogData& log, const FileRef& file, uint64_t waiter, std::span<const IndexRange>& ranges);

    // cold.cpp
    ReadStatus cold_range(LogData& log, const IndexRange& range, uint64_t waiter, ColdRange*& found);
    ReadStatus cold_index(LogData& log, const FileRef& file, uint64_t waiter, ColdIndex*& found);
    bool load_cold(ColdRange& range);
    void load_piece(ColdRange& range, uint64_t from, uint64_t to);
    void cold_done(IoTask& task, bool ok);
    void cold_index_done(IoTask& task, bool ok);
    void finish_cold(ColdRange& range);
    std::vector<std::span<const std::byte>> pieces_of(const ColdRange& range, uint64_t to) const;
    uint32_t crc_of(const ColdRange& range, uint64_t to) const;
    void read_ahead(LogData& log, const IndexRange& range);
    void wake(std::vector<uint64_t>& waiters);
    void close_ticket(uint64_t ticket);
    void drop_cold(LogData& log);
    void forget_cold(const LogData& log, uint64_t from, uint64_t to);
    void free_cold(ColdRange& range);

    // repair.cpp
    ReadStatus rotten_range(LogData& log, const ColdRange& read, uint64_t waiter);
    ReadStatus rotten_index(LogData& log, const FileRef& file, uint64_t waiter);
    ReadStatus await_repair(Rotten* found, uint64_t waiter);
    bool repairing(const LogData& log) const;
    std::vector<std::byte> bytes_of(const ColdRange& range) const;
    bool are_whole(const ColdRange& range) const;
    Rotten* find_rotten(const LogData& log, uint64_t position, bool index) const;
    Rotten* note_rotten(LogData& log, const IndexRange& range);
    std::optional<RottenBatches> poll_rotten();
    Rotten* asked_for(uint64_t id) const;
    bool repair(uint64_t id, std::span<const std::byte> batches);
    bool is_cut(const Rotten& rotten);
    bool repair_what_stays(Rotten& rotten, std::span<const std::byte> batches);
    void give_up(uint64_t id);
    void lose(Rotten& rotten);
    void begin_again(Rotten& rotten);
    void run_repairs();
    bool is_gone(const Rotten& rotten) const;
    bool repair_step(Rotten& rotten);
    uint64_t rewritten_to(const LogData& log, const IndexRange& range) const;
    bool may_rewrite(const Rotten& rotten) const;
    void let_tail_go(Rotten& rotten);
    void read_edges(Rotten& rotten, uint64_t to);
    void write_repaired(Rotten& rotten);
    bool is_being_written(const LogData& log, const IndexRange& range) const;
    void range_repaired(Rotten& rotten);
    void rebuild_index(Rotten& rotten);
    bool find_index_start(Rotten& rotten);
    bool walk_batches(Rotten& rotten);
    void write_new_index(Rotten& rotten);
    void start_repair_io(Rotten& rotten, io::DiskOpKind op, uint64_t from, uint64_t to);
    void repair_done(IoTask& task, bool ok);
    void forget_rotten(const LogData& log, uint64_t from, uint64_t to);

    // scrub.cpp
    void run_scrub(Time time);
    Nanos scrub_due() const;
    bool scrub_step(uint64_t& bytes);
    ReadStatus scrub_range(LogData& log, const IndexRange& range);
    LogData* scrubbed_log();
    void next_scrubbed_log();

    // memory.cpp
    Block* take_block(uint32_t capacity);
    bool evict_tail();
    bool evict_cold();
    void drop_row_front(LogData& log);
    void let_go(Block& block);
    void release(Block& block);

    // retention.cpp
    void run_retention(Time time);
    void retain(LogData& log, int64_t wall_ms);
    bool may_drop_before(LogData& log, size_t segment);
    Result<void> delete_before(LogData& log, int64_t offset);
    bool delete_step(LogData& log);
    void run_deletes();

    // truncate.cpp
    Result<void> truncate(LogData& log, int64_t offset);
    void run_cuts();
    bool cut_step(LogData& log);
    bool settle_for_cut(LogData& log);
    bool names_log(const LogData& log) const;
    struct CutPlace;
    ReadStatus find_cut(LogData& log, CutPlace& cut);
    ReadStatus stage_cut(LogData& log);
    ReadStatus ranges_left(LogData& log, const CutPlace& cut, std::vector<IndexRange>& left);
    void cut_recorded(LogData& log, uint64_t sequence);

    // compaction.cpp
    void run_compaction(Time time);
    void choose_compaction(Time time);
    void roll_for_compaction(LogData& log, int64_t wall_ms);
    bool begin_pass(LogData& log, Time time);
    uint64_t cleanable_end(const LogData& log, int64_t wall_ms);
    enum class Step : uint8_t { done, wait, broken };
    Step next_compacted(std::span<const std::byte>& batch, uint64_t end);
    void map_keys();
    void begin_run();
    void copy_run();
    bool open_batch(std::span<const std::byte> batch);
    bool next_record(wire::Record& record);
    void judge_records();
    std::span<const std::byte> what_stays();
    bool keeps(const wire::Record& record, int64_t offset) const;
    bool attach_for(uint64_t bytes);
    void write_run();
    bool flush_run();
    void end_run();
    void replaced(LogData& log, const Entry& entry);
    void compaction_write_done(IoTask& task, bool ok);
    void abandon_compaction();
    void end_pass();

    // io.cpp
    IoTask& make_task(TaskKind kind, LogData* log);
    void start(IoTask& task, io::DiskOpKind op, io::FileId file, uint64_t offset);
    void pump();
    void complete(const io::DiskCompletion& completion);
    void free_task(IoTask& task);
    void run_pool();
    void start_pool_step(const FilePool::Step& step);

    StoreOptions options;
    io::Disk& disk;
    Generation generation;
    StoreCounters counters;
    Time now;
    bool poisoned = false;   ///< a journal write failed: nothing more is taken or given
    bool degraded = false;   ///< a log failed: its owed bytes stay in the journal
    bool stopping = false;

    // Logs.
    std::map<LogKey, std::unique_ptr<LogData>> logs;
    std::vector<std::unique_ptr<LogData>> graves;    // removed, with operations or slices outstanding
    uint64_t next_log_id;
    std::vector<LogData*> staged;
    uint64_t staged_bound = 0;   ///< of all staged entries: what they may take in the ring
    bool commit_now = false;     ///< somebody waits for what is staged; while nobody does:
    Nanos patient_until = never; ///< when it goes into a commit all the same
    uint64_t patient_bytes = 0;  ///< appended since the last commit to logs whose commits may wait
    uint32_t cuts_staged = 0;    ///< truncates of failed logs that no commit holds yet
    uint64_t cut_sequence = 0;   ///< the commit that holds the last one
    std::vector<LogData*> dirty;
    std::vector<LogData*> owed;
    std::vector<LogData*> behind;
    std::vector<LogData*> deleting;        // whose start waits to be raised
    std::vector<LogData*> cutting;         // that are being truncated
    Nanos cuts_at = never;                 ///< when a cut is tried again that waits for memory or for the ring
    std::vector<Log*> changed, advanced;   // of this turn; handed out
    std::vector<uint64_t> woken, readable;

    // Memory.
    Slab slab;
    uint64_t dirty_bytes = 0;
    bool memory_wanted = false;  ///< an append was refused: flush what holds memory, however little of the ring it owes
    Block* oldest_tail = nullptr;
    Block* newest_tail = nullptr;
    Block* evict_hand = nullptr;
    std::map<std::pair<const LogData*, uint64_t>, std::unique_ptr<ColdRange>> cold;
    std::map<io::FileId, std::unique_ptr<ColdIndex>> indexes;
    std::vector<std::unique_ptr<ColdRange>> stale_cold;
    std::deque<ColdRange*> cold_order;   // every cold range once, roughly least recently used first
    uint64_t cold_bytes = 0;
    uint32_t cold_under_way = 0;
    uint64_t next_ticket = 1;
    std::vector<uint64_t> open_tickets;
    std::vector<LimboFile> limbo;

    std::vector<io::FileId> plan_files;   // of the append at hand
    std::vector<Block*> plan_blocks;

    // Journal.
    Ring ring;
    io::FileId journal_file;
    uint64_t next_sequence = 1;
    uint64_t durable_sequence = 0;   ///< complete, and all before it
    uint64_t settled_sequence = 0;   ///< answered: recovery will not cut it
    uint64_t vouched_sequence = 0;   ///< a durable commit vouches for all up to here: recovery checks none
    uint64_t vouch_sequence = 0;     ///< the last damaged commit: nothing from it on counts before it is vouched for
    uint64_t damaged_sequence = 0;   ///< the first damaged commit whose bytes no durable commit has cut yet; 0: none
    uint64_t damaged_until = 0;      ///< the commit that cuts them; 0: not built yet
    uint64_t noted_durable = 0;      ///< highest acknowledged commit that a later commit vouches for
    uint64_t last_full_sequence = 0; ///< last commit with entries
    Nanos note_at = never;
    std::vector<std::unique_ptr<Commit>> commits;    // under way, in order; commits_max at most
    std::vector<std::unique_ptr<Commit>> unvouched;  // complete, but not to be answered yet, in order
    std::vector<std::unique_ptr<Commit>> spare_commits;

    // Flush and checkpoint.
    uint32_t behind_under_way = 0;
    struct Checkpoint {
        enum class Phase : uint8_t { idle, creating, building, waiting, writing };
        Phase phase = Phase::idle;
        bool base = false;                ///< the round writes every log into the other slot
        std::vector<LogData*> queue;      ///< still to be encoded in this round
        uint64_t begun_sequence = 0, begun_place = 0;
        uint64_t wait_sequence = 0;       ///< the frame must not be written before this commit is durable
        uint64_t replay_from = 0, release_place = 0;
        bool last = false;
        Bytes buffer;
        uint32_t entries = 0;
        uint32_t slot = 0;
        uint32_t good_slot = 0;           ///< holds the last consistent frame: never begun anew
        uint64_t offset = 0;              ///< end of the slot in use
        uint64_t next_frame = 1;
        uint64_t durable_frame = 0;       ///< consistent
        uint64_t base_bytes = 0;
        Nanos retry_at{0};                ///< no round begins before: the last one failed
        bool no_space = false;            ///< it failed because the disk is full
        uint32_t slots_created = 0;       ///< bit per slot
        /// Logs removed since the last consistent frame's replay_from: replay must know their ids.
        std::vector<std::pair<uint64_t, uint64_t>> removed;  // id, sequence
    } checkpoint;
    Nanos retention_at{0};
    LogKey retention_cursor;
    Compaction compaction;
    std::vector<std::unique_ptr<Rotten>> rotten;
    uint64_t next_rotten = 1;
    Nanos repairs_at = never;    ///< when a repair is looked at again that waits for the log
    Scrub scrub;

    // I/O.
    std::unique_ptr<FilePool> pool;
    std::vector<std::unique_ptr<IoTask>> tasks;
    std::vector<IoTask*> free_tasks;
    std::vector<io::DiskOp> waiting_ops;   // vectors where a deque would allocate now and then
    uint32_t ops_under_way = 0;
    Bytes zeros;
};

}  // namespace penstock::log
