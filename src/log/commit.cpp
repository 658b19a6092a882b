// From staged entries to a commit, and from its writes to durable offsets.
//
// A log's staged entries go into one commit whole. An append of at least direct_bytes_min in whole blocks goes to the
// segment at once and the commit names it; smaller ones travel in the commit and reach the segment later (flush.cpp),
// so that the cost of an acknowledgement does not depend on how many logs are hot.
//
// What only memory logs appended waits until there is enough of it to be worth a write, or it has waited long enough;
// what anybody waits for goes at the end of its turn, and takes along all that waits.
//
// Commits are numbered; a commit is durable when it and all before it are complete. Each carries the highest number
// that was durable when it was submitted: what recovery must find whole.
#include <algorithm>
#include <cstring>

#include "limits.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint64_t direct_bytes_min = 32 * kib;   // below, one more op costs more than writing twice
constexpr uint64_t rejournal_with_max = 64 * kib; // a larger append waits for its tail's copy instead
constexpr int64_t note_delay_ns = 5 * millisecond_ns;
constexpr uint64_t entry_fixed_size = 64;
constexpr uint64_t piece_encoded_size = 29;
constexpr uint64_t producer_encoded_size = 8 + producer_batch_size;

/// Of the append that comes behind this entry of the log.
uint64_t size_behind(const LogData& log, const Entry& entry) {
    for (const Entry* next = &entry; next != log.staged.data() + log.staged_count; ++next) {
        if (next->type == EntryType::append) return next->position_to - next->position;
    }
    return 0;
}

}  // namespace

/// A commit takes no further log beyond this. Small against the ring: what is left at its end may be lost to each lap.
uint64_t Store::Impl::commit_bytes_max() const { return std::min(mib, ring.bytes() / 16); }

/// Whether the ring takes another append of the log on top of all that is staged. What is staged must always fit, or a
/// log that waits for room could keep the ring from being released. A quarter stays free for the gap at the end of the
/// ring and for entries that are not appends.
bool Store::Impl::ring_has_room(const LogData& log) const {
    if (log.staged_bound > ring.bytes() / 16) return false;
    return ring.used() + staged_bound <= ring.bytes() / 4 * 3;
}

/// Upper bound of what the log's staged entries take in a commit.
uint64_t Store::Impl::entry_bound(const LogData& log) const {
    if (log.staged_count == 0) return 0;
    uint64_t bytes = io::block_size;  // a tail journaled again
    for (size_t i = 0; i < log.staged_count; ++i) {
        const Entry& e = log.staged[i];
        uint64_t payload = e.position_to - e.position;
        if (e.type != EntryType::append) payload = 0;
        if (e.type == EntryType::append && log.failed()) bytes += log.state.end - log.state.flushed;
        bytes += entry_fixed_size + e.pieces.size() * piece_encoded_size +
                 e.producers.size() * producer_encoded_size + e.files.size() * file_ref_size +
                 e.ranges.size() * range_size;
        bytes += std::min(payload, direct_bytes_min + rejournal_with_max + io::block_size);
    }
    return bytes;
}

std::unique_ptr<Commit> Store::Impl::new_commit() {
    std::unique_ptr<Commit> commit;
    if (spare_commits.empty()) {
        commit = std::make_unique<Commit>();
    } else {
        commit = std::move(spare_commits.back());
        spare_commits.pop_back();
    }
    commit->buffer.resize(header_size);
    uint64_t vouched = damaged_sequence == 0 ? durable_sequence : damaged_sequence - 1;
    commit->header = {next_sequence, vouched, checkpoint.durable_frame, 0, 0, 0,
                      static_cast<uint16_t>(options.shard)};
    commit->pending = 1;
    return commit;
}

/// Whether it is time for a commit. A note that is due goes with what waits.
bool Store::Impl::commit_due(Time time) {
    if (staged.empty()) return true;
    commit_now |= stopping || time.now >= patient_until || time.now >= note_at ||
                  patient_bytes >= limits::patient_commit_bytes;
    return commit_now;
}

/// Builds and submits one commit: of what is staged, or, when it is time, a note that vouches for the last one.
bool Store::Impl::build_commit(Time time) {
    bool note = staged.empty();
    if (note && time.now < note_at) return false;
    std::unique_ptr<Commit> commit = new_commit();
    fill_commit(*commit);
    if (commit->header.entry_count == 0 && !note) {
        spare_commits.push_back(std::move(commit));
        return false;
    }
    seal_commit(commit->buffer, generation, commit->header);
    auto place = ring.reserve(commit->buffer.size());
    if (!place) {
        PENSTOCK_ASSERT(note);  // entries were only added while they fit
        note_at = time.now + note_delay_ns;
        spare_commits.push_back(std::move(commit));
        return false;
    }
    commit->place = *place;
    for (CommitLog& part : commit->logs) {
        for (auto it = part.log->owed.rbegin(); it != part.log->owed.rend(); ++it) {
            if (it->sequence != commit->header.sequence) break;
            it->place = *place;
        }
    }
    ++next_sequence;
    if (!note) last_full_sequence = commit->header.sequence;
    noted_durable = commit->header.durable_through;
    if (damaged_sequence != 0 && damaged_until == 0 && !cut_staged()) damaged_until = commit->header.sequence;
    note_at = never;
    ++counters.commits;
    counters.commit_bytes += commit->buffer.size();
    IoTask& task = make_task(TaskKind::commit, nullptr);
    task.commit = commit.get();
    task.fragments.push_back({commit->buffer.data(), static_cast<uint32_t>(commit->buffer.size())});
    commits.push_back(std::move(commit));
    start(task, io::DiskOpKind::write_durable, journal_file, ring.offset(*place));
    return true;
}

/// Moves staged entries into the commit, log by log, while they fit.
void Store::Impl::fill_commit(Commit& commit) {
    size_t taken = 0;
    size_t kept = 0;
    for (; taken < staged.size(); ++taken) {
        LogData& log = *staged[taken];
        uint64_t size = commit.buffer.size() + log.staged_bound;
        if (commit.header.entry_count > 0 && size > commit_bytes_max()) break;
        if (!ring.fits(align_up(size, io::block_size))) break;
        size_t done = 0;
        while (done < log.staged_count && add_to_commit(commit, log, log.staged[done])) ++done;
        if (done == log.staged_count) {
            log.staged_count = 0;
            log.listed_staged = false;
            staged_bound -= log.staged_bound;
            log.staged_bound = 0;
            continue;
        }
        // The rest waits for the commit that holds the tail's copy.
        std::rotate(log.staged.begin(), log.staged.begin() + static_cast<ptrdiff_t>(done),
                    log.staged.begin() + static_cast<ptrdiff_t>(log.staged_count));
        log.staged_count -= done;
        list_staged(log);
        staged[kept++] = &log;
    }
    staged.erase(staged.begin() + static_cast<ptrdiff_t>(kept), staged.begin() + static_cast<ptrdiff_t>(taken));
    if (!staged.empty()) return;
    commit_now = false;
    patient_until = never;
    patient_bytes = 0;
}

/// False: the log's remaining entries must wait for this commit.
bool Store::Impl::add_to_commit(Commit& commit, LogData& log, Entry& entry) {
    if (entry.type == EntryType::append) return add_append(commit, log, entry);
    // Offsets are skipped in the commit that holds the append behind them: no crash may leave them as the log's end.
    if (entry.type == EntryType::skip && append_must_wait(commit, log, size_behind(log, entry))) return false;
    encode_entry(commit.buffer, entry);
    if (creates(entry.type) || entry.type == EntryType::remove) {
        ++commit.header.entry_count;
        list_dirty(log);
        if (entry.type == EntryType::remove) {
            commit.removed.push_back(&log);
            checkpoint.removed.push_back({log.state.id, commit.header.sequence});
        }
        return true;
    }
    record_entry(commit, log, entry);
    return true;
}

/// Whether an append of this size must wait for another commit.
bool Store::Impl::append_must_wait(Commit& commit, LogData& log, uint64_t size) {
    if (log.failed() || size <= rejournal_with_max) return false;
    if (!log.quiet_tail()) return !may_write(log);
    journal_tail_again(commit, log);
    return true;
}

bool Store::Impl::add_append(Commit& commit, LogData& log, Entry& entry) {
    if (append_must_wait(commit, log, entry.position_to - entry.position)) return false;
    uint64_t blocks_end = align_down(entry.position_to, io::block_size);
    entry.payload_from = entry.position;
    bool direct = false;
    if (log.failed()) {
        // Nothing new: what only older commits hold is carried forward (run_reclaim).
        entry.payload_from = align_down(log.state.flushed, io::block_size);
        log.owed.clear();
        emit_append(commit, log, entry);
        return true;
    }
    if (log.quiet_tail()) {
        // The tail block's only copy is in the segment. It is copied here first; until that is durable nobody may
        // rewrite the block.
        entry.payload_from = align_down(log.state.flushed, io::block_size);
        log.guard_sequence = commit.header.sequence;
    } else if (may_write(log)) {
        direct = blocks_end >= std::max(entry.position, log.written) + direct_bytes_min;
    }
    if (direct) entry.payload_from = blocks_end;
    emit_append(commit, log, entry);
    if (direct) write_segment(log, blocks_end, &commit);
    else want_behind(log);
    return true;
}

/// An append entry without new bytes, whose payload is the tail from the last durable block on.
void Store::Impl::journal_tail_again(Commit& commit, LogData& log) {
    Entry copy;
    copy.type = EntryType::append;
    copy.log_id = log.state.id;
    copy.offset = copy.offset_to = log.state.end_offset;
    copy.position = copy.position_to = log.state.end;
    copy.payload_from = align_down(log.state.flushed, io::block_size);
    log.guard_sequence = commit.header.sequence;
    emit_append(commit, log, copy);
}

void Store::Impl::emit_append(Commit& commit, LogData& log, const Entry& entry) {
    encode_entry(commit.buffer, entry);
    uint64_t from = entry.payload_from;
    PENSTOCK_ASSERT(from == entry.position_to || log.row.front()->position <= from);
    for (Block* block : log.row.from(from)) {
        if (block->end() <= from) continue;
        if (from >= entry.position_to) break;
        PENSTOCK_ASSERT(block->position <= from);
        uint64_t to = std::min(entry.position_to, block->end());
        PENSTOCK_ASSERT(to > from);
        FieldWriter(commit.buffer).put(std::span<const std::byte>(block->data + (from - block->position), to - from));
        from = to;
    }
    PENSTOCK_ASSERT(from == entry.position_to);
    if (entry.payload_from < entry.position_to) {
        if (!log.owed.empty() && log.owed.back().sequence == commit.header.sequence) {
            log.owed.back().to = entry.position_to;
        } else {
            log.owed.push_back({0, commit.header.sequence, entry.position_to});  // place: once it is known
        }
        if (!log.listed_owed) {
            log.listed_owed = true;
            owed.push_back(&log);
        }
    }
    record_entry(commit, log, entry);
    // A tail journaled again takes its block back from what counts as written.
    if (entry.payload_from < entry.position) log.written = entry.payload_from;
}

void Store::Impl::record_entry(Commit& commit, LogData& log, const Entry& entry) {
    uint64_t flushed_before = log.state.flushed;
    int64_t start_before = log.state.start_offset;
    size_t freed_before = commit.freed.size();
    bool fits = apply(log.state, entry, commit.freed);
    PENSTOCK_ASSERT(fits);
    if (entry.type == EntryType::truncate) {
        --cuts_staged;
        cut_sequence = commit.header.sequence;
    }
    // Writes to the files of a failed log may still be under way; the next start finds them free.
    if (log.failed()) commit.freed.resize(freed_before);
    dirty_bytes += flushed_before;
    dirty_bytes -= log.state.flushed;
    log.written = std::max(log.written, log.state.flushed);
    ++commit.header.entry_count;
    if (commit.logs.empty() || commit.logs.back().log != &log) commit.logs.push_back({&log, 0, 0, 0});
    commit.logs.back().start_offset = log.state.start_offset;
    commit.logs.back().end_offset = log.state.end_offset;
    commit.logs.back().end = log.state.end;
    if (log.state.start_offset != start_before) {
        // At once, though not durable yet: the state has let go of what is below, so nobody may be told to read it. A
        // crash may bring it back; its files are not given away before this commit is durable.
        log.set_start(log.state.start_offset);
        list_advanced(log);
    }
    if (entry.type == EntryType::replace) replaced(log, entry);
    if (entry.type == EntryType::cut) cut_recorded(log, commit.header.sequence);
    list_dirty(log);
}

/// One of the writes that the commit waits for has completed.
void Store::Impl::part_done(Commit& commit) {
    PENSTOCK_ASSERT(commit.pending > 0);
    --commit.pending;
}

void Store::Impl::finish_commits() {
    while (!poisoned && !commits.empty() && commits.front()->pending == 0) {
        std::unique_ptr<Commit> commit = std::move(commits.front());
        commits.erase(commits.begin());
        PENSTOCK_ASSERT(commit->header.sequence == durable_sequence + 1);
        durable_sequence = commit->header.sequence;
        vouched_sequence = std::max(vouched_sequence, commit->header.durable_through);
        // Recovery checks what a commit names unless a later one vouches for it. Where a segment write failed the check
        // will, too, and cut there: nothing from that commit on is answered before somebody vouches.
        if (commit->damaged) note_damage(*commit);
        settle_damage();
        unvouched.push_back(std::move(commit));
        if (unvouched.back()->header.durable_through < vouch_sequence) continue;
        for (auto& sure : unvouched) {
            settled_sequence = sure->header.sequence;
            commit_durable(*sure);
            sure->logs.clear();
            sure->freed.clear();
            sure->removed.clear();
            sure->buffer.clear();
            sure->damaged = false;
            spare_commits.push_back(std::move(sure));
        }
        unvouched.clear();
    }
    if (commits.empty() && staged.empty() && note_at == never && noted_durable < last_full_sequence) {
        note_at = now.now + note_delay_ns;
    }
}

/// Whether a cut, or the removal of a log, waits for its commit.
bool Store::Impl::cut_staged() const {
    return cuts_staged > 0 || std::ranges::any_of(graves, [](const auto& log) { return log->listed_staged; });
}

/// The commit names bytes that are not there. Its log was failed, or removed, when the write of them was: the entry
/// that says so is staged, or in a commit already. Who vouched for the damaged commit before that one is durable would
/// have recovery trust those bytes, should a crash lose the cut alone.
void Store::Impl::note_damage(const Commit& commit) {
    vouch_sequence = commit.header.sequence;
    if (damaged_sequence == 0) damaged_sequence = commit.header.sequence;
    damaged_until = cut_staged() ? 0 : next_sequence - 1;
}

void Store::Impl::settle_damage() {
    if (damaged_until == 0 || durable_sequence < damaged_until) return;
    damaged_sequence = damaged_until = 0;
}

void Store::Impl::commit_durable(Commit& commit) {
    for (CommitLog& part : commit.logs) {
        LogData& log = *part.log;
        if (log.failed() || log.removed) continue;
        // A roll moves the end without an offset; only a failed log's end goes back.
        log.durable_end = part.end;
        if (part.start_offset > log.durable_start_.value) {
            log.set_durable_start(part.start_offset);
            list_advanced(log);
        }
        if (part.end_offset > log.durable_offset_.value) {
            log.set_durable(part.end_offset);
            list_advanced(log);
        }
        want_behind(log);
    }
    for (io::FileId file : commit.freed) limbo.push_back({file, next_ticket, commit.header.sequence});
    counters.files_freed += commit.freed.size();
    for (LogData* log : commit.removed) log->remove_durable = true;
}

}  // namespace penstock::log
