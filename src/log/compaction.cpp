// Compaction: of each key the last record stays, so that a log holds a table. compaction.h says in which steps.
//
// What keeps records from being lost: nothing is judged at or above mapped_to, nor in the active segment, nor what is
// not durable in its segment's files; whatever cannot be read whole ends the pass; a batch that cannot be walked stays
// as it is. What keeps dropped ones from coming back: a tombstone goes only when it has been clean for
// delete.retention.ms, and clean means that a pass that dropped everything older has ended.
//
// The last batch of a run stays even without records, so that readers find their way to the end of the log.
#include <algorithm>

#include "base/bytes.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr int64_t slice_interval_ns = 10 * millisecond_ns;
constexpr uint32_t logs_per_slice = 256;
constexpr int64_t failed_retry_ns = 30 * second_ns;          // a log whose pass failed
constexpr int64_t incomplete_retry_ns = 3600 * second_ns;
constexpr int64_t wait_ns = millisecond_ns;           // for memory or a file
constexpr uint64_t idle_hurry = 8;                    // times the rate, while no records come or go
constexpr int64_t stall_ns = 10 * second_ns;          // then whoever waits gives back what it holds
constexpr uint64_t step_bytes = 32 * kib;             // of records in a turn, so that no request waits long for it
constexpr uint64_t record_worth = 64;                 // what the smallest record counts for: its key is looked up
constexpr uint64_t byte_passes = 8;                   // passes over bytes that cost as much as judging records of them
constexpr uint64_t pending_bytes_max = mib;
constexpr uint32_t writes_max = 4;

int64_t base_offset_of(std::span<const std::byte> batch) { return load_be<int64_t>(batch.data()); }
int64_t last_offset_of(std::span<const std::byte> batch) {
    return base_offset_of(batch) + load_be<int32_t>(batch.data() + 23);
}
int64_t max_timestamp_of(std::span<const std::byte> batch) { return load_be<int64_t>(batch.data() + 35); }

}  // namespace

void Store::Impl::run_compaction(Time time) {
    Compaction& c = compaction;
    if (c.phase == Compaction::Phase::idle) {
        if (time.now >= c.wake_at && !stopping) choose_compaction(time);
        return;
    }
    const bool gone = c.log != nullptr && (c.log->failed() || c.log->state.segments.front().start > c.run_from);
    if (stopping || gone || c.write_failed || time.now - c.moved_at > stall_ns) abandon_compaction();
    if (c.phase == Compaction::Phase::abandoned) {
        if (c.writes == 0) end_pass();
        return;
    }
    if (time.now < c.due()) return;
    c.wake_at = time.now;
    c.budget_used = 0;
    switch (c.phase) {
        case Compaction::Phase::mapping: map_keys(); break;
        case Compaction::Phase::copying: copy_run(); break;
        case Compaction::Phase::writing: write_run(); break;
        case Compaction::Phase::replacing:
            if (c.run_replaced) begin_run();
            else c.wake_at = time.now + stall_ns;
            break;
        default: break;
    }
    if (c.budget_used == 0) return;
    const uint64_t hurry = pool->loaded(time.now) ? 1 : idle_hurry;
    const uint64_t rate = std::max<uint64_t>(1, options.compaction_bytes_per_s) * hurry;
    c.paced_until = time.now + static_cast<int64_t>(c.budget_used * uint64_t{second_ns} / rate);
    c.moved_at = c.paced_until;
}

/// Looks through the logs for one that is dirty enough.
void Store::Impl::choose_compaction(Time time) {
    Compaction& c = compaction;
    auto it = logs.upper_bound(c.cursor);
    for (uint32_t n = 0; n < logs_per_slice && it != logs.end(); ++n, ++it) {
        LogData& log = *it->second;
        c.cursor = it->first;
        if (!log.config.compact || log.failed() || log.cutting()) continue;
        roll_for_compaction(log, time.wall_ms);
        if (time.now >= log.compact_at && begin_pass(log, time)) return;
    }
    const bool all = it == logs.end();
    if (all) c.cursor = {};
    c.wake_at = time.now + (all ? options.compaction_interval_ns : slice_interval_ns);
}

/// The active segment is not compacted: one that nothing more comes to must not stay active for ever.
void Store::Impl::roll_for_compaction(LogData& log, int64_t wall_ms) {
    const Segment& active = log.state.segments.back();
    const int64_t age_max = std::min(log.config.segment_ms, log.config.max_compaction_lag_ms);
    const bool quiet = log.staged_count == 0 && log.durable_end == log.state.end;
    const bool has_data = log.state.end_offset > active.base_offset;
    if (quiet && has_data && age_max > 0 && wall_ms - active.created_ms >= age_max) stage_roll(log, wall_ms);
}

/// Position behind the last segment that may be compacted now: all up to there is closed, durable in its files, with
/// its index, and old enough.
uint64_t Store::Impl::cleanable_end(const LogData& log, int64_t wall_ms) {
    const auto& segments = log.state.segments;
    auto unindexed = std::ranges::find(log.state.files, false, &FileRef::indexed);
    const uint64_t indexed_to = unindexed == log.state.files.end() ? log.state.end : unindexed->start;
    size_t count = 0;
    for (; count + 1 < segments.size(); ++count) {
        const Segment& next = segments[count + 1];
        if (next.base_offset > log.removable() || next.start > log.state.flushed) break;
        if (next.start > indexed_to) break;
        const int64_t lag = log.config.min_compaction_lag_ms;
        if (lag > 0 && segments[count].max_timestamp > wall_ms - lag) break;
    }
    return segments[count].start;
}

bool Store::Impl::begin_pass(LogData& log, Time time) {
    Compaction& c = compaction;
    const auto& segments = log.state.segments;
    const uint64_t limit = cleanable_end(log, time.wall_ms);
    const int64_t clean_offset = log.state.clean_offset();
    uint64_t clean_bytes = 0, dirty_bytes_there = 0;
    int64_t dirty_end = 0;
    const Segment* first_dirty = nullptr;
    for (size_t i = 0; i + 1 < segments.size() && segments[i].start < limit; ++i) {
        const bool dirty_one = segments[i + 1].base_offset > clean_offset;
        (dirty_one ? dirty_bytes_there : clean_bytes) += segments[i].end - segments[i].start;
        if (!dirty_one) continue;
        dirty_end = segments[i + 1].base_offset;
        if (first_dirty == nullptr) first_dirty = &segments[i];
    }
    if (limit < segments.back().start && log.durable_end >= segments.back().start) {
        // A quiet log's end may wait long for a reason to leave the journal, and its last file for one to be indexed.
        if (log.state.flushed < segments.back().start) flush_step(log);
        else write_file_index(log);
    }
    if (first_dirty == nullptr) return false;
    const double ratio = static_cast<double>(dirty_bytes_there) / static_cast<double>(clean_bytes + dirty_bytes_there);
    const bool late = time.wall_ms - first_dirty->created_ms >= log.config.max_compaction_lag_ms;
    if (ratio < log.config.min_cleanable_dirty_ratio && !late) return false;

    c.phase = Compaction::Phase::mapping;
    c.log = &log;
    c.dirty_from = std::max(clean_offset, first_dirty->base_offset);
    c.mapped_to = dirty_end;
    c.keys = std::make_unique<KeyMap>(static_cast<uint64_t>(dirty_end - c.dirty_from),
                                      options.compaction_memory_bytes);
    c.tombstones_to = 0;
    for (const Cleaning& cleaning : log.state.cleanings) {
        if (cleaning.wall_ms <= time.wall_ms - log.config.delete_retention_ms) c.tombstones_to = cleaning.offset;
    }
    c.limit = limit;
    c.incomplete = c.write_failed = false;
    c.run_from = c.run_to = segments.front().start;
    c.position = first_dirty->start;
    c.next_offset = first_dirty->base_offset;
    c.range.clear();
    c.range_used = 0;
    c.judging = false;
    c.moved_at = c.wake_at = c.paced_until = time.now;
    return true;
}

/// The next batch before position `end`, which is lent until the next call. An empty one: there is none.
Store::Impl::Step Store::Impl::next_compacted(std::span<const std::byte>& batch, uint64_t end) {
    Compaction& c = compaction;
    batch = {};
    if (c.range_used == c.range.size()) {
        IndexRange found;
        ReadStatus status = range_from(*c.log, c.position, 0, found);
        if (status == ReadStatus::out_of_range || (status == ReadStatus::ready && found.position >= end)) {
            return Step::done;
        }
        ColdRange* cold_found = nullptr;
        if (status == ReadStatus::ready) status = cold_range(*c.log, found, 0, cold_found);
        if (status == ReadStatus::busy || status == ReadStatus::pending) {
            c.wake_at = now.now + (status == ReadStatus::busy ? wait_ns : stall_ns);
            return Step::wait;
        }
        if (status != ReadStatus::ready) return Step::broken;
        c.range.clear();
        for (const Block* block : cold_found->blocks) {
            const uint64_t from = std::max(block->position, found.position);
            const uint64_t to = std::min(block->end(), found.position + found.size);
            const std::byte* data = block->data + (from - block->position);
            c.range.insert(c.range.end(), data, data + (to - from));
        }
        c.range_used = 0;
        c.position = found.position;
        const bool lent = std::ranges::any_of(cold_found->blocks, [](const Block* block) { return block->pins > 0; });
        if (!lent && cold_found->waiters.empty()) free_cold(*cold_found);  // the cache is for those who read
        // Large ranges one by one: some of them at once keep the disk busy for longer than a commit takes.
        if (found.size <= 2 * range_bytes_min) read_ahead(*c.log, found);
        c.budget_used += found.size / byte_passes;
        if (c.budget_used >= step_bytes) return Step::wait;
    }
    const auto rest = std::span<const std::byte>(c.range).subspan(c.range_used);
    if (rest.size() < batch_header_size) return Step::broken;
    const int64_t size = int64_t{load_be<int32_t>(rest.data() + 8)} + 12;
    if (size < int64_t{batch_header_size} || static_cast<uint64_t>(size) > rest.size()) return Step::broken;
    batch = rest.first(static_cast<size_t>(size));
    if (base_offset_of(batch) < c.next_offset || last_offset_of(batch) < base_offset_of(batch)) return Step::broken;
    c.next_offset = last_offset_of(batch) + 1;
    c.range_used += batch.size();
    c.position += batch.size();
    counters.compaction_read_bytes += batch.size();
    return Step::done;
}

/// The next record of the batch at hand, within the step. False: there is none, or the step is over.
bool Store::Impl::next_record(wire::Record& record) {
    Compaction& c = compaction;
    if (c.budget_used >= step_bytes) return false;
    c.judging = c.records.next(record);
    if (c.judging) c.budget_used += record_worth + record.bytes.size();
    return c.judging;
}

/// Whether the records of the batch are to be looked at, one by one.
bool Store::Impl::open_batch(std::span<const std::byte> batch) {
    Compaction& c = compaction;
    c.budget_used += record_worth + batch.size() / byte_passes;
    c.judging = c.filter.open(batch) && !c.filter.header().is_control();
    c.records = c.filter.records();
    c.batch = batch;
    c.kept.clear();
    return c.judging;
}

/// Notes the last offset of each key in what is dirty.
void Store::Impl::map_keys() {
    Compaction& c = compaction;
    while (c.budget_used < step_bytes) {
        if (!c.judging) {
            std::span<const std::byte> batch;
            const Step step = next_compacted(batch, c.limit);
            if (step == Step::broken) return abandon_compaction();
            if (step == Step::wait) return;
            if (batch.empty()) return begin_run();
            if (last_offset_of(batch) < c.dirty_from || !open_batch(batch)) {
                c.budget_used += batch.size();
                continue;
            }
        }
        const int64_t base = base_offset_of(c.batch);
        wire::Record record;
        while (next_record(record)) {
            if (!record.key || c.keys->put(hash_key(*record.key), base + record.offset_delta)) continue;
            // Full: the next pass goes on here. One batch alone is too much for the map only if that is tiny.
            c.mapped_to = base > c.dirty_from ? base : c.next_offset;
            return begin_run();
        }
    }
}

/// Takes the next segments that become one, or ends the pass.
void Store::Impl::begin_run() {
    Compaction& c = compaction;
    const auto& segments = c.log->state.segments;
    auto first = std::ranges::find(segments, c.run_to, &Segment::start);
    if (first == segments.end()) return abandon_compaction();
    if (first->start >= c.limit || first->base_offset >= c.mapped_to) return end_pass();
    auto next = first + 1;
    uint64_t bytes = first->end - first->start;
    for (; next->start < c.limit && next->base_offset < c.mapped_to; ++next) {
        bytes += next->end - next->start;
        if (bytes > c.log->config.segment_bytes) break;
    }
    c.run_from = c.position = first->start;
    c.run_to = next->start;
    c.run_end = (next - 1)->end;
    c.run_base = c.next_offset = first->base_offset;
    c.run_created_ms = (next - 1)->created_ms;
    c.changed = c.run_replaced = false;
    c.files_flushed = 0;
    c.range.clear();
    c.range_used = 0;
    c.judging = false;
    c.waiting = {};
    c.writer.begin({c.log->key(), generation.number, c.log->state.id, 0, 0}, c.run_from, c.run_base);
    c.phase = Compaction::Phase::copying;
    c.wake_at = now.now;
}

void Store::Impl::copy_run() {
    Compaction& c = compaction;
    while (c.budget_used < step_bytes && c.writer.pending_bytes() < pending_bytes_max) {
        if (c.waiting.empty() && !c.judging) {
            std::span<const std::byte> batch;
            const Step step = next_compacted(batch, c.run_to);
            if (step == Step::broken) return abandon_compaction();
            if (step == Step::wait) break;
            if (batch.empty()) {
                c.writer.finish();
                c.phase = Compaction::Phase::writing;
                break;
            }
            if (base_offset_of(batch) >= c.mapped_to || !open_batch(batch)) c.waiting = batch;
        }
        if (c.judging) {
            judge_records();
            if (c.judging) break;
            c.waiting = what_stays();
            if (c.waiting.empty()) continue;
        }
        if (!attach_for(c.waiting.size())) {
            c.wake_at = now.now + wait_ns;
            break;
        }
        c.writer.add(c.waiting, base_offset_of(c.waiting), max_timestamp_of(c.waiting));
        c.waiting = {};
    }
    write_run();
}

void Store::Impl::judge_records() {
    Compaction& c = compaction;
    const int64_t base = base_offset_of(c.batch);
    wire::Record record;
    while (next_record(record)) c.kept.push_back(keeps(record, base + record.offset_delta));
}

/// What stays of the batch, whose records are judged; nothing if none of it does.
std::span<const std::byte> Store::Impl::what_stays() {
    Compaction& c = compaction;
    const auto kept = static_cast<size_t>(std::ranges::count(c.kept, uint8_t{1}));
    if (kept == c.kept.size() && kept > 0) return c.batch;
    const bool last = c.position == c.run_end;
    if (kept == 0) {
        if (last && c.kept.empty()) return c.batch;
        c.changed = true;
        if (!last) return {};
        c.filter.write_empty(c.rewritten);
        return c.rewritten;
    }
    // The run must end before the next segment begins, and what is still to come may all have to stay.
    const uint64_t room = c.run_to - c.writer.end() - (c.run_end - c.position);
    if (!c.filter.write(c.kept, c.rewritten) || c.rewritten.size() > room) {
        c.incomplete = true;
        return c.batch;
    }
    c.changed = true;
    return c.rewritten;
}

/// As in Kafka, records without a key go: a topic that is compacted takes none.
bool Store::Impl::keeps(const wire::Record& record, int64_t offset) const {
    if (!record.key) return false;
    if (compaction.keys->find(hash_key(*record.key)) > offset) return false;
    return record.value || offset >= compaction.tombstones_to;
}

/// False: there is no file to spare now.
bool Store::Impl::attach_for(uint64_t bytes) {
    Compaction& c = compaction;
    while (!c.writer.has_room(bytes)) {
        const uint64_t left = bytes + (c.run_end - c.position);
        uint8_t file_class = 0;
        const auto too_small = [&] { return geometry(kind_of_class(file_class)).data_bytes() < left; };
        while (file_class + 1 < file_class_count && too_small()) ++file_class;
        auto file = pool->take_spare(file_class);
        if (!file) return false;
        c.writer.attach(*file);
    }
    return true;
}

void Store::Impl::write_run() {
    Compaction& c = compaction;
    while (c.writes < writes_max) {
        auto write = c.writer.next_write();
        if (!write) break;
        IoTask& task = make_task(TaskKind::compaction, nullptr);
        task.buffer = std::move(write->bytes);
        task.fragments.push_back({task.buffer.data(), static_cast<uint32_t>(task.buffer.size())});
        ++c.writes;
        c.budget_used += task.buffer.size();
        counters.compaction_write_bytes += task.buffer.size();
        start(task, io::DiskOpKind::write, write->file, write->offset);
    }
    if (c.phase == Compaction::Phase::writing) {
        if (c.writes == 0 && !flush_run()) end_run();
        else c.wake_at = now.now + stall_ns;
    } else if (c.writer.pending_bytes() >= pending_bytes_max) {
        c.wake_at = now.now + stall_ns;
    }
}

/// Makes what was written durable, file by file: durable writes would have the device flush its cache for each, and
/// whoever waits for a commit would wait for that. False: all of it is.
bool Store::Impl::flush_run() {
    Compaction& c = compaction;
    while (c.writes < writes_max && c.files_flushed < c.writer.files().size()) {
        IoTask& task = make_task(TaskKind::compaction, nullptr);
        ++c.writes;
        start(task, io::DiskOpKind::flush, c.writer.files()[c.files_flushed++].file, 0);
    }
    return c.writes > 0;
}

void Store::Impl::compaction_write_done(IoTask&, bool ok) {
    Compaction& c = compaction;
    PENSTOCK_ASSERT(c.writes > 0);
    --c.writes;
    c.write_failed |= !ok;
    c.wake_at = c.moved_at = now.now;
}

/// All of the run is durable in its new files: lets the journal say so.
void Store::Impl::end_run() {
    Compaction& c = compaction;
    if (!c.changed) {
        for (const FileRef& file : c.writer.files()) pool->give(file.file);
        return begin_run();
    }
    const bool ring_full = ring.used() + staged_bound > ring.bytes() / 8 * 7;
    if (ring_full || c.log->stages(EntryType::start)) {
        c.wake_at = now.now + wait_ns;
        return;
    }
    Entry& entry = c.log->stage(EntryType::replace);
    entry.offset = c.run_base;
    entry.position = c.run_from;
    entry.position_to = c.run_to;
    entry.segment_end = c.writer.end();
    entry.max_timestamp = c.writer.max_timestamp();
    entry.wall_ms = c.run_created_ms;
    entry.files = c.writer.files();
    list_staged(*c.log);
    c.writer.begin({}, 0, 0);  // the entry owns the files now
    c.phase = Compaction::Phase::replacing;
    c.wake_at = now.now + stall_ns;
}

/// The entry stands in a commit: from now on readers get the new segment. The old files wait until that is durable.
void Store::Impl::replaced(LogData& log, const Entry& entry) {
    forget_cold(log, entry.position, entry.position_to);
    while (!log.row.empty() && log.row.front()->position < entry.position_to) drop_row_front(log);
    Compaction& c = compaction;
    if (c.log != &log) return;
    c.run_replaced = true;
    c.wake_at = c.moved_at = now.now;
}

/// Gives up the pass; what it replaced so far stays replaced.
void Store::Impl::abandon_compaction() {
    Compaction& c = compaction;
    if (c.phase == Compaction::Phase::abandoned) return;
    if (c.log != nullptr) c.log->compact_at = now.now + failed_retry_ns;
    c.log = nullptr;
    c.phase = Compaction::Phase::abandoned;
    c.wake_at = now.now;
    ++counters.compactions_abandoned;
}

void Store::Impl::end_pass() {
    Compaction& c = compaction;
    if (c.phase == Compaction::Phase::abandoned) {
        for (const FileRef& file : c.writer.files()) pool->give(file.file);
    } else if (c.incomplete) {
        c.log->compact_at = now.now + incomplete_retry_ns;
    } else {
        Entry& entry = c.log->stage(EntryType::clean);
        entry.offset = c.mapped_to;
        entry.wall_ms = now.wall_ms;
        list_staged(*c.log);
        ++counters.compactions;
    }
    c.writer.begin({}, 0, 0);
    c.keys.reset();
    c.log = nullptr;
    c.phase = Compaction::Phase::idle;
    c.wake_at = now.now;
}

}  // namespace penstock::log
