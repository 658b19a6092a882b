// A batch into memory: reserve everything first, then copy, stamp and stage. Nothing here can fail half way.
#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint32_t chunk_worth = 16 * kib;   // appends this large, or as much owed, get 64 KiB blocks
constexpr int64_t fast_fill_ms = 10'000;     // a file filled sooner makes the next one larger
constexpr int64_t slow_fill_ms = 120'000;

}  // namespace

/// What an append will take. Nothing of the log changes until all of it is at hand.
struct Store::Impl::Plan {
    bool roll = false;
    uint64_t start = 0;            ///< position of the batch
    uint64_t size = 0;
    uint64_t covered = 0;          ///< files before the new ones
    uint64_t file_end = 0;         ///< end of the file that holds `start`
    size_t next_block = 0;         ///< of plan_blocks
};

Result<Offset> Store::Impl::append(LogData& log, BatchToAppend& batch, Time time) {
    Plan plan;
    if (auto planned = plan_append(log, batch, time, plan); !planned) return std::unexpected(planned.error());
    store_be<int64_t>(batch.header, log.end_offset_.value);
    store_be<int32_t>(batch.header + 12, log.leader_epoch_.value);
    return append_planned(log, batch, time, plan);
}

/// What append() does, but for the stamps.
Result<Offset> Store::Impl::append_replica(LogData& log, BatchToAppend& batch, Time time) {
    if (poisoned || log.failed()) return fail(Errc::failed);
    if (log.cutting()) return fail(Errc::not_ready);  // where it ends is not known yet
    const auto base = load_be<int64_t>(batch.header);
    const auto epoch = load_be<int32_t>(batch.header + 12);
    PENSTOCK_ASSERT(batch.last_offset_delta >= 0);
    const bool fits = base >= log.end_offset_.value && base < INT64_MAX - batch.last_offset_delta;
    if (!fits || epoch < log.leader_epoch_.value) return fail(Errc::refused);
    Plan plan;
    if (auto planned = plan_append(log, batch, time, plan); !planned) return std::unexpected(planned.error());
    if (base > log.end_offset_.value) {
        Entry& skip = log.stage(EntryType::skip);
        skip.offset = log.end_offset_.value;
        skip.offset_to = base;
        log.set_end(base);
    }
    if (epoch > log.leader_epoch_.value) stage_epoch(log, epoch);
    return append_planned(log, batch, time, plan);
}

Result<void> Store::Impl::plan_append(LogData& log, const BatchToAppend& batch, Time time, Plan& plan) {
    if (poisoned || log.failed()) return fail(Errc::failed);
    if (stopping) return fail(Errc::would_block);
    uint64_t size = batch_header_size + total_size(batch.body);
    PENSTOCK_ASSERT(batch.last_offset_delta >= 0);
    if (size > slab.bytes_total() / 4) return fail(Errc::too_large);

    plan_files.clear();
    plan_blocks.clear();
    Block* last = log.row.empty() ? nullptr : log.row.back();
    if (last != nullptr) ++last->pins;  // making room must not take the block that the batch continues
    auto planned = plan_parts(log, size, time, plan);
    if (last != nullptr) --last->pins;
    if (planned) return {};
    abandon_plan();
    ++counters.append_refusals;
    commit_now |= !staged.empty();  // what it waits for may be what waits for more
    return planned;
}

Offset Store::Impl::append_planned(LogData& log, BatchToAppend& batch, Time time, Plan& plan) {
    const uint64_t size = plan.size;
    int64_t base = log.end_offset_.value;
    if (plan.roll) stage_roll(log, time.wall_ms);
    stage_files(log, plan, base + batch.last_offset_delta + 1, time.wall_ms);

    bool starts_range =
        log.open_size == 0 || log.open_size >= range_bytes_min || plan.start >= log.open_file_end;
    Entry* entry = log.last_staged();
    if (entry == nullptr || entry->type != EntryType::append) {
        entry = &log.stage(EntryType::append);
        entry->offset = base;
        entry->position = plan.start;
    }
    if (starts_range || entry->pieces.empty()) {
        Piece& piece = entry->pieces.emplace_back();
        piece.base_offset = base;
        piece.starts_range = starts_range;
        piece.range_crc = starts_range ? 0 : log.open_crc;
    }
    if (starts_range) {
        log.open_size = 0;
        log.open_file_end = plan.file_end;
    }
    Piece& piece = entry->pieces.back();
    copy_batch(log, batch, plan, piece);
    PENSTOCK_ASSERT(plan.next_block == plan_blocks.size());

    piece.max_timestamp = std::max(piece.max_timestamp, batch.max_timestamp);
    log.open_size += static_cast<uint32_t>(size);
    log.open_crc = piece.range_crc;
    log.end = plan.start + size;
    log.set_end(base + batch.last_offset_delta + 1);
    if (batch.producer.producer_id >= 0) {
        batch.producer.base_offset = base;
        batch.producer.last_offset_delta = batch.last_offset_delta;
        log.producers.record(batch.producer);
        entry->producers.push_back(batch.producer);  // in the entry of its bytes: they come back together or not at all
    }
    entry->offset_to = log.end_offset_.value;
    entry->position_to = log.end;
    dirty_bytes += size;
    if (log.config.memory) list_patient(log, size);
    else list_staged(log);
    pool->note_load(time.now);
    ++counters.appends;
    counters.append_bytes += size;
    return Offset(base);
}

Result<void> Store::Impl::plan_parts(LogData& log, uint64_t size, Time time, Plan& plan) {
    if (log.cutting()) return fail(Errc::not_ready);
    if (!ring_has_room(log)) return fail(checkpoint.no_space ? Errc::disk_full : Errc::would_block);
    if (dirty_bytes + size > slab.bytes_total() / 4 * 3) {
        memory_wanted = true;
        return fail(Errc::would_block);
    }
    if (log.end % io::block_size != 0 && log.row.empty()) {
        load_tail(log);
        return fail(Errc::not_ready);
    }
    if (log.tail_loading) return fail(Errc::not_ready);

    bool empty_segment = log.end_offset_.value == log.segment_base;
    bool full = log.end - log.segment_start + size > log.config.segment_bytes;
    bool old = log.config.segment_ms > 0 && time.wall_ms - log.segment_created_ms >= log.config.segment_ms;
    plan.roll = !empty_segment && (full || old);
    plan.size = size;
    plan.start = plan.roll ? align_up(log.end, io::block_size) : log.end;
    plan.covered = plan.roll ? plan.start : log.covered;

    uint64_t covered = plan.covered;
    plan.file_end = covered;
    uint8_t file_class = log.file_class;
    int64_t took_ms = time.wall_ms - log.attached_ms;
    bool filled = log.attached_ms != 0;
    if (filled && took_ms < fast_fill_ms && file_class + 1 < file_class_count) ++file_class;
    if (filled && took_ms > slow_fill_ms && file_class > 0) --file_class;
    if (!filled) file_class = 0;
    uint64_t segment_end = (plan.roll ? plan.start : log.segment_start) + log.config.segment_bytes;
    while (covered < plan.start + size) {
        // No larger than what the segment may still need: the rest of its last file is lost to it.
        uint64_t need = std::max(segment_end, plan.start + size) - covered;
        while (file_class > 0 && geometry(kind_of_class(file_class - 1)).data_bytes() >= need) --file_class;
        auto file = pool->take(file_class);
        if (!file) return fail(pool->disk_full() ? Errc::disk_full : Errc::not_ready);
        plan_files.push_back(*file);
        uint64_t end = covered + geometry(file->kind).data_bytes();
        if (plan.start >= covered && plan.start < end) plan.file_end = end;
        covered = end;
        if (file_class + 1 < file_class_count) ++file_class;
    }

    return plan_memory(log, size, plan);
}

/// What the last block cannot take, in blocks that end where their file ends.
Result<void> Store::Impl::plan_memory(LogData& log, uint64_t size, Plan& plan) {
    bool reuse = !plan.roll && !log.row.empty();
    uint64_t at = plan.start;
    if (reuse) {
        Block* last = log.row.back();
        at = std::max(at, std::min(last->position + last->capacity, log.row_end));
    }
    uint64_t to = plan.start + size;
    uint64_t file_end = plan.file_end;
    size_t next_file = 0;
    uint64_t files_at = plan.covered;
    while (at < to) {
        while (at >= file_end) {
            PENSTOCK_ASSERT(next_file < plan_files.size());
            files_at += geometry(plan_files[next_file++].kind).data_bytes();
            file_end = files_at;
        }
        uint64_t room = std::min(to, file_end) - at;
        bool chunk = (room >= chunk_worth || log.end - log.written >= chunk_worth) && file_end - at >= chunk_size;
        Block* block = take_block(chunk ? chunk_size : page_size);
        if (block == nullptr) {
            memory_wanted = true;
            return fail(Errc::would_block);
        }
        block->position = at;
        plan_blocks.push_back(block);
        at += block->capacity;
    }
    return {};
}

void Store::Impl::abandon_plan() {
    for (io::FileId file : plan_files) pool->give(file);
    for (Block* block : plan_blocks) slab.give(block);
}

void Store::Impl::stage_files(LogData& log, const Plan& plan, int64_t next_offset, int64_t wall_ms) {
    log.covered = plan.covered;
    for (io::FileId file : plan_files) {
        Entry& attach = log.stage(EntryType::attach);
        attach.file = file;
        attach.position = log.covered;
        attach.offset = log.covered == plan.start ? log.end_offset_.value : next_offset;
        log.covered += geometry(file.kind).data_bytes();
        log.attached_ms = wall_ms;
        log.file_class = class_of_kind(file.kind);
    }
}

/// Ends the active segment: the next batch goes to a new one, in a file of its own.
void Store::Impl::stage_roll(LogData& log, int64_t wall_ms) {
    uint64_t start = align_up(log.end, io::block_size);
    Entry& roll = log.stage(EntryType::roll);
    roll.offset = log.end_offset_.value;
    roll.position = start;
    roll.wall_ms = wall_ms;
    if (!log.row.empty() && start > log.end) {
        // The old segment's last block is complete now: what is behind its data is zero and never data.
        Block* last = log.row.back();
        PENSTOCK_ASSERT(last->end() == log.end);
        auto padding = static_cast<uint32_t>(start - log.end);
        std::memset(last->data + last->filled, 0, padding);
        last->filled += padding;
    }
    dirty_bytes += start - log.end;
    log.end = start;
    log.covered = start;
    log.segment_start = start;
    log.segment_base = log.end_offset_.value;
    log.segment_created_ms = wall_ms;
    log.open_size = 0;
    log.row_end = 0;
    list_staged(log);
}

/// The block that takes the byte at `position`: the last one, or the next planned one.
Block* Store::Impl::tail_block(LogData& log, Plan& plan, uint64_t position) {
    if (!log.row.empty()) {
        Block* last = log.row.back();
        if (position < std::min(last->position + last->capacity, log.row_end)) return last;
    }
    PENSTOCK_ASSERT(plan.next_block < plan_blocks.size());
    Block* block = plan_blocks[plan.next_block++];
    PENSTOCK_ASSERT(block->position == position);
    link_tail(log, block);
    return block;
}

void Store::Impl::link_tail(LogData& log, Block* block) {
    block->log = &log;
    block->older = newest_tail;
    if (newest_tail != nullptr) newest_tail->newer = block;
    newest_tail = block;
    if (oldest_tail == nullptr) oldest_tail = block;
    log.row.push_back(block);
    log.row_end = block->position + block->capacity;
}

void Store::Impl::copy_batch(LogData& log, BatchToAppend& batch, Plan& plan, Piece& piece) {
    uint64_t at = plan.start;
    bool same_crc = piece.crc == piece.range_crc;
    auto put = [&](std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            Block* block = tail_block(log, plan, at);
            auto used = static_cast<uint32_t>(at - block->position);
            if (at == plan.start && block->first_offset < 0) {
                block->first_offset = log.end_offset_.value;
                block->first_at = used;
            }
            size_t n = std::min<size_t>(bytes.size(), block->capacity - used);
            std::memcpy(block->data + used, bytes.data(), n);
            std::span<const std::byte> copied{block->data + used, n};
            piece.crc = crc32c(piece.crc, copied);
            piece.range_crc = same_crc ? piece.crc : crc32c(piece.range_crc, copied);
            block->filled = used + static_cast<uint32_t>(n);
            at += n;
            bytes = bytes.subspan(n);
        }
    };
    put(batch.header);
    for (const Fragment& fragment : batch.body) put(fragment.span());
    piece.size += static_cast<uint32_t>(plan.size);
}

/// The log's last block is not in memory: read it back before the next append. That journals it again, so what it holds
/// is verified first, and where replicas have it repaired.
void Store::Impl::load_tail(LogData& log) {
    if (log.tail_loading) return;
    PENSTOCK_ASSERT(log.state.end == log.end);
    uint64_t from = align_down(log.end, io::block_size);
    const auto& ranges = log.state.ranges;
    for (auto range = ranges.rbegin(); range != ranges.rend() && range->position + range->size > from; ++range) {
        ColdRange* found = nullptr;
        const ReadStatus status = cold_range(log, *range, 0, found);
        memory_wanted |= status == ReadStatus::busy;
        if (status == ReadStatus::pending || status == ReadStatus::busy) return;
    }
    size_t file = log.state.file_of(from);
    PENSTOCK_ASSERT(file < log.state.files.size());
    Block* block = take_block(page_size);
    if (block == nullptr) {
        memory_wanted = true;
        return;
    }
    block->position = from;
    log.tail_loading = true;
    IoTask& task = make_task(TaskKind::tail, &log);
    task.tail = block;
    task.fragments.push_back({block->data, block->capacity});
    const FileRef& ref = log.state.files[file];
    start(task, io::DiskOpKind::read, ref.file, io::block_size + (from - ref.start));
}

void Store::Impl::tail_done(IoTask& task, bool ok) {
    LogData& log = *task.log;
    Block* block = task.tail;
    log.tail_loading = false;
    if (!ok || log.removed || log.failed() || !log.row.empty()) {
        slab.give(block);
        if (!ok) fail_log(log);
        return;
    }
    block->filled = static_cast<uint32_t>(log.end - block->position);
    link_tail(log, block);
}

}  // namespace penstock::log
