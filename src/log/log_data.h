// A log as the running store sees it: the durable state machine, what is staged ahead of it, and its bytes in memory.
//
//   position   0 ...... state.flushed ..... written ..... state.end ..... end
//              in segment files,  | writes under |  journaled,  |  staged: appended,
//              durable            | way          |  owed        |  not in a commit yet
//
// written <= state.end <= end. Bytes from state.flushed on stay in the row of tail blocks until they are flushed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "log/cache.h"
#include "log/state.h"
#include "log/store.h"

namespace penstock::log {

/// Tail blocks of a log in order of position, without gaps but for the ends of segments. A queue over a vector.
class BlockRow {
public:
    bool empty() const { return head_ == blocks_.size(); }
    size_t size() const { return blocks_.size() - head_; }
    Block* front() const { return blocks_[head_]; }
    Block* back() const { return blocks_.back(); }
    std::span<Block* const> all() const { return std::span(blocks_).subspan(head_); }
    /// From the block that holds `position` on, or from the front if it lies before.
    std::span<Block* const> from(uint64_t position) const {
        auto blocks = all();
        auto after = std::ranges::upper_bound(blocks, position, {}, &Block::position);
        return {after == blocks.begin() ? after : after - 1, blocks.end()};
    }
    void push_back(Block* block) { blocks_.push_back(block); }
    void pop_front() {
        if (++head_ * 2 > blocks_.size()) {
            blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<ptrdiff_t>(head_));
            head_ = 0;
        }
    }

private:
    std::vector<Block*> blocks_;
    size_t head_ = 0;
};

/// Bytes up to position `to` whose only durable copy may be the commit at `place`.
struct Owed {
    uint64_t place = 0;
    uint64_t sequence = 0;
    uint64_t to = 0;
};

struct WriteSpan {
    uint64_t from = 0;
    uint64_t to = 0;
    bool done = false;
};

/// How far a truncation is.
enum class CutPhase : uint8_t {
    none,
    settling,  ///< everything that is appended is to be in its segments, and nothing under way
    staged,    ///< the entry waits for its commit
    recorded,  ///< the log ends there; the commit is to be durable
};

struct LogData : Log {
    LogState state;
    LogConfig config;

    // Staged: ahead of state.
    uint64_t end = 0;
    uint64_t covered = 0;         ///< files, the staged ones too
    uint64_t segment_start = 0;
    int64_t segment_base = 0;
    int64_t segment_created_ms = 0;
    ProducerTable producers;      ///< with what is staged
    uint32_t open_size = 0;       ///< of the range that takes the next batch; 0: the next batch starts one
    uint32_t open_crc = 0;
    uint64_t open_file_end = 0;   ///< a batch at or beyond starts a new range
    std::vector<Entry> staged;    ///< the first staged_count count; the rest keep their memory
    size_t staged_count = 0;
    bool listed_staged = false;
    uint64_t staged_bound = 0;    ///< what they may take in the ring

    uint64_t durable_end = 0;     ///< position of durable_offset()

    // Flush.
    uint64_t written = 0;          ///< segment writes were submitted below
    std::vector<WriteSpan> writes; ///< under way, in order
    std::vector<Owed> owed;        ///< in order
    uint64_t guard_sequence = 0;   ///< no segment write until this commit is durable: it holds the tail block's copy
    bool quiet_under_way = false;  ///< the partial tail block is being written to the segment
    bool listed_owed = false;
    bool listed_behind = false;
    bool index_under_way = false;

    // Memory and life.
    BlockRow row;
    uint64_t row_end = 0;          ///< where the last block may grow to; a new one starts beyond (file ends)
    bool tail_loading = false;
    bool dirty = false;            ///< changed since its last checkpoint entry
    bool removed = false;
    bool remove_durable = false;   ///< the commit that removes it is durable
    bool changed = false;          ///< stands in the list of advanced logs
    uint32_t io = 0;               ///< operations under way that name this log
    bool replicated = false;       ///< what rots may be had from other replicas
    Nanos compact_at{0};           ///< no pass of compaction begins before
    int64_t kept_from = INT64_MAX; ///< what keep_from() said
    int64_t delete_to = 0;         ///< the start that delete_before() asked for
    CutPhase cut_phase = CutPhase::none;
    int64_t cut_to = 0;            ///< the end that truncate() asked for
    IndexRange cut_kept;           ///< of a range that had rotted and is to be cut: what a replica had of it
    int64_t cut_kept_end = 0;      ///< its end offset
    bool cut_repaired = false;     ///< there is such a one
    uint64_t cut_sequence = 0;     ///< the commit that holds the cut
    int64_t attached_ms = 0;       ///< when the last file was taken
    uint8_t file_class = 0;        ///< of the last file: 0 (1 MiB) to 2 (16 MiB)

    Entry& stage(EntryType type) {
        if (staged_count == staged.size()) staged.emplace_back();
        Entry& entry = staged[staged_count++];
        auto pieces = std::move(entry.pieces);
        auto produced = std::move(entry.producers);
        auto files = std::move(entry.files);
        auto ranges = std::move(entry.ranges);
        pieces.clear();
        produced.clear();
        files.clear();
        ranges.clear();
        entry = {};
        entry.pieces = std::move(pieces);
        entry.producers = std::move(produced);
        entry.files = std::move(files);
        entry.ranges = std::move(ranges);
        entry.type = type;
        entry.log_id = state.id;
        return entry;
    }
    bool stages(EntryType type) const {
        const auto entries = std::span(staged).first(staged_count);
        return std::ranges::find(entries, type, &Entry::type) != entries.end();
    }
    bool cutting() const { return cut_phase != CutPhase::none; }
    Entry* last_staged() { return staged_count == 0 ? nullptr : &staged[staged_count - 1]; }

    /// The tail block's bytes lie in the segment alone: they must be journaled again before the block is rewritten.
    bool quiet_tail() const { return state.flushed % io::block_size != 0; }
    uint64_t owed_place() const { return owed.empty() ? UINT64_MAX : owed.front().place; }

    Offset durable() const { return durable_offset_; }
    /// Only below may records be judged to be too old, or out of date.
    int64_t removable() const { return std::min(durable_offset_.value, kept_from); }
    void set_start(int64_t offset) { start_offset_ = Offset(offset); }
    void set_durable_start(int64_t offset) { durable_start_ = Offset(offset); }
    void set_end(int64_t offset) { end_offset_ = Offset(offset); }
    void set_durable(int64_t offset) { durable_offset_ = Offset(offset); }
    void set_epoch(int32_t epoch) { leader_epoch_ = LeaderEpoch(epoch); }
    void set_key(const LogKey& key) { key_ = key; }
    void set_failed() { failed_ = true; }
};

}  // namespace penstock::log
