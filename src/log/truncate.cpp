// A follower's cut: the log ends at an earlier batch boundary, and goes on from there with other records.
//
//   settling   what is appended becomes durable and goes to its segments, all of it; nothing new begins
//   staged     the batch boundary was looked up, the entry that says so waits for its commit
//   recorded   the state ends there; the commit is to be durable
//
// Why everything is flushed first, also what is about to go: then no byte below the cut depends on memory or on the
// journal, no write of the old tail can meet the new one, and the log goes on as one does that was just opened: its
// last block is read back, and journaled again before it is rewritten (quiet_tail). Truncations are rare.
//
// Since all commits of the log are durable before the one with the cut is built, that one vouches for them, and it is
// durable itself before an append is taken. Else recovery might check older commits against bytes that new records
// have overwritten, and cut there: in front of records below the cut that were acknowledged.
//
// The last file that stays may be known by its index on disk alone. It takes records again, so its ranges go back into
// the state, and into the entry, so that a replay need not read them.
#include <algorithm>

#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr int64_t truncate_retry_ns = millisecond_ns;  // for memory, or for room in the ring
constexpr int64_t corrupt_retry_ns = second_ns;

}  // namespace

/// Where the log is to end.
struct Store::Impl::CutPlace {
    int64_t offset = 0;
    uint64_t position = 0;
    IndexRange last;   ///< what stays of the range that the cut falls into or behind; size 0: none does
};

Result<void> Store::Impl::truncate(LogData& log, int64_t offset) {
    if (poisoned || log.failed()) return fail(Errc::failed);
    if (stopping) return fail(Errc::would_block);
    if (log.cutting()) return fail(Errc::not_ready);
    if (offset < log.start_offset_.value) return fail(Errc::refused);
    const std::vector<EpochStart> epochs = all_epochs(log);
    const int64_t end = log.end_offset_.value;
    // An epoch without records goes, too: those to come may be of an earlier one.
    if (offset >= end && (epochs.empty() || epochs.back().offset < end)) {
        list_advanced(log);
        return {};
    }
    if (compaction.log == &log) abandon_compaction();
    log.cut_phase = CutPhase::settling;
    log.cut_to = offset;
    log.cut_repaired = false;
    cutting.push_back(&log);
    commit_now |= log.staged_count > 0;
    cuts_at = now.now;
    return {};
}

void Store::Impl::run_cuts() {
    cuts_at = never;
    std::erase_if(cutting, [&](LogData* log) {
        if (!log->failed() && !cut_step(*log)) return false;
        log->cut_phase = CutPhase::none;
        list_advanced(*log);
        return true;
    });
}

/// True: it is over.
bool Store::Impl::cut_step(LogData& log) {
    if (log.cut_phase == CutPhase::recorded) return settled_sequence >= log.cut_sequence;
    if (log.cut_phase == CutPhase::staged || !settle_for_cut(log)) return false;
    const ReadStatus status = stage_cut(log);
    if (status == ReadStatus::busy) cuts_at = std::min(cuts_at, now.now + truncate_retry_ns);
    if (status == ReadStatus::ready || status == ReadStatus::pending || status == ReadStatus::busy) return false;
    if (status == ReadStatus::corrupt && log.replicated && !stopping) {   // until a replica has it
        cuts_at = std::min(cuts_at, now.now + corrupt_retry_ns);
        return false;
    }
    fail_log(log);  // nobody guesses where a batch ends
    return true;
}

/// Whether all of the log is in its segments, and nothing of it under way. Does what is missing for that.
bool Store::Impl::settle_for_cut(LogData& log) {
    if (log.staged_count > 0 || names_log(log)) return false;
    PENSTOCK_ASSERT(log.durable_end == log.state.end);
    if (log.state.flushed < log.state.end) {
        if (flush_step(log)) flush_quiet(log);
        return false;
    }
    return log.writes.empty() && !log.quiet_under_way && !log.index_under_way && !log.tail_loading && !repairing(log);
}

/// Whether a commit that is not answered yet has entries of the log.
bool Store::Impl::names_log(const LogData& log) const {
    const auto names = [&](const std::unique_ptr<Commit>& commit) {
        return std::ranges::find(commit->logs, &log, &CommitLog::log) != commit->logs.end();
    };
    return std::ranges::any_of(commits, names) || std::ranges::any_of(unvouched, names);
}

/// The end of the last whole batch below the offset asked for. There may be none in the range that holds the offset,
/// nor offsets right before it: then range by range towards the start.
ReadStatus Store::Impl::find_cut(LogData& log, CutPlace& cut) {
    const LogState& state = log.state;
    const Segment& first = state.segments.front();
    cut = {state.start_offset, first.start, {}};
    int64_t offset = std::max(log.cut_to, state.start_offset);
    while (offset > first.base_offset && state.end > first.start) {
        IndexRange range;
        ReadStatus status = locate(log, offset - 1, 0, range);
        if (status == ReadStatus::ready && range.base_offset >= offset) break;
        if (status == ReadStatus::ready && log.cut_repaired && log.cut_kept.position == range.position) {
            offset = range.base_offset;
            if (log.cut_kept.size == 0) continue;
            cut = {std::max(log.cut_kept_end, state.start_offset), range.position + log.cut_kept.size, log.cut_kept};
            break;
        }
        ColdRange* bytes = nullptr;
        if (status == ReadStatus::ready) status = cold_range(log, range, 0, bytes);
        if (status != ReadStatus::ready) return status;
        int64_t end = 0;
        offset = range.base_offset;
        if (!whole_below(*bytes, std::max(log.cut_to, state.start_offset), range, end)) return ReadStatus::corrupt;
        if (range.size == 0) continue;
        cut = {std::max(end, state.start_offset), range.position + range.size, range};
        break;
    }
    // A segment that begins right there stays, so that the one before it need not be opened again.
    const auto begins = [&](const Segment& s) { return s.base_offset == cut.offset && s.start >= cut.position; };
    const auto segment = std::ranges::find_if(state.segments, begins);
    if (segment != state.segments.end()) cut.position = segment->start;
    return ReadStatus::ready;
}

/// The ranges that start in the last file that stays.
ReadStatus Store::Impl::ranges_left(LogData& log, const CutPlace& cut, std::vector<IndexRange>& left) {
    const LogState& state = log.state;
    const auto holds = [&](const Segment& s) { return s.base_offset <= cut.offset && s.start <= cut.position; };
    const auto active = std::find_if(state.segments.rbegin(), state.segments.rend(), holds);
    PENSTOCK_ASSERT(active != state.segments.rend());
    const size_t kept = state.files_kept(cut.position, active->start);
    if (kept == 0 || state.files[kept - 1].start < active->start) return ReadStatus::ready;
    std::span<const IndexRange> ranges;
    const ReadStatus status = ranges_of(log, state.files[kept - 1], 0, ranges);
    for (const IndexRange& range : ranges) {
        if (range.position >= cut.position) break;
        left.push_back(range.position == cut.last.position ? cut.last : range);
        if (left.back().position + left.back().size > cut.position) return ReadStatus::corrupt;
    }
    return status;
}

/// Looks up where the log is to end, and stages that. Anything but `ready`: not yet, or not at all.
ReadStatus Store::Impl::stage_cut(LogData& log) {
    if (ring.used() + staged_bound > ring.bytes() / 8 * 7) return ReadStatus::busy;
    CutPlace cut;
    std::vector<IndexRange> left;
    ReadStatus status = find_cut(log, cut);
    if (status == ReadStatus::ready) status = ranges_left(log, cut, left);
    if (status != ReadStatus::ready) return status;
    Entry& entry = log.stage(EntryType::cut);
    entry.offset = cut.offset;
    entry.position = cut.position;
    entry.ranges.assign(left.begin(), left.end());
    log.cut_phase = CutPhase::staged;
    list_staged(log);
    return ReadStatus::ready;
}

/// The state ends at the cut: so does the log, at once. A crash may bring the rest back until the commit is durable;
/// the files that go are not given away before, and nothing is appended.
void Store::Impl::cut_recorded(LogData& log, uint64_t sequence) {
    dirty_bytes -= log.end - log.state.end;
    while (!log.row.empty()) drop_row_front(log);
    forget_cold(log, log.state.files.empty() ? 0 : log.state.files.back().start, UINT64_MAX);
    resume(log);
    log.delete_to = std::min(log.delete_to, log.end_offset_.value);
    log.cut_phase = CutPhase::recorded;
    log.cut_sequence = sequence;
    list_advanced(log);
}

}  // namespace penstock::log
