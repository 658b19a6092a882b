#include "storage_world.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "trail.h"

namespace penstock::sim {

namespace {

constexpr uint32_t turns_to_rest_max = 20'000;  ///< more means that something is stuck or never ends
constexpr int64_t turn_ns = 2 * microsecond_ns;

}  // namespace

void WorldCounters::add(const WorldCounters& other) {
    turns += other.turns;
    appends += other.appends;
    refusals += other.refusals;
    reads += other.reads;
    reads_pending += other.reads_pending;
    reads_busy += other.reads_busy;
    corrupt += other.corrupt;
    failed += other.failed;
    creates += other.creates;
    removes += other.removes;
    starts_moved += other.starts_moved;
    checkpoints += other.checkpoints;
    commits += other.commits;
    commit_bytes += other.commit_bytes;
    repaired += other.repaired;
    cold_reads += other.cold_reads;
    files_freed += other.files_freed;
    producers_checked += other.producers_checked;
    duplicates += other.duplicates;
    compactions += other.compactions;
    deletes += other.deletes;
    cuts += other.cuts;
    cuts_recovered += other.cuts_recovered;
    uncut_recovered += other.uncut_recovered;
    holes += other.holes;
    recreates += other.recreates;
}

World::World(Directory& directory, Model& model, const Clock& clock, const WorldOptions& options)
    : directory_(directory), model_(model), clock_(clock), options_(options), random_(options.seed) {
    directory_.step(clock_.now());
}

World::~World() { end(); }

// Opening.

bool World::open(const Snapshot& bounds) {
    opening_ = &bounds;
    disks_.push_back(std::make_unique<Disk>(directory_));
    auto opened = log::open_directory(*disks_[0], {.shard_count = options_.shard_count,
                                                   .journal_bytes = options_.journal_bytes,
                                                   .random_high = random_.next(),
                                                   .random_low = random_.next()});
    clock_.advance_to(directory_.now());
    if (!opened) {
        refusal_ = opened.error().detail;
        if (refusal_.empty()) fail_run("open_directory refused without a detail");
        if (!options_.rot && !options_.faults) fail_run("open_directory refused: " + refusal_);
        opening_ = nullptr;
        return false;
    }
    report_ = opened->report;
    if (opened->shards.size() != options_.shard_count) fail_run("open_directory returned another number of shards");
    for (uint32_t shard = 0; shard < options_.shard_count; ++shard) {
        if (shard > 0) disks_.push_back(std::make_unique<Disk>(directory_));
        log::StoreOptions store{.shard = shard,
                                .shard_count = options_.shard_count,
                                .cache_bytes = options_.cache_bytes,
                                .pool_bytes = options_.pool_bytes,
                                .disk_limit_bytes = options_.disk_limit_bytes,
                                .compaction_interval_ns = 200 * millisecond_ns,
                                .compaction_memory_bytes = 1024 * 24};
        stores_.push_back(std::make_unique<log::Store>(store, std::move(opened->shards[shard]), *disks_[shard],
                                                       clock_.time()));
    }
    match_logs(bounds);
    opening_ = nullptr;
    check_disk();
    return true;
}

void World::match_logs(const Snapshot& bounds) {
    PENSTOCK_ASSERT(bounds.logs.size() == model_.logs.size());
    std::vector<log::Log*> found(model_.logs.size(), nullptr);
    for (uint32_t shard = 0; shard < stores_.size(); ++shard) {
        for (log::Log* log : stores_[shard]->logs()) {
            if (log::shard_of(log->key(), options_.shard_count) != shard)
                fail_run(to_text(log->key()) + " came back on another shard than shard_of() says");
            if (stores_[shard]->find(log->key()) != log) fail_run(to_text(log->key()) + " is not found by its key");
            // Of those that had the key one after the other, the last that can have started there.
            size_t at = model_.logs.size();
            for (size_t i = 0; i < model_.logs.size(); ++i) {
                const ModelLog& candidate = model_.logs[i];
                const bool may_be = candidate.key == log->key() && candidate.created_at <= log->start_offset().value;
                if (may_be && (at == model_.logs.size() || candidate.created_at > model_.logs[at].created_at)) at = i;
            }
            if (at == model_.logs.size()) fail_run(to_text(log->key()) + " was never created");
            found[at] = log;
        }
    }
    for (size_t i = 0; i < model_.logs.size(); ++i) {
        ModelLog& log = model_.logs[i];
        if (found[i] == nullptr) {
            if (bounds.logs[i].must_exist) fail_run(to_text(log.key) + " is missing");
            log.removed = true;
            log.remove_durable = true;
            log.log = nullptr;
        } else {
            if (!bounds.logs[i].may_exist) fail_run(to_text(log.key) + " was removed for good but is back");
            match_log(log, bounds.logs[i], found[i], bounds);
        }
    }
    std::erase_if(model_.logs, [](const ModelLog& log) { return log.removed; });
}

void World::match_log(ModelLog& log, const LogBounds& bounds, log::Log* found, const Snapshot& all) {
    const std::string name = to_text(log.key);
    const int64_t start = found->start_offset().value, end = found->end_offset().value;
    const std::string range = name + " [" + std::to_string(start) + ", " + std::to_string(end) + ")";
    const bool cut = fits_cut(log, end);
    if (end < bounds.durable && !cut)
        fail_run(range + " came back shorter than was acknowledged: " + std::to_string(bounds.durable));
    if (end > bounds.end) fail_run(range + " came back longer than was appended: " + std::to_string(bounds.end));
    if (end > bounds.start_low && end != log.end() && !cut && !log.ends_at(end))
        fail_run(range + " ends where no batch ends");
    if (found->durable_offset().value != end) fail_run(range + " came back but is not durable");
    if (found->failed()) fail_run(range + " came back failed");
    if (start > end) fail_run(range + " starts beyond its end");
    if (start < bounds.start_low)
        fail_run(range + " starts before where it durably did: " + std::to_string(bounds.start_low));
    log.was_cut |= cut;
    if (!log.may_start_at(start, all.wall_ms)) fail_run(range + " starts where no retention allows");
    std::erase_if(log.batches, [&](const ModelBatch& batch) { return batch.next <= start || batch.next > end; });
    int32_t epoch_low = bounds.epoch_low;
    if (!log.batches.empty())
        epoch_low = std::max(epoch_low, load_be<int32_t>(log.batches.back().bytes->data() + 12));
    const int32_t epoch = found->leader_epoch().value;
    match_epochs(log, found);
    if ((epoch < epoch_low && !cut) || epoch > bounds.epoch_high)
        fail_run(range + " came back with epoch " + std::to_string(epoch) + ", not in [" + std::to_string(epoch_low) +
                 ", " + std::to_string(bounds.epoch_high) + "]");
    match_producers(log, found, all.faults, cut);
    if (log.cut_to >= 0) ++(cut ? counters_.cuts_recovered : counters_.uncut_recovered);
    log.cut_to = -1;
    log.end_low = end;
    log.epochs = store_of(log.key).epochs(*found);
    log.log = found;
    log.removed = log.remove_durable = false;
    log.create_durable = true;
    log.start_durable = log.start_seen = start;
    log.durable_seen = end;
    log.failed_seen = false;
    log.epoch = log.epoch_durable = epoch;
    store_of(log.key).configure(*found, log.config);
    store_of(log.key).set_replicated(*found, options_.replica);
}

/// Whether a log that was being truncated may end there, cut.
bool World::fits_cut(const ModelLog& log, int64_t end) {
    if (log.cut_to < 0) return false;
    if (!log.config.compact) return end == log.cut_to;
    // Batches right below the cut may have been compacted away.
    return end <= log.cut_to && (end == log.cut_to || log.ends_at(end) || end == log.start_seen);
}

/// Epochs come back up to the end: those that began below it, all of them, and of the others some of the first.
void World::match_epochs(const ModelLog& log, const log::Log* found) {
    const std::vector<log::EpochRange> epochs = store_of(log.key).epochs(*found);
    const int64_t end = found->end_offset().value;
    const auto below = std::ranges::count_if(log.epochs, [&](const auto& epoch) { return epoch.start.value < end; });
    const bool prefix = epochs.size() <= log.epochs.size() &&
                        std::ranges::equal(epochs, std::span(log.epochs).first(epochs.size()));
    if (!prefix || epochs.size() < static_cast<size_t>(below) || (!epochs.empty() && epochs.back().start.value > end))
        fail_run(to_text(log.key) + ", which ends at " + std::to_string(end) + ", has other epochs than began");
}

/// As if the log had never had more than what came back. Only a log that was cut while it ran may know less: what it
/// has forgotten of its producers by then is gone.
void World::match_producers(ModelLog& log, const log::Log* found, bool faults, bool cut) {
    const int64_t end = found->end_offset().value;
    const size_t before = log.produced.size();
    log.forget_from(end);
    const log::ProducerTable& table = store_of(log.key).producers(*found);
    const bool some_lost = cut || (faults && log.produced.size() < before);
    if (const std::string wrong = log.producers.compare(table, some_lost); !wrong.empty())
        fail_run(to_text(log.key) + ", recovered to " + std::to_string(end) + ", " + wrong);
    counters_.producers_checked += table.size();
    log.producers.take(table);
    log.producers_before = log.producers;
    log.produced.clear();
}

Snapshot World::bounds() const {
    if (opening_ != nullptr) return *opening_;
    Snapshot now = model_.snapshot(clock_.time().wall_ms);
    now.faults = options_.faults || options_.rot;
    return now;
}

// Turns.

void World::pass_time(bool produce) {
    const Nanos next = directory_.next_completion();
    if (next == never) {
        // Nothing under way: the next timer, or just the next turn.
        Nanos deadline = clock_.now() + 50 * microsecond_ns;
        clock_.advance_to(deadline);
    } else if (!produce || random_.chance(3, 4)) {
        // Producers do not wait for a disk that stalls.
        clock_.advance_to(produce ? std::min(next, clock_.now() + millisecond_ns) : next);
    }
    if (produce && random_.chance(1, 4)) clock_.advance(static_cast<int64_t>(random_.below(500)) * microsecond_ns);
    // A process that was stopped for seconds: its timers are due while producers are busy.
    if (produce && random_.chance(1, 50)) clock_.advance(static_cast<int64_t>(random_.below(7)) * second_ns);
    clock_.advance(turn_ns);
    directory_.step(clock_.now());
}

void World::start_turn() {
    ++counters_.turns;
    for (const auto& store : stores_) {
        store->on_turn(clock_.time());
        check_advanced(*store);
        answer_repairs(*store);
    }
    finish_cuts();
}

void World::finish_cuts() {
    for (ModelLog& log : model_.logs) {
        if (log.cut_to < 0 || log.log == nullptr || log.log->failed()) continue;
        if (!store_of(log.key).truncating(*log.log)) finish_cut(log);
    }
}

/// As a replica that was never compacted does: with what was appended, or nothing.
void World::answer_repairs(log::Store& store) {
    while (const auto wanted = store.poll_rotten()) {
        const auto log = std::ranges::find(model_.logs, wanted->key, &ModelLog::key);
        std::vector<std::byte> bytes;
        for (const ModelBatch& batch : log == model_.logs.end() ? std::vector<ModelBatch>() : log->batches) {
            if (batch.base < wanted->from.value) continue;
            if (!bytes.empty() && bytes.size() + batch.bytes->size() > wanted->bytes) break;
            bytes.insert(bytes.end(), batch.bytes->begin(), batch.bytes->end());
        }
        if (store.repair(wanted->id, bytes)) continue;
        store.give_up(wanted->id);
        // What lies below the start is gone here, and shares a checksum with what does not.
        if (log != model_.logs.end() && wanted->from.value < log->start_seen) log->may_be_corrupt = true;
    }
}

/// A truncation is over: nothing of what was beyond is left.
void World::finish_cut(ModelLog& log) {
    const std::string name = to_text(log.key) + ", cut to " + std::to_string(log.cut_to);
    log::Store& store = store_of(log.key);
    const int64_t end = log.log->end_offset().value;
    if (!fits_cut(log, end)) fail_run(name + ", ends at " + std::to_string(end));
    if (log.log->durable_offset().value != end) fail_run(name + ", is not durable to its end");
    std::erase_if(log.epochs, [&](const log::EpochRange& epoch) { return epoch.start.value >= end; });
    if (store.epochs(*log.log) != log.epochs) fail_run(name + ", has other epochs than are left");
    log.epoch = log.epoch_durable = log.epochs.empty() ? -1 : log.epochs.back().epoch.value;
    if (log.log->leader_epoch().value != log.epoch) fail_run(name + ", goes on in another epoch than its last");
    match_producers(log, log.log, false, true);
    log.end_low = log.durable_seen = end;
    if (std::ranges::any_of(log.deletes, [&](int64_t offset) { return offset > end; })) log.deletes.insert(end);
    log.cut_to = -1;
    log.was_cut = true;
    ++counters_.cuts;
}

void World::check_advanced(log::Store& store) {
    for (log::Log* at : store.advanced()) {
        const auto it = std::ranges::find(model_.logs, at, &ModelLog::log);
        if (it == model_.logs.end()) fail_run("an unknown log advanced");
        ModelLog& log = *it;
        const int64_t durable = at->durable_offset().value, start = at->start_offset().value;
        const bool cut = durable < log.durable_seen && fits_cut(log, durable);
        if (durable < log.durable_seen && !cut) fail_run(to_text(log.key) + ": the durable offset went back");
        if (durable > log.end()) fail_run(to_text(log.key) + ": the durable offset is beyond the end");
        if (start < log.start_seen) fail_run(to_text(log.key) + ": the log start went back");
        if (start > durable) fail_run(to_text(log.key) + ": the log start is not durable");
        if (start > log.start_seen) {
            ++counters_.starts_moved;
            if (!log.may_start_at(start, clock_.time().wall_ms))
                fail_run(to_text(log.key) + ": the log start moved to " + std::to_string(start) +
                         " where no retention allows");
        }
        if (at->failed() && !options_.faults && !options_.rot) fail_run(to_text(log.key) + " failed without a fault");
        if (log.failed_seen && durable > log.durable_seen) fail_run(to_text(log.key) + " failed, but acknowledges");
        if (log.cut_to >= 0) log.cut_to = std::max(log.cut_to, start);
        log.failed_seen = at->failed();
        log.durable_seen = durable;
        log.start_seen = start;
    }
}

void World::turn(bool produce) {
    pass_time(produce);
    start_turn();
    give_back(false);
    if (produce) {
        const uint64_t steps = random_.below(5);
        for (uint64_t i = 0; i < steps; ++i) random_step();
    }
    for (const auto& store : stores_) store->submit(clock_.time());
    check_disk();
}

void World::work(uint32_t turns) {
    for (uint32_t i = 0; i < turns; ++i) {
        turn(true);
        if (random_.chance(1, 60)) rest();
        if (random_.chance(1, 60)) idle(static_cast<int64_t>(random_.below(3 * second_ns)));
    }
}

// Only durable logs and a disk without work are at rest; timers that run for ever may start new work later.
void World::rest() {
    for (uint32_t i = 0; i < turns_to_rest_max; ++i) {
        turn(false);
        if (directory_.in_flight() > 0) continue;
        const bool durable = std::ranges::all_of(model_.logs, [](const ModelLog& log) {
            if (log.log == nullptr || log.log->failed()) return true;
            return log.cut_to < 0 && log.log->durable_offset() == log.log->end_offset();
        });
        if (!durable) continue;
        if (!any_failed()) model_.settle();
        return;
    }
    fail_run("the store never comes to rest");
}

void World::idle(int64_t ns) {
    const Nanos until = clock_.now() + ns;
    for (uint32_t i = 0; i < turns_to_rest_max && clock_.now() < until; ++i) {
        Nanos next = std::min(directory_.next_completion(), until);
        for (const auto& store : stores_) next = std::min(next, store->next_deadline());
        clock_.advance_to(next);
        clock_.advance(turn_ns);
        directory_.step(clock_.now());
        start_turn();
        for (const auto& store : stores_) store->submit(clock_.time());
        give_back(false);
    }
    if (clock_.now() < until) fail_run("the store finds work without end while nothing happens");
    check_disk();
}

Snapshot World::stop() {
    give_back(true);
    if (random_.chance(1, 2)) rest();
    stopping_ = true;
    for (const auto& store : stores_) store->begin_stop();
    for (uint32_t i = 0; i < turns_to_rest_max; ++i) {
        if (std::ranges::all_of(stores_, [](const auto& store) { return store->drained(); })) {
            for (const ModelLog& log : model_.logs)
                if (log.log != nullptr && !log.log->failed() && log.durable() != log.end())
                    fail_run(to_text(log.key) + " was stopped and is durable to " + std::to_string(log.durable()) +
                             ", not to its end " + std::to_string(log.end()));
            const Snapshot last = bounds();
            end();
            Disk disk(directory_);
            if (!log::mark_clean(disk)) fail_run("a stopped directory cannot be marked clean");
            clock_.advance_to(directory_.now());
            return last;
        }
        turn(false);
    }
    fail_run("the store never ends");
}

// A Store may only be destroyed with nothing under way; a process that dies in the middle is a Directory::crash() of
// all that was.
void World::end() {
    if (stores_.empty()) {
        disks_.clear();
        return;
    }
    directory_.observe(nullptr);
    give_back(true);
    for (uint32_t i = 0; i == 0 || directory_.in_flight() > 0; ++i) {
        if (i > turns_to_rest_max) fail_run("operations never end");
        turn(false);
    }
    for (const auto& store : stores_) {
        const log::StoreCounters& counters = store->counters();
        counters_.checkpoints += counters.checkpoints;
        counters_.commits += counters.commits;
        counters_.commit_bytes += counters.commit_bytes;
        counters_.cold_reads += counters.cache_misses;
        counters_.files_freed += counters.files_freed;
        counters_.compactions += counters.compactions;
        counters_.repaired += counters.repaired;
    }
    for (ModelLog& log : model_.logs) {
        if (log.log == nullptr) continue;
        log.durable_seen = log.log->durable_offset().value;
        log.log = nullptr;
    }
    stores_.clear();
    disks_.clear();
}

bool World::any_failed() const {
    return std::ranges::any_of(model_.logs,
                               [](const ModelLog& log) { return log.log != nullptr && log.log->failed(); });
}

WorldCounters World::counters() const { return counters_; }

void World::check_disk() {
    const auto& violations = directory_.violations();
    if (!violations.empty()) fail_run("the store broke the disk's contract: " + violations[0]);
}

}  // namespace penstock::sim
