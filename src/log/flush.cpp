// From memory to segments. Whole blocks go when 64 KiB of them are owed, or with a commit that names them (direct).
// When the journal's ring fills, everything owed by its older commits goes, partial tail blocks too, so that a
// checkpoint can release them.
//
// The rule that keeps acknowledged bytes safe: a segment block that holds them is rewritten only while a durable copy
// of them is in the journal. So a partial tail block written to the segment counts only if nothing was appended
// meanwhile; the next append journals it again, and no segment write starts before that commit is durable
// (guard_sequence).
#include <algorithm>
#include <cstring>
#include <utility>

#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint64_t behind_bytes_min = 64 * kib;
constexpr uint32_t behind_max = 8;            // background segment writes under way
constexpr uint32_t reclaim_max = 32;          // the same while the ring waits for them
constexpr uint64_t piece_bytes_max = (io::max_fragments - 1) * io::block_size;  // of one operation, plus a file header

}  // namespace

bool Store::Impl::may_write(const LogData& log) const {
    return log.guard_sequence <= settled_sequence && !log.quiet_under_way && !log.quiet_tail();
}

/// Submits the blocks [log.written, to) to their files.
void Store::Impl::write_segment(LogData& log, uint64_t to, Commit* commit) {
    PENSTOCK_ASSERT(to % io::block_size == 0);
    PENSTOCK_ASSERT(log.written % io::block_size == 0);
    while (log.written < to) {
        size_t index = log.state.file_of(log.written);
        PENSTOCK_ASSERT(index < log.state.files.size());
        const FileRef& file = log.state.files[index];
        uint64_t end = std::min({to, file.end(), log.written + piece_bytes_max});
        // A segment may end inside its last file; the next one starts in another file at its start.
        if (index + 1 < log.state.files.size()) end = std::min(end, log.state.files[index + 1].start);
        write_piece(log, log.written, end, commit);
        log.written = end;
    }
}

void Store::Impl::write_piece(LogData& log, uint64_t from, uint64_t to, Commit* commit) {
    const FileRef& file = log.state.files[log.state.file_of(from)];
    IoTask& task = make_task(TaskKind::segment, &log);
    task.commit = commit;
    task.from = from;
    task.to = to;
    uint64_t offset = io::block_size + (from - file.start);
    if (from == file.start) {
        task.buffer.resize(io::block_size);
        write_file_header(task.buffer, {log.key(), generation.number, log.state.id, file.start, file.first_offset});
        task.fragments.push_back({task.buffer.data(), io::block_size});
        offset = 0;
    }
    uint64_t at = from;
    for (Block* block : log.row.from(from)) {
        // Not by capacity: a segment may end inside a block, and the next one starts in another.
        if (block->end() <= at) continue;
        if (at >= to) break;
        PENSTOCK_ASSERT(block->position <= at);
        uint64_t end = std::min(to, block->end());
        task.fragments.push_back({block->data + (at - block->position), static_cast<uint32_t>(end - at)});
        ++block->pins;
        task.pinned.push_back(block);
        at = end;
    }
    PENSTOCK_ASSERT(at == to);
    PENSTOCK_ASSERT(task.fragments.size() <= io::max_fragments);
    if (commit != nullptr) ++commit->pending;
    else ++behind_under_way;
    log.writes.push_back({from, to, false});
    ++counters.segment_writes;
    counters.segment_write_bytes += to - from;
    start(task, io::DiskOpKind::write_durable, file.file, offset);
}

void Store::Impl::segment_done(IoTask& task, bool ok) {
    LogData& log = *task.log;
    if (task.commit != nullptr) {
        task.commit->damaged |= !ok;
        part_done(*task.commit);
    } else {
        --behind_under_way;
    }
    for (Block* block : task.pinned) release(*block);
    if (log.removed) return;
    if (!ok) {
        fail_log(log);
        return;
    }
    for (WriteSpan& span : log.writes) {
        if (span.from == task.from && span.to == task.to) span.done = true;
    }
    advance_flushed(log);
    want_behind(log);
}

void Store::Impl::advance_flushed(LogData& log) {
    size_t done = 0;
    uint64_t flushed = log.state.flushed;
    while (done < log.writes.size() && log.writes[done].done) flushed = log.writes[done++].to;
    log.writes.erase(log.writes.begin(), log.writes.begin() + static_cast<ptrdiff_t>(done));
    flushed = std::min(flushed, log.state.end);
    if (flushed <= log.state.flushed) return;
    dirty_bytes -= flushed - log.state.flushed;
    log.state.flushed = flushed;
    size_t settled = 0;
    while (settled < log.owed.size() && log.owed[settled].to <= flushed) ++settled;
    log.owed.erase(log.owed.begin(), log.owed.begin() + static_cast<ptrdiff_t>(settled));
    list_dirty(log);
    write_file_index(log);
}

void Store::Impl::want_behind(LogData& log) {
    if (log.listed_behind || log.failed() || log.removed) return;
    uint64_t owed_to = align_down(log.state.end, io::block_size);
    if (owed_to < log.written + behind_bytes_min || !may_write(log)) return;
    log.listed_behind = true;
    behind.push_back(&log);
}

void Store::Impl::run_behind() {
    size_t done = 0;
    while (done < behind.size() && behind_under_way < behind_max) {
        LogData& log = *behind[done++];
        log.listed_behind = false;
        if (!log.failed() && !log.removed) flush_step(log);
    }
    behind.erase(behind.begin(), behind.begin() + static_cast<ptrdiff_t>(done));
}

/// Writes what is owed in whole blocks. True if the log needs no further step but the end of writes under way.
bool Store::Impl::flush_step(LogData& log) {
    if (!may_write(log)) return false;
    uint64_t owed_to = align_down(log.state.end, io::block_size);
    if (owed_to > log.written) write_segment(log, owed_to, nullptr);
    return true;
}

/// Writes the partial tail block, when everything before it is flushed and nothing is staged behind it.
void Store::Impl::flush_quiet(LogData& log) {
    if (!may_write(log) || log.staged_count > 0 || log.end != log.state.end) return;
    uint64_t from = align_down(log.state.end, io::block_size);
    if (from == log.state.end || log.state.flushed != from || log.row.empty()) return;
    if (log.durable_end != log.state.end) return;
    Block* block = log.row.back();
    PENSTOCK_ASSERT(block->position <= from && block->end() == log.state.end);
    const FileRef& file = log.state.files[log.state.file_of(from)];
    // A copy: the block itself may be appended to before the write is done.
    IoTask& task = make_task(TaskKind::quiet, &log);
    task.from = from;
    task.to = log.state.end;
    uint64_t offset = io::block_size + (from - file.start);
    if (from == file.start) {
        task.buffer.resize(io::block_size);
        write_file_header(task.buffer, {log.key(), generation.number, log.state.id, file.start, file.first_offset});
        offset = 0;
    }
    size_t at = task.buffer.size();
    task.buffer.resize(at + io::block_size);
    std::memcpy(task.buffer.data() + at, block->data + (from - block->position), log.state.end - from);
    task.fragments.push_back({task.buffer.data(), static_cast<uint32_t>(task.buffer.size())});
    log.quiet_under_way = true;
    ++behind_under_way;
    start(task, io::DiskOpKind::write_durable, file.file, offset);
}

void Store::Impl::quiet_done(IoTask& task, bool ok) {
    LogData& log = *task.log;
    log.quiet_under_way = false;
    --behind_under_way;
    if (log.removed) return;
    if (!ok) {
        fail_log(log);
        return;
    }
    // Appended to meanwhile: the journal still holds the tail, and the block will be written again.
    if (log.end != task.to || log.state.end != task.to || log.state.flushed != task.from) {
        want_behind(log);
        return;
    }
    dirty_bytes -= task.to - log.state.flushed;
    log.state.flushed = task.to;
    log.written = task.to;
    log.owed.clear();
    list_dirty(log);
}

uint64_t Store::Impl::owed_floor() const {
    uint64_t floor = ring.head();
    for (const LogData* log : owed) floor = std::min(floor, log->owed_place());
    return floor;
}

/// When the ring is half full (or the store stops): flush what its older half owes, so that a checkpoint can move the
/// tail.
void Store::Impl::run_reclaim() {
    bool all = stopping || std::exchange(memory_wanted, false);
    bool wanted = all || ring.used() >= ring.bytes() / 2;
    if (!wanted && graves.empty()) return;  // logs that owe nothing any more do no harm in the list, buried ones would
    std::erase_if(owed, [](LogData* log) {
        if (!log->owed.empty() && !log->removed) return false;
        log->listed_owed = false;
        return true;
    });
    if (!wanted) return;
    uint64_t before = all ? UINT64_MAX : ring.head() - ring.used() / 2;
    for (LogData* log : owed) {
        if (behind_under_way >= reclaim_max) break;
        if (log->owed_place() >= before) continue;
        if (log->failed() && stopping) continue;
        if (log->failed()) {
            // Its segment refuses writes: carry the durable bytes forward in the journal instead.
            bool fits = log->state.end - log->state.flushed < ring.bytes() / 8;
            if (fits && log->staged_count == 0 && log->durable_end == log->state.end) {
                Entry& entry = log->stage(EntryType::append);
                entry.offset = entry.offset_to = log->state.end_offset;
                entry.position = entry.position_to = log->state.end;
                list_staged(*log);
            }
            continue;
        }
        if (flush_step(*log)) flush_quiet(*log);
    }
}

/// A file whose ranges are all closed and flushed gets its index blocks; from then on its ranges live on disk only.
void Store::Impl::write_file_index(LogData& log) {
    if (log.index_under_way || log.failed() || log.removed || log.cutting()) return;
    auto file = std::ranges::find_if(log.state.files, [](const FileRef& f) { return !f.indexed; });
    if (file == log.state.files.end()) return;
    auto next = std::ranges::upper_bound(log.state.segments, file->start, {}, &Segment::start);
    const bool closed = next != log.state.segments.end();  // nothing more comes to its segment
    const uint64_t file_end = closed ? std::min(next->start, file->end()) : file->end();
    auto& ranges = log.state.ranges;
    auto beyond = std::ranges::find_if(ranges, [&](const IndexRange& r) { return r.position >= file_end; });
    if (!closed && beyond == ranges.end()) return;
    const uint64_t closed_to = closed ? next->start : beyond->position;
    if (log.state.flushed < closed_to || log.durable_end < closed_to) return;
    auto first = std::ranges::find_if(ranges, [&](const IndexRange& r) { return r.position >= file->start; });
    FileGeometry shape = geometry(file->file.kind);
    IoTask& task = make_task(TaskKind::index, &log);
    task.file = file->file;
    task.buffer.resize(shape.index_bytes);
    std::span<const IndexRange> in_file(first, beyond);
    std::vector<IndexRange> joined;
    if (!index_takes(in_file.size(), shape.index_bytes)) {
        joined.assign(first, beyond);
        fit_index(joined, shape.index_bytes);
        in_file = joined;
    }
    write_index(task.buffer, log.state.id, file->start, in_file);
    task.fragments.push_back({task.buffer.data(), static_cast<uint32_t>(shape.index_bytes)});
    log.index_under_way = true;
    start(task, io::DiskOpKind::write_durable, file->file, shape.index_offset());
}

void Store::Impl::index_done(IoTask& task, bool ok) {
    LogData& log = *task.log;
    log.index_under_way = false;
    if (!ok || log.removed) return;  // its ranges stay in memory and in the checkpoint
    auto file = std::ranges::find_if(log.state.files, [&](const FileRef& f) { return f.file == task.file; });
    if (file == log.state.files.end()) return;
    file->indexed = true;
    uint64_t next_start = file + 1 == log.state.files.end() ? file->end() : (file + 1)->start;
    std::erase_if(log.state.ranges, [&](const IndexRange& r) { return r.position < next_start; });
    list_dirty(log);
    write_file_index(log);
}

}  // namespace penstock::log
