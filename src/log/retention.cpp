// What may go: whole segments that are older than retention.ms or beyond retention.bytes, and everything below an
// offset that somebody named. The active segment is rolled when all of it is too old. Nothing at or above the durable
// offset goes, nor what Store::keep_from() keeps.
#include <algorithm>

#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr int64_t pass_interval_ns = 5 * second_ns;
constexpr int64_t slice_interval_ns = 10 * millisecond_ns;
constexpr uint32_t logs_per_slice = 256;

}  // namespace

void Store::Impl::run_retention(Time time) {
    if (time.now < retention_at || poisoned || stopping) return;
    auto it = logs.upper_bound(retention_cursor);
    for (uint32_t n = 0; n < logs_per_slice && it != logs.end(); ++n, ++it) {
        retain(*it->second, time.wall_ms);
        retention_cursor = it->first;
    }
    bool pass_done = it == logs.end();
    if (pass_done) retention_cursor = {};
    retention_at = time.now + (pass_done ? pass_interval_ns : slice_interval_ns);
}

void Store::Impl::retain(LogData& log, int64_t wall_ms) {
    const LogConfig& config = log.config;
    // The state does not know of a start that no commit holds yet; another one might lie before it.
    if (log.failed() || log.cutting() || log.stages(EntryType::start)) return;
    auto expired = [&](const Segment& s) {
        int64_t stamp = s.max_timestamp >= 0 ? s.max_timestamp : s.created_ms;
        return config.remove_old && config.retention_ms >= 0 && wall_ms - stamp > config.retention_ms;
    };
    const auto& segments = log.state.segments;
    bool quiet = log.staged_count == 0 && log.durable_end == log.state.end;
    bool active_has_data = log.state.end_offset > segments.back().base_offset;
    if (quiet && active_has_data && expired(segments.back())) stage_roll(log, wall_ms);

    size_t gone = 0;
    // What may still be cut, should its write fail, does not count.
    uint64_t size = 0;
    for (const Segment& s : segments) {
        const uint64_t end = std::min(&s == &segments.back() ? log.state.end : s.end, log.durable_end);
        size += end - std::min(end, s.start);
    }
    while (gone + 1 < segments.size()) {
        uint64_t segment_size = segments[gone].end - segments[gone].start;
        bool too_much = config.remove_old && config.retention_bytes >= 0 &&
                        size >= segment_size + static_cast<uint64_t>(config.retention_bytes);
        if (!too_much && !expired(segments[gone])) break;
        if (!may_drop_before(log, gone + 1)) break;
        size -= std::min(size, segment_size);
        ++gone;
    }
    if (gone == 0) return;
    Entry& entry = log.stage(EntryType::start);
    entry.offset = segments[gone].base_offset;
    list_staged(log);
}

/// A busy log always has something under way: only what goes must be settled, and in its place.
bool Store::Impl::may_drop_before(LogData& log, size_t segment) {
    const Segment& kept = log.state.segments[segment];
    if (kept.base_offset > log.removable() || log.index_under_way) return false;
    if (log.state.flushed >= kept.start) return true;
    flush_step(log);  // a quiet log's end may wait long for a reason to leave the journal
    return false;
}

Result<void> Store::Impl::delete_before(LogData& log, int64_t offset) {
    if (poisoned || log.failed()) return fail(Errc::failed);
    if (stopping) return fail(Errc::would_block);
    if (offset > log.durable_offset_.value) return fail(Errc::refused);
    const bool listed = std::ranges::find(deleting, &log) != deleting.end();
    log.delete_to = std::max(log.delete_to, offset);
    if (!delete_step(log) && !listed) deleting.push_back(&log);
    return {};
}

/// False: its turn has not come yet.
bool Store::Impl::delete_step(LogData& log) {
    if (log.failed() || log.state.start_offset >= log.delete_to) return true;
    if (log.cutting() || log.stages(EntryType::start)) return false;  // the state does not know of it yet
    const auto& segments = log.state.segments;
    auto above = std::ranges::upper_bound(segments, log.delete_to, {}, &Segment::base_offset);
    const auto kept = static_cast<size_t>(above - segments.begin()) - 1;
    if (kept > 0 && !may_drop_before(log, kept)) return false;
    Entry& entry = log.stage(EntryType::start);
    entry.offset = log.delete_to;
    list_staged(log);
    return true;
}

void Store::Impl::run_deletes() {
    std::erase_if(deleting, [&](LogData* log) { return delete_step(*log); });
}

}  // namespace penstock::log
