// What has rotted on disk becomes whole again. The batches of a range come from a replica, which has the very same
// bytes; its checksum says whether it does. An index is made anew from the batches of its file, each of which has a
// checksum of its own and stands where its predecessor ended; those that have rotted, too, come from a replica.
//
//   range   wanted, asked        the owner of the log asks replicas: poll_rotten(), repair(), give_up()
//           edging               what lies beside it in its first and last block is read
//           writing              whole blocks, in place
//   index   reading              batch by batch; wanted, asked where one has rotted
//           writing
//
// Who reads what is being repaired waits; after the write it is read back as anything else is, and verified.
//
// Written in place, though its first and last block may hold acknowledged bytes of its neighbours (compare flush.cpp):
// these do not change by it, so a write that a crash tears leaves them as they were. Blocks that the log may still
// write itself are left to it: the last one only while the log is quiet, and nothing else is written meanwhile.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "limits.h"
#include "log/store_impl.h"
#include "wire/batch.h"

namespace penstock::log {
namespace {

constexpr size_t rotten_max = 64;                  // beyond it `corrupt` is answered until some are done
constexpr size_t asked_max = 8;                    // of these, their bytes are on their way
constexpr size_t rebuilt_max = 4;                  // indexes whose files are in memory
constexpr size_t waiters_max = 4096;               // of one
constexpr int64_t ask_again_ns = 30 * second_ns;   // after nobody could help
constexpr int64_t look_again_ns = 10 * millisecond_ns;
constexpr int64_t stall_ns = 10 * second_ns;       // an index that waits for its neighbours
constexpr uint64_t read_step = 256 * kib;

constexpr int64_t any_offset = -1;

struct BatchLooks {
    int64_t base = 0, end = 0;       // offsets
    int64_t max_timestamp = -1;
    int32_t epoch = -1;
    uint64_t size = 0;
};

enum class Looked : uint8_t { whole, rotten, longer };

/// The batch at the start of `bytes`. `longer`: it goes on behind them, and its header may be one.
Looked look_at(std::span<const std::byte> bytes, BatchLooks& looks) {
    if (bytes.size() < wire::batch_header_bytes) return Looked::longer;
    const auto header_bytes = bytes.first<wire::batch_header_bytes>();
    const wire::BatchHeader header = wire::parse_batch_header(header_bytes);
    const bool possible = header.magic == wire::batch_magic && header.base_offset.value >= 0 &&
                          header.last_offset_delta >= 0 &&
                          header.total_bytes() >= static_cast<int64_t>(wire::batch_header_bytes) &&
                          header.total_bytes() <= static_cast<int64_t>(limits::client_record_bytes_max);
    if (!possible) return Looked::rotten;
    looks = {header.base_offset.value, header.last_offset().value + 1, header.max_timestamp, header.leader_epoch.value,
             static_cast<uint64_t>(header.total_bytes())};
    if (looks.size > bytes.size()) return Looked::longer;
    const auto rest = bytes.first(looks.size).subspan(wire::batch_header_bytes);
    const Fragment body{rest.data(), static_cast<uint32_t>(rest.size())};
    return wire::batch_crc(header_bytes, {&body, 1}) == header.crc ? Looked::whole : Looked::rotten;
}

/// Whether these are whole batches, one behind the other, from the offset `base` on.
bool are_batches(std::span<const std::byte> bytes, int64_t base) {
    BatchLooks batch;
    for (int64_t last = base; !bytes.empty(); bytes = bytes.subspan(batch.size)) {
        if (look_at(bytes, batch) != Looked::whole || batch.base < last) return false;
        if (last == base && batch.base != base) return false;
        last = batch.end;
    }
    return true;
}

}  // namespace

Rotten* Store::Impl::find_rotten(const LogData& log, uint64_t position, bool index) const {
    const auto found = std::ranges::find_if(rotten, [&](const std::unique_ptr<Rotten>& r) {
        return r->log == &log && r->index == index && !r->stale &&
               (index ? r->file.start : r->range.position) == position;
    });
    return found == rotten.end() ? nullptr : found->get();
}

Rotten* Store::Impl::note_rotten(LogData& log, const IndexRange& range) {
    if (rotten.size() >= rotten_max) {
        // Those that nobody could help make room: they are found again.
        const auto lost = std::ranges::find(rotten, Rotten::Step::lost, [](const auto& r) { return r->step; });
        if (lost == rotten.end()) return nullptr;
        wake((*lost)->waiters);
        rotten.erase(lost);
    }
    rotten.push_back(std::make_unique<Rotten>());
    Rotten& noted = *rotten.back();
    noted.id = next_rotten++;
    noted.log = &log;
    noted.range = range;
    repairs_at = now.now;
    return &noted;
}

bool Store::Impl::repairing(const LogData& log) const {
    return std::ranges::any_of(rotten, [&](const auto& r) { return r->log == &log && r->io > 0; });
}

std::vector<std::byte> Store::Impl::bytes_of(const ColdRange& range) const {
    std::vector<std::byte> bytes;
    bytes.reserve(range.range.size);
    for (const std::span<const std::byte> piece : pieces_of(range, range.range.position + range.range.size))
        bytes.insert(bytes.end(), piece.begin(), piece.end());
    return bytes;
}

/// Whether they are batches at all: for a range without a checksum of its own.
bool Store::Impl::are_whole(const ColdRange& range) const {
    return are_batches(bytes_of(range), range.range.base_offset);
}

/// What a reader of a range that has rotted is told.
ReadStatus Store::Impl::rotten_range(LogData& log, const ColdRange& read, uint64_t waiter) {
    const IndexRange& range = read.range;
    Rotten* found = find_rotten(log, range.position, false);
    if (found == nullptr && !log.replicated) return ReadStatus::corrupt;
    if (found == nullptr) found = note_rotten(log, range);
    else if (found->range.size < range.size && found->step <= Rotten::Step::asked) found->range = range;   // it grew
    if (found != nullptr && found->own.size() < found->range.size) found->own = bytes_of(read);
    return await_repair(found, waiter);
}

ReadStatus Store::Impl::rotten_index(LogData& log, const FileRef& file, uint64_t waiter) {
    Rotten* found = find_rotten(log, file.start, true);
    if (found == nullptr) {
        found = note_rotten(log, {});
        if (found != nullptr) {
            found->index = true;
            found->file = file;
            found->step = Rotten::Step::reading;
            found->moved_at = now.now;
        }
    }
    return await_repair(found, waiter);
}

ReadStatus Store::Impl::await_repair(Rotten* found, uint64_t waiter) {
    if (found == nullptr || stopping) return ReadStatus::corrupt;
    if (found->step == Rotten::Step::lost) {
        if (now.now < found->again_at) return ReadStatus::corrupt;
        begin_again(*found);
    }
    if (waiter == 0) return ReadStatus::pending;
    if (found->waiters.size() >= waiters_max) return ReadStatus::busy;
    found->waiters.push_back(waiter);
    return ReadStatus::pending;
}

std::optional<RottenBatches> Store::Impl::poll_rotten() {
    const auto step = [](const std::unique_ptr<Rotten>& r) { return r->step; };
    if (std::ranges::count(rotten, Rotten::Step::asked, step) >= static_cast<ptrdiff_t>(asked_max)) return std::nullopt;
    const auto found = std::ranges::find_if(rotten, [](const auto& r) {
        return r->step == Rotten::Step::wanted && !r->stale && !r->log->removed;
    });
    if (found == rotten.end()) return std::nullopt;
    Rotten& wanted = **found;
    wanted.step = Rotten::Step::asked;
    RottenBatches batches{wanted.id, wanted.log->key(), Offset(wanted.range.base_offset), wanted.range.size};
    if (wanted.index) {
        batches.from = Offset(wanted.next_offset);
        batches.bytes = static_cast<uint32_t>(wanted.file.end() - std::min(wanted.next, wanted.file.end() - 1));
    }
    return batches;
}

Rotten* Store::Impl::asked_for(uint64_t id) const {
    const auto found = std::ranges::find(rotten, id, [](const auto& r) { return r->id; });
    if (found == rotten.end() || (*found)->stale || (*found)->step != Rotten::Step::asked) return nullptr;
    return found->get();
}

bool Store::Impl::repair(uint64_t id, std::span<const std::byte> batches) {
    Rotten* found = asked_for(id);
    if (found == nullptr) return false;
    repairs_at = now.now;
    if (!found->index) {
        if (is_cut(*found)) return repair_what_stays(*found, batches);
        const IndexRange& range = found->range;
        std::vector<std::byte> whole(batches.begin(), batches.end());
        // A replica that is behind lacks the newest of them. If what rotted is older, we have those ourselves.
        if (whole.size() < range.size && found->own.size() == range.size)
            whole.insert(whole.end(), found->own.begin() + static_cast<ptrdiff_t>(whole.size()), found->own.end());
        if (whole.size() != range.size || !are_batches(whole, range.base_offset)) return false;
        if (range.crc_known && crc32c(0, whole) != range.crc) return false;
        found->batches = std::move(whole);
        found->step = Rotten::Step::edging;
        return true;
    }
    BatchLooks batch;
    const bool fits = look_at(batches, batch) == Looked::whole && batch.base == found->next_offset;
    if (!fits) return false;
    const uint64_t at = found->next - align_down(found->range.position, io::block_size);
    if (found->bytes.size() < at + batch.size) found->bytes.resize(align_up(at + batch.size, io::block_size));
    std::memcpy(found->bytes.data() + at, batches.data(), batch.size);
    found->step = Rotten::Step::reading;
    found->moved_at = now.now;
    return true;
}

/// Whether a truncation ends in the range: no replica has what goes.
bool Store::Impl::is_cut(const Rotten& r) {
    if (r.log->cut_phase != CutPhase::settling) return false;
    IndexRange holds_cut;
    return locate(*r.log, r.log->cut_to - 1, 0, holds_cut) == ReadStatus::ready &&
           holds_cut.position == r.range.position;
}

/// Of batches from the start of a range on, those below the cut. They have the offsets and epochs of what was lost, and
/// so the same records: there is one leader for an epoch.
bool Store::Impl::repair_what_stays(Rotten& r, std::span<const std::byte> batches) {
    LogData& log = *r.log;
    const auto& segments = log.state.segments;
    const bool gaps = std::prev(std::ranges::upper_bound(segments, r.range.position, {}, &Segment::start))->compacted;
    BatchLooks batch;
    IndexRange kept{.base_offset = r.range.base_offset, .position = r.range.position};
    for (int64_t next = kept.base_offset; next < log.cut_to; next = batch.end) {
        if (look_at(batches.subspan(kept.size), batch) != Looked::whole) return false;
        if (batch.base < next || (batch.base > next && !gaps) || batch.epoch != epoch_of(log, next)) return false;
        if (batch.end > log.cut_to) break;
        if (kept.size + batch.size > r.range.size) return false;
        log.cut_kept_end = batch.end;
        kept.size += static_cast<uint32_t>(batch.size);
        kept.max_timestamp = std::max(kept.max_timestamp, batch.max_timestamp);
    }
    r.batches.assign(batches.begin(), batches.begin() + kept.size);
    kept.crc = crc32c(0, r.batches);
    r.range = log.cut_kept = kept;
    r.keeps_cut = true;
    r.step = Rotten::Step::edging;
    return true;
}

void Store::Impl::give_up(uint64_t id) {
    if (Rotten* found = asked_for(id)) lose(*found);
}

void Store::Impl::lose(Rotten& lost) {
    ++counters.not_repaired;
    lost.step = Rotten::Step::lost;
    let_tail_go(lost);
    lost.again_at = now.now + ask_again_ns;
    lost.bytes = {};
    lost.batches = {};
    lost.ranges.clear();
    lost.next_offset = any_offset;
    wake(lost.waiters);
}

void Store::Impl::begin_again(Rotten& r) {
    r.step = r.index ? Rotten::Step::reading : Rotten::Step::wanted;
    r.moved_at = repairs_at = now.now;
}

/// Steps may find more that has rotted.
void Store::Impl::run_repairs() {
    repairs_at = never;
    for (size_t i = 0; i < rotten.size();) {
        Rotten& r = *rotten[i];
        if (r.io > 0 || (!r.stale && !is_gone(r) && !repair_step(r))) {
            ++i;
            continue;
        }
        const auto over = std::ranges::find(rotten, &r, &std::unique_ptr<Rotten>::get);
        wake(r.waiters);
        i = static_cast<size_t>(over - rotten.begin());
        rotten.erase(over);
    }
}

/// Its log or its file is.
bool Store::Impl::is_gone(const Rotten& r) const {
    const LogState& state = r.log->state;
    if (r.log->removed || r.log->failed()) return true;
    const size_t file = state.file_of(r.index ? r.file.start : r.range.position);
    return file == state.files.size() || (r.index && state.files[file].file != r.file.file);
}

/// One that has nothing under way. True: it is over.
bool Store::Impl::repair_step(Rotten& r) {
    if (r.step == Rotten::Step::lost) {
        // Also when nobody asks: replicas come back, and this one may have to be asked for the same.
        if (stopping || !r.log->replicated) return false;
        if (now.now >= r.again_at) begin_again(r);
        else repairs_at = std::min(repairs_at, r.again_at);
        return false;
    }
    if (std::exchange(r.failed, false) || stopping) {
        lose(r);
        return false;
    }
    switch (r.step) {
        case Rotten::Step::wanted:
        case Rotten::Step::asked:
        case Rotten::Step::lost: return false;
        case Rotten::Step::reading: rebuild_index(r); return false;
        case Rotten::Step::edging: {
            const uint64_t to = rewritten_to(*r.log, r.range);
            const bool on_disk = r.range.size > 0 && (!r.bytes.empty() || to > r.range.position);
            if (!on_disk) break;
            if (!may_rewrite(r)) repairs_at = std::min(repairs_at, now.now + look_again_ns);
            else if (r.bytes.empty()) read_edges(r, to);
            else write_repaired(r);
            return false;
        }
        case Rotten::Step::writing: break;
    }
    if (!r.index && is_being_written(*r.log, r.range)) {   // from memory that is to be mended
        repairs_at = std::min(repairs_at, now.now + look_again_ns);
        return false;
    }
    ++counters.repaired;
    if (r.index) std::erase_if(indexes, [&](const auto& entry) { return entry.first == r.file.file; });
    else range_repaired(r);
    return true;
}

/// Where whole blocks end that are ours to write: from where it is flushed on, the log writes them itself, from memory.
/// Is nothing of it in memory, its last block is read back when something is appended, and written only later: nobody
/// does while quiet_under_way is set.
uint64_t Store::Impl::rewritten_to(const LogData& log, const IndexRange& range) const {
    const uint64_t to = align_up(range.position + range.size, io::block_size);
    return log.row.empty() ? to : std::min(to, align_down(log.state.flushed, io::block_size));
}

/// A cut begins when nothing of the log is under way. Of a log one range at a time: neighbours share a block, and each
/// would write the other's bytes as they were.
bool Store::Impl::may_rewrite(const Rotten& r) const {
    const LogData& log = *r.log;
    if (log.cutting() && log.cut_phase != CutPhase::settling) return false;
    const auto is_rewriting = [&](const auto& other) {
        return other.get() != &r && other->log == r.log && !other->index && !other->bytes.empty();
    };
    if (r.bytes.empty() && std::ranges::any_of(rotten, is_rewriting)) return false;
    const bool has_tail = rewritten_to(log, r.range) > align_down(log.state.flushed, io::block_size);
    return r.holds_tail || !has_tail || (log.writes.empty() && !log.quiet_under_way && !log.tail_loading);
}

void Store::Impl::read_edges(Rotten& r, uint64_t to) {
    const uint64_t from = align_down(r.range.position, io::block_size);
    r.bytes.assign(to - from, std::byte{0});
    r.holds_tail = to > align_down(r.log->state.flushed, io::block_size);
    if (r.holds_tail) r.log->quiet_under_way = true;
    start_repair_io(r, io::DiskOpKind::read, from, from + io::block_size);
    if (to - from > io::block_size) start_repair_io(r, io::DiskOpKind::read, to - io::block_size, to);
}

void Store::Impl::write_repaired(Rotten& r) {
    const uint64_t from = align_down(r.range.position, io::block_size);
    const uint64_t at = r.range.position - from;
    std::memcpy(r.bytes.data() + at, r.batches.data(), std::min<uint64_t>(r.batches.size(), r.bytes.size() - at));
    r.step = Rotten::Step::writing;
    start_repair_io(r, io::DiskOpKind::write_durable, from, from + r.bytes.size());
}

bool Store::Impl::is_being_written(const LogData& log, const IndexRange& range) const {
    const auto touches = [&](const WriteSpan& write) { return write.from < range.position + range.size; };
    return std::ranges::any_of(log.writes, touches);
}

/// What lies in memory may have come from the same blocks.
void Store::Impl::range_repaired(Rotten& r) {
    const uint64_t from = r.range.position, to = from + r.range.size;
    for (Block* block : r.log->row.all()) {
        const uint64_t a = std::max(from, block->position), b = std::min(to, block->end());
        if (a < b) std::memcpy(block->data + (a - block->position), r.batches.data() + (a - from), b - a);
    }
    r.stale = true;   // so that what follows passes it over
    forget_cold(*r.log, from, from + 1);
    r.log->cut_repaired |= r.keeps_cut && r.log->cut_phase == CutPhase::settling;
    if (r.log->cutting()) cuts_at = now.now;
}

/// Files hold positions in rows: an operation for each that [from, to) touches, whole blocks.
void Store::Impl::start_repair_io(Rotten& r, io::DiskOpKind op, uint64_t from, uint64_t to) {
    const LogState& state = r.log->state;
    const uint64_t first = align_down(r.range.position, io::block_size);
    if (r.io == 0) {
        r.ticket = next_ticket++;
        open_tickets.push_back(r.ticket);
    }
    while (from < to) {
        const size_t index = state.file_of(from);
        PENSTOCK_ASSERT(index < state.files.size());
        const FileRef& file = state.files[index];
        uint64_t end = std::min({to, file.end(), from + chunk_size});
        if (index + 1 < state.files.size()) end = std::min(end, state.files[index + 1].start);
        IoTask& task = make_task(TaskKind::repair, r.log);
        task.rotten = &r;
        task.fragments.push_back({r.bytes.data() + (from - first), static_cast<uint32_t>(end - from)});
        ++r.io;
        start(task, op, file.file, io::block_size + (from - file.start));
        from = end;
    }
}

void Store::Impl::repair_done(IoTask& task, bool ok) {
    Rotten& r = *task.rotten;
    PENSTOCK_ASSERT(r.io > 0);
    r.failed |= !ok;
    repairs_at = now.now;
    if (--r.io > 0) return;
    close_ticket(r.ticket);
    if (r.step == Rotten::Step::writing || r.failed || r.stale) let_tail_go(r);
}

void Store::Impl::let_tail_go(Rotten& r) {
    if (!std::exchange(r.holds_tail, false)) return;
    r.log->quiet_under_way = false;
    if (!r.log->removed) want_behind(*r.log);
}

/// The log holds other bytes in [from, to) now.
void Store::Impl::forget_rotten(const LogData& log, uint64_t from, uint64_t to) {
    for (const auto& r : rotten) {
        const uint64_t at = r->index ? r->file.start : r->range.position;
        if (r->log != &log || at < from || at >= to) continue;
        r->stale = true;
        if (r->io == 0) let_tail_go(*r);
        repairs_at = now.now;
    }
}

/// Reads on, or walks what was read.
void Store::Impl::rebuild_index(Rotten& r) {
    if (r.next_offset == any_offset && !find_index_start(r)) return;
    const auto holds_file = [](const auto& other) { return other->index && !other->bytes.empty(); };
    if (r.bytes.empty() && std::ranges::count_if(rotten, holds_file) >= static_cast<ptrdiff_t>(rebuilt_max)) return;
    if (walk_batches(r)) write_new_index(r);
}

/// Where the first batch that begins in the file does, and its offset. False: not yet, or it cannot be said.
bool Store::Impl::find_index_start(Rotten& r) {
    LogData& log = *r.log;
    const auto wait = [&] {
        if (now.now - r.moved_at > stall_ns) lose(r);
        else repairs_at = std::min(repairs_at, now.now + look_again_ns);
        return false;
    };
    const auto& files = log.state.files;
    const auto segment = std::prev(std::ranges::upper_bound(log.state.segments, r.file.start, {}, &Segment::start));
    size_t index = log.state.file_of(r.file.start);
    r.range = {.base_offset = segment->base_offset, .position = segment->start};
    while (files[index].start > segment->start) {
        std::span<const IndexRange> before;
        const ReadStatus status = ranges_of(log, files[--index], 0, before);
        if (status == ReadStatus::pending || status == ReadStatus::busy) return wait();
        if (status != ReadStatus::ready) {
            lose(r);
            return false;
        }
        if (before.empty()) continue;   // all of it is one batch that began earlier
        const IndexRange last = before.back();
        ColdRange* bytes = nullptr;
        const ReadStatus read = cold_range(log, last, 0, bytes);
        if (read == ReadStatus::pending || read == ReadStatus::busy) return wait();
        IndexRange kept = last;
        int64_t end = 0;
        if (read != ReadStatus::ready || !whole_below(*bytes, INT64_MAX, kept, end)) {
            lose(r);
            return false;
        }
        r.range = {.base_offset = end, .position = last.position + last.size};
        break;
    }
    r.next_offset = r.range.base_offset;
    r.next = r.range.position;
    r.ranges.clear();
    r.bytes.clear();
    return true;
}

/// True: all batches that begin in the file are in the ranges. Else it waits for more bytes, a replica, or is lost.
bool Store::Impl::walk_batches(Rotten& r) {
    const LogState& state = r.log->state;
    const auto next_segment = std::ranges::upper_bound(state.segments, r.file.start, {}, &Segment::start);
    const Segment& segment = *std::prev(next_segment);
    const uint64_t end = next_segment == state.segments.end() ? state.flushed : segment.end;
    const uint64_t first = align_down(r.range.position, io::block_size);
    while (r.next < std::min(r.file.end(), end)) {
        const uint64_t at = r.next - first;
        BatchLooks batch;
        const auto there = std::span<const std::byte>(r.bytes).subspan(std::min<uint64_t>(at, r.bytes.size()));
        Looked looked = look_at(there.first(std::min<uint64_t>(there.size(), end - r.next)), batch);
        const uint64_t read_to = first + r.bytes.size();
        if (looked == Looked::longer && read_to < align_up(end, io::block_size)) {
            const uint64_t wanted = std::max(read_to, r.next) + std::max(batch.size, read_step);
            const uint64_t to = align_up(std::min(end, wanted), io::block_size);
            r.bytes.resize(to - first);
            start_repair_io(r, io::DiskOpKind::read, read_to, to);
            return false;
        }
        const bool follows = segment.compacted ? batch.base >= r.next_offset : batch.base == r.next_offset;
        if (looked != Looked::whole || !follows) {
            // Of a compacted one nobody knows what offset comes next.
            if (r.log->replicated && !segment.compacted) r.step = Rotten::Step::wanted;
            else lose(r);
            return false;
        }
        if (r.ranges.empty() || r.ranges.back().size >= range_bytes_min)
            r.ranges.push_back({.base_offset = batch.base, .position = r.next});
        IndexRange& range = r.ranges.back();
        range.size += static_cast<uint32_t>(batch.size);
        range.crc = crc32c(range.crc, there.first(batch.size));
        range.max_timestamp = std::max(range.max_timestamp, batch.max_timestamp);
        r.next += batch.size;
        r.next_offset = batch.end;
    }
    return true;
}

void Store::Impl::write_new_index(Rotten& r) {
    const FileGeometry shape = geometry(r.file.file.kind);
    if (!index_takes(r.ranges.size(), shape.index_bytes)) fit_index(r.ranges, shape.index_bytes);
    r.bytes.assign(shape.index_bytes, std::byte{0});
    write_index(r.bytes, r.log->state.id, r.file.start, r.ranges);
    r.step = Rotten::Step::writing;
    r.ticket = next_ticket++;
    open_tickets.push_back(r.ticket);
    IoTask& task = make_task(TaskKind::repair, r.log);
    task.rotten = &r;
    task.fragments.push_back({r.bytes.data(), static_cast<uint32_t>(r.bytes.size())});
    ++r.io;
    start(task, io::DiskOpKind::write_durable, r.file.file, shape.index_offset());
}

}  // namespace penstock::log
