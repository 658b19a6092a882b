// Ranges and indexes from disk: fetched once for all who wait, verified whole against their checksum, read ahead, and
// kept until memory is wanted elsewhere.
#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint32_t cold_max = 32;           // reads under way
constexpr uint32_t ahead_max = 8;           // of which read ahead may have caused
constexpr uint32_t ahead_ranges = 4;
constexpr size_t waiters_max = 4096;        // of one range
constexpr size_t indexes_max = 1024;
constexpr uint32_t small_range = 16 * kib;  // below, pages waste less than chunks

}  // namespace

ReadStatus Store::Impl::cold_range(LogData& log, const IndexRange& range, uint64_t waiter, ColdRange*& found) {
    auto key = std::make_pair(static_cast<const LogData*>(&log), range.position);
    auto it = cold.find(key);
    if (it != cold.end() && it->second->state != ColdRange::State::loading &&
        (it->second->range.size < range.size || it->second->state == ColdRange::State::failed)) {
        ReadStatus status = ReadStatus::failed;
        bool failed = it->second->state == ColdRange::State::failed;
        free_cold(*it->second);
        if (failed) return status;
        it = cold.end();
    }
    if (it == cold.end()) {
        if (cold_under_way >= cold_max) return ReadStatus::busy;
        auto made = std::make_unique<ColdRange>();
        made->log = &log;
        made->range = range;
        if (!load_cold(*made)) return ReadStatus::busy;
        it = cold.find(key);
    }
    ColdRange& entry = *it->second;
    entry.used = true;
    switch (entry.state) {
        case ColdRange::State::loading:
            if (waiter == 0) return ReadStatus::pending;
            if (entry.waiters.size() >= waiters_max) return ReadStatus::busy;
            entry.waiters.push_back(waiter);
            return ReadStatus::pending;
        case ColdRange::State::ready: found = &entry; return ReadStatus::ready;
        case ColdRange::State::corrupt: return rotten_range(log, entry, waiter);
        case ColdRange::State::failed: return ReadStatus::failed;
    }
    return ReadStatus::failed;
}

/// Takes memory, copies what the tail still has, and asks the disk for the rest. False when there is no memory.
bool Store::Impl::load_cold(ColdRange& made) {
    uint64_t from = align_down(made.range.position, io::block_size);
    uint64_t to = align_up(made.range.position + made.range.size, io::block_size);
    uint32_t capacity = to - from <= small_range ? page_size : chunk_size;
    made.from = from;
    for (uint64_t at = from; at < to; at += capacity) {
        Block* block = take_block(capacity);
        if (block == nullptr) {
            for (Block* taken : made.blocks) slab.give(taken);
            return false;
        }
        block->position = at;
        block->filled = static_cast<uint32_t>(std::min<uint64_t>(capacity, to - at));
        made.blocks.push_back(block);
    }
    LogData& log = *made.log;
    auto owner = std::make_unique<ColdRange>(std::move(made));
    ColdRange& range = *owner;
    cold.emplace(std::make_pair(static_cast<const LogData*>(&log), range.range.position), std::move(owner));
    cold_order.push_back(&range);
    for (const Block* block : range.blocks) cold_bytes += block->capacity;

    // What the row still holds is copied; it may not be on disk yet.
    uint64_t disk_to = to;
    if (!log.row.empty()) {
        disk_to = std::clamp(log.row.front()->position, from, to);
        for (const Block* hot : log.row.all()) {
            for (Block* block : range.blocks) {
                uint64_t a = std::max(hot->position, block->position);
                uint64_t b = std::min(hot->end(), block->end());
                if (a < b) std::memcpy(block->data + (a - block->position), hot->data + (a - hot->position), b - a);
            }
        }
    }
    range.ticket = next_ticket++;
    open_tickets.push_back(range.ticket);
    ++cold_under_way;
    ++counters.cache_misses;
    for (uint64_t at = from; at < disk_to;) {
        size_t index = log.state.file_of(at);
        PENSTOCK_ASSERT(index < log.state.files.size());
        uint64_t end = std::min(disk_to, log.state.files[index].end());
        if (index + 1 < log.state.files.size()) end = std::min(end, log.state.files[index + 1].start);
        load_piece(range, at, end);
        at = end;
    }
    if (range.io == 0) finish_cold(range);
    return true;
}

void Store::Impl::load_piece(ColdRange& range, uint64_t from, uint64_t to) {
    const FileRef& file = range.log->state.files[range.log->state.file_of(from)];
    while (from < to) {
        IoTask& task = make_task(TaskKind::cold, range.log);
        task.cold = &range;
        uint64_t offset = io::block_size + (from - file.start);
        for (Block* block : range.blocks) {
            if (block->end() <= from || from >= to) continue;
            if (task.fragments.size() == io::max_fragments) break;
            uint64_t end = std::min(to, block->end());
            task.fragments.push_back({block->data + (from - block->position), static_cast<uint32_t>(end - from)});
            from = end;
        }
        ++range.io;
        start(task, io::DiskOpKind::read, file.file, offset);
    }
}

void Store::Impl::cold_done(IoTask& task, bool ok) {
    ColdRange& range = *task.cold;
    PENSTOCK_ASSERT(range.io > 0);
    --range.io;
    if (!ok) range.state = ColdRange::State::failed;
    if (range.io > 0) return;
    finish_cold(range);
    if (range.stale) free_cold(range);
}

void Store::Impl::finish_cold(ColdRange& range) {
    close_ticket(range.ticket);
    --cold_under_way;
    counters.read_bytes += range.range.size;
    if (range.state == ColdRange::State::loading) {
        const IndexRange& in = range.range;
        bool good = in.crc_known ? crc_of(range, in.position + in.size) == in.crc : are_whole(range);
        if (!good) ++counters.corrupt_ranges;
        range.state = good ? ColdRange::State::ready : ColdRange::State::corrupt;
    }
    wake(range.waiters);
    if (compaction.log == range.log) compaction.wake_at = now.now;
}

/// Its bytes below position `to`, block by block.
std::vector<std::span<const std::byte>> Store::Impl::pieces_of(const ColdRange& range, uint64_t to) const {
    std::vector<std::span<const std::byte>> pieces;
    uint64_t at = range.range.position;
    for (const Block* block : range.blocks) {
        const uint64_t end = std::min(to, block->end());
        if (end <= at) continue;
        pieces.emplace_back(block->data + (at - block->position), end - at);
        at = end;
    }
    return pieces;
}

/// Of its bytes below position `to`.
uint32_t Store::Impl::crc_of(const ColdRange& range, uint64_t to) const {
    uint32_t crc = 0;
    for (const std::span<const std::byte> piece : pieces_of(range, to)) crc = crc32c(crc, piece);
    return crc;
}

void Store::Impl::wake(std::vector<uint64_t>& waiters) {
    woken.insert(woken.end(), waiters.begin(), waiters.end());
    waiters.clear();
}

void Store::Impl::close_ticket(uint64_t ticket) {
    std::erase(open_tickets, ticket);
}

void Store::Impl::free_cold(ColdRange& range) {
    PENSTOCK_ASSERT(range.io == 0);
    for (Block* block : range.blocks) {
        cold_bytes -= block->capacity;
        let_go(*block);
    }
    if (range.stale) {
        std::erase_if(stale_cold, [&](const auto& stale) { return stale.get() == &range; });
        return;
    }
    std::erase(cold_order, &range);
    cold.erase({range.log, range.range.position});
}

/// The log holds other bytes in [from, to) now: nobody may be given what was read of them before, or is being read.
void Store::Impl::forget_cold(const LogData& log, uint64_t from, uint64_t to) {
    forget_rotten(log, from, to);
    auto it = cold.lower_bound({&log, from});
    while (it != cold.end() && it->first.first == &log && it->first.second < to) {
        ColdRange& range = *it->second;
        if (range.state != ColdRange::State::loading) {
            ++it;
            wake(range.waiters);
            free_cold(range);
            continue;
        }
        range.stale = true;
        std::erase(cold_order, &range);
        stale_cold.push_back(std::move(it->second));
        it = cold.erase(it);
    }
    std::erase_if(indexes, [&](auto& entry) {
        ColdIndex& index = *entry.second;
        if (index.log != &log || index.file.start < from || index.file.start >= to) return false;
        index.stale = true;
        return index.state != ColdIndex::State::loading;
    });
}

/// Forgets what was read of a log that is being removed. Only when nothing of it is under way.
void Store::Impl::drop_cold(LogData& log) {
    auto it = cold.lower_bound({&log, 0});
    while (it != cold.end() && it->first.first == &log) {
        ColdRange& range = *it->second;
        ++it;
        wake(range.waiters);
        free_cold(range);
    }
    std::erase_if(indexes, [&](const auto& entry) { return entry.second->log == &log; });
}

/// Readers go forward: fetch the ranges behind this one before they are asked for, when the disk has room.
void Store::Impl::read_ahead(LogData& log, const IndexRange& range) {
    if (cold_under_way >= ahead_max) return;
    uint64_t hot = log.row.empty() ? log.durable_end : log.row.front()->position;
    size_t file = log.state.file_of(range.position);
    if (file == log.state.files.size()) return;
    std::span<const IndexRange> ranges;
    if (ranges_of(log, log.state.files[file], 0, ranges) != ReadStatus::ready) return;
    auto next = std::ranges::upper_bound(ranges, range.position, {}, &IndexRange::position);
    for (uint32_t i = 0; i < ahead_ranges && next != ranges.end(); ++i, ++next) {
        if (next->position + next->size > hot || cold_under_way >= ahead_max) return;
        ColdRange* ignored = nullptr;
        if (cold_range(log, *next, 0, ignored) == ReadStatus::busy) return;
    }
    // The next file's index too, so that its first reader does not wait twice.
    if (next == ranges.end() && file + 1 < log.state.files.size() && log.state.files[file + 1].indexed) {
        ColdIndex* ignored = nullptr;
        cold_index(log, log.state.files[file + 1], 0, ignored);
    }
}

ReadStatus Store::Impl::cold_index(LogData& log, const FileRef& file, uint64_t waiter, ColdIndex*& found) {
    auto it = indexes.find(file.file);
    if (it != indexes.end() &&
        (it->second->stale || it->second->log != &log || it->second->file.start != file.start)) {
        if (it->second->state == ColdIndex::State::loading) return ReadStatus::busy;
        indexes.erase(it);  // of an earlier life of the file
        it = indexes.end();
    }
    if (it == indexes.end()) {
        if (cold_under_way >= cold_max) return ReadStatus::busy;
        if (indexes.size() >= indexes_max) {
            auto victim = std::ranges::find_if(
                indexes, [](const auto& e) { return e.second->state != ColdIndex::State::loading; });
            if (victim == indexes.end()) return ReadStatus::busy;
            indexes.erase(victim);
        }
        FileGeometry shape = geometry(file.file.kind);
        it = indexes.emplace(file.file, std::make_unique<ColdIndex>()).first;
        ColdIndex& index = *it->second;
        index.log = &log;
        index.file = file;
        index.ticket = next_ticket++;
        open_tickets.push_back(index.ticket);
        ++cold_under_way;
        IoTask& task = make_task(TaskKind::cold_index, &log);
        task.cold_index = &index;
        task.buffer.resize(shape.index_bytes);
        task.fragments.push_back({task.buffer.data(), static_cast<uint32_t>(shape.index_bytes)});
        start(task, io::DiskOpKind::read, file.file, shape.index_offset());
    }
    ColdIndex& index = *it->second;
    switch (index.state) {
        case ColdIndex::State::loading:
            if (waiter == 0) return ReadStatus::pending;
            if (index.waiters.size() >= waiters_max) return ReadStatus::busy;
            index.waiters.push_back(waiter);
            return ReadStatus::pending;
        case ColdIndex::State::ready: found = &index; return ReadStatus::ready;
        case ColdIndex::State::corrupt: return rotten_index(log, file, waiter);
        case ColdIndex::State::failed:
            indexes.erase(it);
            return ReadStatus::failed;
    }
    return ReadStatus::failed;
}

void Store::Impl::cold_index_done(IoTask& task, bool ok) {
    ColdIndex& index = *task.cold_index;
    close_ticket(index.ticket);
    --cold_under_way;
    if (!ok) {
        index.state = ColdIndex::State::failed;
    } else if (read_index(task.buffer, index.log->state.id, index.file.start, index.ranges)) {
        index.state = ColdIndex::State::ready;
    } else {
        ++counters.corrupt_ranges;
        index.state = ColdIndex::State::corrupt;
    }
    wake(index.waiters);
    if (compaction.log == index.log) compaction.wake_at = now.now;
    if (index.stale) indexes.erase(index.file.file);
}

}  // namespace penstock::log
