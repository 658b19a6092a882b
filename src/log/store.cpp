#include "log/store.h"

#include <algorithm>

#include "limits.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr size_t completions_per_poll = 64;
constexpr uint32_t polls_per_turn = 16;

uint64_t bytes_in_use(const StoreState& state) {
    uint64_t bytes = 0;
    for (const LogState& log : state.logs) {
        for (const FileRef& file : log.files) bytes += geometry(file.file.kind).file_bytes;
    }
    return bytes;
}

}  // namespace

Store::Impl::Impl(const StoreOptions& opts, StoreImage image, io::Disk& d, Time time)
    : options(opts),
      disk(d),
      generation(image.state->generation),
      now(time),
      next_log_id(image.state->next_log_id),
      slab(opts.cache_bytes),
      ring(image.state->journal_bytes),
      journal_file(journal_file_of(opts.shard, image.state->generation.number)) {
    StoreState& state = *image.state;
    FilePool::Options pool_options{opts.pool_bytes, opts.pool_refill_bytes_per_s, opts.disk_limit_bytes,
                                   state.next_file_number, opts.shard_count, bytes_in_use(state)};
    pool = std::make_unique<FilePool>(pool_options, std::move(state.ready_files), std::move(state.half_made_files));
    checkpoint.next_frame = state.next_frame;
    checkpoint.durable_frame = state.next_frame - 1;
    checkpoint.offset = checkpoint.base_bytes = state.frame_offset;
    checkpoint.slots_created = 1;
    scrub.at = time.now + opts.scrub_delay_ns;
    // Nothing is dropped by age or size before the owner has said what the topic wants.
    LogConfig keep;
    keep.retention_bytes = keep.retention_ms = -1;
    for (LogState& log : state.logs) adopt(std::move(log), keep);
}

Store::Impl::~Impl() { PENSTOCK_ASSERT(ops_under_way == 0); }

LogData* Store::Impl::adopt(LogState state, const LogConfig& config) {
    auto owned = std::make_unique<LogData>();
    LogData& log = *owned;
    log.set_key(state.key);
    log.config = config;
    log.set_start(state.start_offset);
    log.set_durable_start(state.start_offset);
    log.state = std::move(state);
    resume(log);
    logs.emplace(log.key(), std::move(owned));
    return &log;
}

/// Appends go on where the state ends: all of it is in the segments, and nothing is staged.
void Store::Impl::resume(LogData& log) {
    const LogState& state = log.state;
    PENSTOCK_ASSERT(state.flushed == state.end);
    log.set_end(state.end_offset);
    log.set_durable(state.end_offset);
    log.set_epoch(state.last_epoch());
    log.end = log.durable_end = log.written = state.end;
    log.covered = state.covered();
    log.producers = state.producers;
    const Segment& active = state.segments.back();
    log.segment_start = active.start;
    log.segment_base = active.base_offset;
    log.segment_created_ms = active.created_ms;
    if (!state.files.empty()) log.file_class = class_of_kind(state.files.back().file.kind);
    log.open_size = 0;
    if (state.ranges.empty() || !state.ranges.back().crc_known) return;
    const IndexRange& open = state.ranges.back();
    const bool in_active = open.position >= active.start && open.position + open.size == state.end;
    if (!in_active) return;
    log.open_size = open.size;
    log.open_crc = open.crc;
    log.open_file_end = state.files[state.file_of(open.position)].end();
}

Result<Log*> Store::Impl::create(const LogKey& key, const LogConfig& config, int64_t start) {
    PENSTOCK_ASSERT(start >= 0);
    if (poisoned) return fail(Errc::failed);
    if (stopping || ring.used() + staged_bound > ring.bytes() / 8 * 7) return fail(Errc::would_block);
    if (logs.contains(key)) return fail(Errc::exists);
    Entry entry;
    entry.type = start == 0 ? EntryType::create : EntryType::create_at;
    entry.log_id = next_log_id;
    entry.key = key;
    entry.offset = start;
    entry.wall_ms = now.wall_ms;
    next_log_id += options.shard_count;
    LogData* log = adopt(created(entry), config);
    log->stage(entry.type) = entry;
    list_staged(*log);
    return log;
}

Result<void> Store::Impl::remove(LogData& log) {
    if (poisoned) return fail(Errc::failed);
    if (stopping) return fail(Errc::would_block);
    dirty_bytes -= log.end - log.state.flushed;
    // Staged appends never happened; a staged create must still be seen before the remove.
    size_t created_first = log.staged_count > 0 && creates(log.staged[0].type) ? 1 : 0;
    unstage(log);
    log.staged_count = created_first;
    log.end = log.state.flushed;
    log.removed = true;
    std::erase(deleting, &log);
    std::erase(cutting, &log);
    if (compaction.log == &log) abandon_compaction();
    log.stage(EntryType::remove);
    list_staged(log);
    while (!log.row.empty()) drop_row_front(log);
    auto node = logs.extract(log.key());
    graves.push_back(std::move(node.mapped()));
    return {};
}

Result<void> Store::Impl::begin_epoch(LogData& log, LeaderEpoch epoch) {
    if (poisoned || log.failed()) return fail(Errc::failed);
    if (log.cutting()) return fail(Errc::not_ready);
    if (epoch < log.leader_epoch_) return fail(Errc::refused);
    if (epoch == log.leader_epoch_) return {};
    stage_epoch(log, epoch.value);
    list_staged(log);
    return {};
}

void Store::Impl::stage_epoch(LogData& log, int32_t epoch) {
    log.set_epoch(epoch);
    Entry& entry = log.stage(EntryType::epoch);
    entry.epoch = epoch;
    entry.offset = log.end_offset_.value;
}

/// With those that no commit holds yet.
std::vector<EpochStart> Store::Impl::all_epochs(const LogData& log) const {
    std::vector<EpochStart> epochs = log.state.epochs;
    for (const Entry& entry : std::span(log.staged).first(log.staged_count)) {
        if (entry.type == EntryType::epoch) epochs.push_back({entry.epoch, entry.offset});
    }
    return epochs;
}

/// That a batch at `offset` has; -1 where no epoch had begun.
int32_t Store::Impl::epoch_of(const LogData& log, int64_t offset) const {
    const std::vector<EpochStart> epochs = all_epochs(log);
    const auto after = std::ranges::upper_bound(epochs, offset, {}, &EpochStart::offset);
    return after == epochs.begin() ? -1 : std::prev(after)->epoch;
}

void Store::Impl::list_staged(LogData& log) {
    commit_now = true;
    list_patient(log, 0);
}

/// What nobody waits for: it may go into a later commit with more.
void Store::Impl::list_patient(LogData& log, uint64_t bytes) {
    patient_bytes += bytes;
    if (patient_until == never) patient_until = now.now + limits::patient_commit_ns;
    staged_bound -= log.staged_bound;
    log.staged_bound = entry_bound(log);
    staged_bound += log.staged_bound;
    if (log.listed_staged) return;
    log.listed_staged = true;
    staged.push_back(&log);
}

void Store::Impl::list_dirty(LogData& log) {
    if (log.dirty || log.removed) return;
    log.dirty = true;
    dirty.push_back(&log);
}

void Store::Impl::list_advanced(LogData& log) {
    if (log.changed || log.removed) return;
    log.changed = true;
    changed.push_back(&log);
}

/// What is staged will not happen.
void Store::Impl::unstage(LogData& log) {
    for (Entry& entry : std::span(log.staged).first(log.staged_count)) {
        if (entry.type == EntryType::attach) pool->give(entry.file);
        for (const FileRef& file : entry.files) pool->give(file.file);
        if (entry.type == EntryType::truncate) --cuts_staged;
    }
    log.staged_count = 0;
}

/// Takes a log out of service until the next start. What was durable stays durable: the cut is an entry of the journal.
void Store::Impl::fail_log(LogData& log) {
    if (log.failed() || log.removed) return;
    log.set_failed();
    degraded = true;
    dirty_bytes -= log.end - log.durable_end;
    log.end = log.durable_end;
    unstage(log);
    list_advanced(log);
    if (poisoned) return;
    Entry& entry = log.stage(EntryType::truncate);
    entry.offset = log.durable_offset_.value;
    entry.position = log.durable_end;
    list_staged(log);
    // First in line: what it cuts keeps others waiting until it stands in the journal (note_damage).
    std::erase(staged, &log);
    staged.insert(staged.begin(), &log);
    ++cuts_staged;
}

/// Removed logs go when nothing names them any more.
void Store::Impl::bury_removed() {
    std::erase_if(graves, [&](std::unique_ptr<LogData>& log) {
        bool idle = log->remove_durable && log->io == 0 && !log->listed_staged && !log->changed;
        if (!idle || log->listed_owed || log->listed_behind) return false;
        if (checkpoint.phase != Checkpoint::Phase::idle) return false;
        drop_cold(*log);
        for (const FileRef& file : log->state.files) {
            limbo.push_back({file.file, next_ticket, durable_sequence});
        }
        std::erase(dirty, log.get());
        return true;
    });
}

bool Store::Impl::on_turn(Time time) {
    now = time;
    for (Log* log : advanced) static_cast<LogData*>(log)->changed = false;
    advanced.clear();
    readable.clear();
    bool worked = false;
    io::DiskCompletion done[completions_per_poll];
    for (uint32_t i = 0; i < polls_per_turn; ++i) {
        size_t n = disk.poll(done);
        for (size_t k = 0; k < n; ++k) complete(done[k]);
        worked |= n > 0;
        if (n < completions_per_poll) break;
    }
    finish_commits();
    run_cuts();
    run_deletes();
    run_retention(time);
    std::swap(advanced, changed);
    std::swap(readable, woken);
    return worked || !advanced.empty() || !readable.empty();
}

bool Store::Impl::submit(Time time) {
    now = time;
    uint32_t before = ops_under_way;
    if (!poisoned) {
        while (commits.size() < commits_max && commit_due(time) && build_commit(time)) {
        }
        run_behind();
        run_reclaim();
        run_checkpoint();
        run_compaction(time);
        run_scrub(time);
    }
    run_repairs();
    run_pool();
    if (!graves.empty()) bury_removed();
    pump();
    return ops_under_way != before;
}

Nanos Store::Impl::next_deadline() const {
    if (poisoned) return never;  // nothing runs any more: a deadline that stays in the past would be asked for ever
    Nanos at = std::min({note_at, cuts_at, repairs_at, pool->next_deadline()});
    if (!stopping && !logs.empty()) at = std::min({at, retention_at, compaction.due(), scrub_due()});
    if (now.now < checkpoint.retry_at) at = std::min(at, checkpoint.retry_at);
    // Later, a commit that completes brings the turn: a deadline that stays in the past would be asked for ever.
    if (!staged.empty() && !commit_now && commits.size() < commits_max) at = std::min(at, patient_until);
    return at;
}

bool Store::Impl::drained() const {
    if (ops_under_way > 0 || !pool->idle()) return false;
    if (poisoned) return true;
    if (!staged.empty() || !commits.empty() || !unvouched.empty() || !cutting.empty()) return false;
    if (degraded) return true;
    return owed_floor() == ring.head() && dirty.empty() && ring.used() == 0 &&
           checkpoint.phase == Checkpoint::Phase::idle;
}

uint64_t Log::size_bytes() const {
    const LogState& state = static_cast<const LogData*>(this)->state;
    uint64_t bytes = state.end - state.segments.back().start;
    for (size_t i = 0; i + 1 < state.segments.size(); ++i) bytes += state.segments[i].end - state.segments[i].start;
    return bytes;
}

Store::Store(const StoreOptions& options, StoreImage image, io::Disk& disk, Time time)
    : impl_(std::make_unique<Impl>(options, std::move(image), disk, time)) {}
Store::~Store() = default;

Log* Store::find(const LogKey& key) {
    auto it = impl_->logs.find(key);
    return it == impl_->logs.end() ? nullptr : it->second.get();
}

std::vector<Log*> Store::logs() {
    std::vector<Log*> all;
    for (auto& [key, log] : impl_->logs) all.push_back(log.get());
    return all;
}

Result<Log*> Store::create(const LogKey& key, const LogConfig& config, Time time, Offset start) {
    impl_->now = time;
    return impl_->create(key, config, start.value);
}
void Store::configure(Log& log, const LogConfig& config) { static_cast<LogData&>(log).config = config; }
Result<void> Store::remove(Log& log) { return impl_->remove(static_cast<LogData&>(log)); }
void Store::keep_from(Log& log, Offset offset) { static_cast<LogData&>(log).kept_from = offset.value; }

void Store::set_replicated(Log& log, bool replicated) { static_cast<LogData&>(log).replicated = replicated; }
std::optional<RottenBatches> Store::poll_rotten() { return impl_->poll_rotten(); }
bool Store::repair(uint64_t id, std::span<const std::byte> batches) { return impl_->repair(id, batches); }
void Store::give_up(uint64_t id) { impl_->give_up(id); }

Result<void> Store::delete_before(Log& log, Offset offset) {
    return impl_->delete_before(static_cast<LogData&>(log), offset.value);
}
Result<Offset> Store::append(Log& log, BatchToAppend& batch, Time time) {
    return impl_->append(static_cast<LogData&>(log), batch, time);
}
Result<Offset> Store::append_replica(Log& log, BatchToAppend& batch, Time time) {
    return impl_->append_replica(static_cast<LogData&>(log), batch, time);
}
Result<void> Store::truncate(Log& log, Offset offset) {
    return impl_->truncate(static_cast<LogData&>(log), offset.value);
}
bool Store::truncating(const Log& log) const { return static_cast<const LogData&>(log).cutting(); }
ProducerVerdict Store::check_producer(const Log& log, const ProducerBatch& batch, ProducerBatch& found) const {
    return producers(log).check(batch, found);
}
const ProducerTable& Store::producers(const Log& log) const { return static_cast<const LogData&>(log).producers; }
Result<void> Store::begin_epoch(Log& log, LeaderEpoch epoch) {
    return impl_->begin_epoch(static_cast<LogData&>(log), epoch);
}
ReadStatus Store::read(Log& log, const ReadRequest& request, std::vector<Slice>& out) {
    return impl_->read(static_cast<LogData&>(log), request, out);
}
EpochEnd Store::epoch_end(const Log& log, int32_t epoch) const {
    return end_of_epoch(impl_->all_epochs(static_cast<const LogData&>(log)), epoch, log.start_offset().value,
                        log.end_offset().value);
}
std::vector<EpochRange> Store::epochs(const Log& log) const {
    std::vector<EpochRange> all;
    for (const EpochStart& begun : impl_->all_epochs(static_cast<const LogData&>(log))) {
        all.push_back({LeaderEpoch(begun.epoch), Offset(begun.offset)});
    }
    return all;
}
Result<io::DiskSpace> Store::disk_space() const { return impl_->disk.space(); }
void Store::release(const Slice& slice) { impl_->release(*slice.block); }
ReadStatus Store::find_timestamp(Log& log, int64_t timestamp, const SearchRequest& request, TimestampMatch& match) {
    return impl_->find_timestamp(static_cast<LogData&>(log), timestamp, request, match);
}
ReadStatus Store::find_max_timestamp(Log& log, const SearchRequest& request, TimestampMatch& match) {
    return impl_->find_max_timestamp(static_cast<LogData&>(log), request, match);
}
int32_t Store::epoch_of(const Log& log, Offset offset) const {
    return impl_->epoch_of(static_cast<const LogData&>(log), offset.value);
}
bool Store::on_turn(Time time) { return impl_->on_turn(time); }
std::span<Log* const> Store::advanced() const {
    return impl_->advanced;
}
std::span<const uint64_t> Store::readable() const { return impl_->readable; }
bool Store::submit(Time time) { return impl_->submit(time); }
Nanos Store::next_deadline() const { return impl_->next_deadline(); }
void Store::begin_stop() {
    impl_->stopping = true;
    impl_->pool->stop();
}
bool Store::drained() const { return impl_->drained(); }
const StoreCounters& Store::counters() const {
    impl_->counters.files_ready = impl_->pool->ready_count();
    impl_->counters.files_in_use = impl_->pool->in_use_bytes() / mib;
    impl_->counters.rotten = impl_->rotten.size();
    return impl_->counters;
}

}  // namespace penstock::log
