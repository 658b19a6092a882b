// What a World does at random in a turn, and how it reads.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "trail.h"
#include "storage_world.h"

namespace penstock::sim {

namespace {

constexpr uint32_t read_tries_max = 20'000;  ///< turns that one read may wait

}  // namespace

void World::random_step() {
    if (model_.logs.empty()) return random_create();
    const uint64_t dice = random_.below(1000);
    const uint64_t cut_odds = options_.follower_odds == 1 ? 40 : 10;
    if (dice < cut_odds) random_truncate();
    else if (dice < 620) random_append();
    else if (dice < 900) random_read();
    else if (dice < 930) random_timestamp();
    else if (dice < 960) random_create();
    else if (dice < 970) random_remove();
    else if (dice < 980) random_epoch();
    else if (dice < 985) random_delete();
    else random_configure();
}

// Append.

int32_t World::next_records_count() {
    return static_cast<int32_t>(random_.chance(1, 2) ? 1 : random_.between(2, 20));
}

uint32_t World::random_size(const ModelLog& log) {
    const uint64_t dice = random_.below(100);
    uint64_t size = 0;
    if (dice < 45) {
        size = random_.between(batch_size_min, 600);
    } else if (dice < 65) {
        // Ends at, just before or just behind the end of a block, counted from the start of the log.
        uint64_t position = 0;
        for (const ModelBatch& batch : log.batches) position += batch.bytes->size();
        size = io::block_size - position % io::block_size + random_.below(3) * io::block_size;
        size += random_.between(0, 2) - 1;
    } else if (dice < 80) {
        size = random_.between(1000, 9000);
    } else if (dice < 90) {
        size = random_.between(1, 20) * io::block_size;
    } else {
        size = random_.between(20'000, std::max<uint64_t>(20'000, options_.batch_bytes_max));
    }
    return static_cast<uint32_t>(std::clamp<uint64_t>(size, batch_size_min, options_.batch_bytes_max));
}

Result<Offset> World::append(size_t log_index, uint32_t size) {
    ModelLog& log = model_.logs[log_index];
    const int64_t wall_ms = clock_.time().wall_ms;
    const int32_t records_count = next_records_count();
    (log.config.compact ? make_keyed_batch : make_batch)(made_, ++model_.batches_made, size, records_count,
                                                         wall_ms - static_cast<int64_t>(random_.below(1000)), random_);
    random_producer(log, records_count);
    if (log.follower) stamp_as_leader(log);
    const auto base = log.follower ? store_of(log.key).append_replica(*log.log, made_.batch, clock_.time())
                                   : store_of(log.key).append(*log.log, made_.batch, clock_.time());
    if (!base) {
        ++counters_.refusals;
        if (log.cut_to < 0 && (log.log->end_offset().value != log.end() || log.log->leader_epoch().value != log.epoch))
            fail_run(to_text(log.key) + ": an append was refused and changed the log");
        const Errc code = base.error().code;
        const bool full_is_right = options_.disk_may_fill || options_.disk_limit_bytes != 0;
        const bool right = code == Errc::would_block || code == Errc::not_ready ||
                           (code == Errc::disk_full && full_is_right) ||
                           (code == Errc::failed && options_.faults) ||
                           ((code == Errc::failed || code == Errc::corrupt) && options_.rot);
        if (!right) fail_run(to_text(log.key) + ": an append was refused with " + to_string(code));
        return base;
    }
    ++counters_.appends;
    if (stopping_) fail_run("an append was taken after begin_stop()");
    if (log.cut_to >= 0) fail_run(to_text(log.key) + ": an append was taken during a truncation");
    const std::byte* header = made_.batch.header;
    const auto epoch = load_be<int32_t>(header + 12);
    if (log.follower) {
        counters_.holes += base->value > log.end();
        if (epoch > log.epoch) log.epochs.push_back({LeaderEpoch(epoch), *base});
        log.epoch = std::max(log.epoch, epoch);
    } else if (base->value != log.end()) {
        fail_run(to_text(log.key) + ": an append got another offset than the next");
    }
    if (load_be<int64_t>(header) != base->value || epoch != log.epoch || log.log->leader_epoch().value != epoch)
        fail_run(to_text(log.key) + ": a batch was stamped wrongly");
    log.batches.push_back(stamped(made_, *base));
    if (made_.batch.producer.producer_id >= 0) {
        made_.batch.producer.base_offset = base->value;
        log.produced.push_back(made_.batch.producer);
        log.producers.record(made_.batch.producer);
    }
    if (log.log->end_offset().value != log.end()) fail_run(to_text(log.key) + ": the end is not behind the last batch");
    return base;
}

/// The batch at hand as its leader would send it: the next, behind a hole now and then, or of a new epoch.
void World::stamp_as_leader(ModelLog& log) {
    check_refusals(log);
    const int64_t hole = random_.chance(1, 6) ? static_cast<int64_t>(random_.between(1, 50)) : 0;
    const int32_t later = random_.chance(1, 10) ? static_cast<int32_t>(random_.between(1, 3)) : 0;
    store_be<int64_t>(made_.batch.header, log.end() + hole);
    store_be<int32_t>(made_.batch.header + 12, log.epoch + later);
}

/// Batches that come again, or from a leader that was deposed.
void World::check_refusals(ModelLog& log) {
    if (log.cut_to >= 0 || log.log->failed() || !random_.chance(1, 8)) return;
    const bool old = random_.chance(1, 2) && log.epoch >= 0;
    const int64_t base = old ? log.end() : log.end() - 1 - static_cast<int64_t>(random_.below(5));
    store_be<int64_t>(made_.batch.header, base);
    store_be<int32_t>(made_.batch.header + 12, old ? log.epoch - 1 : log.epoch);
    const auto taken = store_of(log.key).append_replica(*log.log, made_.batch, clock_.time());
    if (taken || taken.error().code != Errc::refused) fail_run(to_text(log.key) + ": a batch from the past is taken");
}

/// What an idempotent producer would send next, after some that it must not get in.
void World::random_producer(ModelLog& log, int32_t records_count) {
    log::ProducerBatch& next = made_.batch.producer;
    next = {};
    if (log.cut_to >= 0 || random_.chance(1, 3)) return;
    if (random_.chance(1, 200)) log.producer_clock_ms += limits::producer_expiration_ms;
    next.producer_id = static_cast<int64_t>(random_.below(8) * random_.below(8));
    next.last_offset_delta = records_count - 1;
    next.timestamp = clock_.time().wall_ms + log.producer_clock_ms;
    const log::Store& store = store_of(log.key);
    log::ProducerBatch found;
    const auto expect = [&](log::ProducerVerdict verdict, const char* what) {
        if (store.check_producer(*log.log, next, found) != verdict) fail_run(to_text(log.key) + ": " + what);
    };
    const auto* producer = log.producers.find(next.producer_id, next.timestamp);
    if (producer == nullptr) {
        next.epoch = static_cast<int16_t>(random_.below(3));
        next.first_sequence = static_cast<int32_t>(random_.chance(1, 2) ? 0 : INT32_MAX - random_.below(100));
        return expect(log::ProducerVerdict::next, "a producer that is not known is refused");
    }
    const log::ProducerBatch& last = producer->last();
    for (const log::ProducerBatch& before : producer->kept()) {
        if (before.epoch != last.epoch) continue;
        next.epoch = before.epoch;
        next.first_sequence = before.first_sequence;
        next.last_offset_delta = before.last_offset_delta;
        expect(log::ProducerVerdict::duplicate, "a batch that came again is not known");
        if (found != before) fail_run(to_text(log.key) + ": a batch that came again is taken for another");
        ++counters_.duplicates;
    }
    next.last_offset_delta = records_count - 1;
    next.epoch = last.epoch;
    next.first_sequence = last.last_sequence() == INT32_MAX ? 0 : last.last_sequence() + 1;
    expect(log::ProducerVerdict::next, "the next batch of a producer is refused");
    if (random_.chance(1, 20)) {
        next.epoch = static_cast<int16_t>(last.epoch + 1);
        next.first_sequence = 1;
        expect(log::ProducerVerdict::out_of_order, "a new epoch may begin in the middle");
        next.first_sequence = 0;
        expect(log::ProducerVerdict::next, "a new epoch is refused");
    }
}

void World::random_append() {
    const size_t index = model_.logs.empty() ? 0 : random_.below(model_.logs.size());
    if (index >= model_.logs.size() || model_.logs[index].log == nullptr) return;
    (void)append(index, random_size(model_.logs[index]));
}

// Logs.

log::LogConfig World::random_config(bool compact) {
    log::LogConfig config;
    config.segment_bytes = compact || random_.chance(1, 2) ? random_.between(20'000, 300'000) : gib;
    config.compact = compact;
    config.min_cleanable_dirty_ratio = random_.chance(1, 2) ? 0 : 0.5;
    config.delete_retention_ms = 10'000;
    config.min_compaction_lag_ms = random_.chance(1, 4) ? static_cast<int64_t>(random_.below(2000)) : 0;
    config.max_compaction_lag_ms = random_.chance(1, 2) ? static_cast<int64_t>(random_.between(1, 5000)) : INT64_MAX;
    config.segment_ms = random_.chance(1, 4) ? static_cast<int64_t>(random_.between(100, 5000)) : 7 * 24 * 3600 * 1000;
    config.retention_bytes = random_.chance(1, 3) ? static_cast<int64_t>(random_.between(0, 400'000)) : -1;
    config.retention_ms = random_.chance(1, 3) ? static_cast<int64_t>(random_.between(500, 20'000)) : -1;
    config.memory = random_.chance(1, 3);
    if (compact && random_.chance(3, 4)) config.retention_bytes = config.retention_ms = -1;
    return config;
}

ModelLog* World::create_log(const log::LogConfig& config) {
    const uint64_t topic = mix64(++model_.topics_made);
    return create_log({make_uuid(topic, mix64(topic)), static_cast<int32_t>(random_.below(3))}, config, 0);
}

ModelLog* World::create_log(const log::LogKey& key, const log::LogConfig& config, int64_t start) {
    ModelLog log;
    log.key = key;
    log.created_at = log.start_durable = log.start_seen = log.durable_seen = start;
    log.note_config(config);
    const auto made = store_of(log.key).create(log.key, config, clock_.time(), Offset(start));
    if (!made) {
        const Errc code = made.error().code;
        if (code != Errc::would_block && !(code == Errc::failed && options_.faults))
            fail_run(std::string("a create was refused with ") + to_string(code));
        return nullptr;
    }
    ++counters_.creates;
    log.log = *made;
    if (log.log->start_offset().value != start || log.log->end_offset().value != start)
        fail_run("a new log is not empty");
    log.epoch = log.epoch_durable = log.log->leader_epoch().value;
    const auto again = store_of(log.key).create(log.key, config, clock_.time());
    if (again || again.error().code != Errc::exists) fail_run("a log could be created twice");
    model_.logs.push_back(std::move(log));
    return &model_.logs.back();
}

void World::random_create() {
    const auto alive = std::ranges::count_if(model_.logs, [](const ModelLog& log) { return !log.removed; });
    if (alive >= static_cast<int64_t>(options_.logs_max)) return;
    ModelLog* log = create_log(random_config(random_.chance(1, options_.compact_odds)));
    if (log != nullptr) log->follower = random_.chance(1, options_.follower_odds);
}

void World::random_remove() {
    if (model_.logs.size() < 3) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr || (log.log->failed() && options_.faults)) return;
    log::Log* victim = log.log;
    log.durable_seen = victim->durable_offset().value;
    log.create_durable |= log.durable_seen > log.start_durable;
    log.removed = true;
    log.log = nullptr;
    if (const auto removed = store_of(log.key).remove(*victim); !removed) {
        const Errc code = removed.error().code;
        if (code != Errc::would_block && !(code == Errc::failed && options_.faults))
            fail_run(std::string("a remove was refused with ") + to_string(code));
        log.removed = false;
        log.log = victim;
        return;
    }
    ++counters_.removes;
    if (store_of(log.key).find(log.key) != nullptr) fail_run("a removed log is still found");
    if (!log.follower || random_.chance(1, 3)) return;
    // Too far behind: begun anew, where the leader's log starts.
    const log::LogKey key = log.key;
    const int64_t start = log.end() + 1000 + static_cast<int64_t>(random_.below(1000));
    ModelLog* again = create_log(key, log::LogConfig(log.config), start);
    if (again == nullptr) return;
    again->follower = true;
    ++counters_.recreates;
}

void World::random_epoch() {
    if (model_.logs.empty()) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr) return;
    const int32_t epoch = log.epoch + static_cast<int32_t>(random_.between(1, 3));
    const int32_t before = log.epoch;
    log.epoch = epoch;
    log.epochs.push_back({LeaderEpoch(epoch), Offset(log.end())});
    if (const auto begun = store_of(log.key).begin_epoch(*log.log, LeaderEpoch(epoch)); !begun) {
        const bool right = begun.error().code == Errc::would_block ||
                           (begun.error().code == Errc::not_ready && log.cut_to >= 0);
        if (!options_.faults && !right)
            fail_run(std::string("an epoch was refused with ") + to_string(begun.error().code));
        log.epoch = before;
        log.epochs.pop_back();
    } else if (log.log->leader_epoch().value != epoch) {
        fail_run(to_text(log.key) + ": an epoch began and is not the current one");
    }
    // Elected, or deposed.
    if (random_.chance(1, 4)) log.follower = !log.follower;
}

void World::random_truncate() {
    if (model_.logs.empty()) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr || !log.follower || log.log->failed()) return;
    log::Store& store = store_of(log.key);
    const int64_t start = log.log->start_offset().value;
    const auto length = static_cast<uint64_t>(log.end() - start);
    const bool near = random_.chance(1, 2);
    const int64_t offset = log.end() - static_cast<int64_t>(random_.below(near ? std::min<uint64_t>(length, 20) + 1
                                                                               : length + 1));
    const bool under_way = log.cut_to >= 0;
    if (start > 0 && !under_way && random_.chance(1, 10)) {
        const auto refused = store.truncate(*log.log, Offset(start - 1));
        const Errc code = refused ? Errc::exists : refused.error().code;
        if (code != Errc::refused && code != Errc::would_block && code != Errc::failed)
            fail_run(to_text(log.key) + ": a truncation below the start is not refused");
    }
    const int64_t durable = log.log->durable_offset().value;
    if (const auto begun = store.truncate(*log.log, Offset(offset)); !begun) {
        const Errc code = begun.error().code;
        if (code != Errc::would_block && !(code == Errc::not_ready && under_way) && !options_.faults)
            fail_run(to_text(log.key) + ": a truncation was refused with " + to_string(code));
        return;
    }
    if (under_way) fail_run(to_text(log.key) + ": two truncations at once");
    if (!store.truncating(*log.log)) {
        if (offset < log.end() || log.log->end_offset().value != log.end())
            fail_run(to_text(log.key) + ": a truncation did nothing");
        return;
    }
    log.cut_to = log.cut_at(offset);
    log.cut_durable = durable;
}

void World::random_configure() {
    if (model_.logs.empty()) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr) return;
    log.note_config(random_config(log.config.compact));
    store_of(log.key).configure(*log.log, log.config);
}

void World::random_delete() {
    if (model_.logs.empty()) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr) return;
    const int64_t start = log.log->start_offset().value, durable = log.log->durable_offset().value;
    const int64_t offset = start + static_cast<int64_t>(random_.below(static_cast<uint64_t>(durable - start) + 1));
    const auto deleted = store_of(log.key).delete_before(*log.log, Offset(offset));
    if (!deleted && !options_.faults && !options_.rot) fail_run(to_text(log.key) + ": a start could not be raised");
    log.deletes.insert(offset);
    ++counters_.deletes;
}

// Read.

log::ReadStatus World::read_once(ModelLog& log, const ReadExpectation& want, int64_t& next) {
    log::Store& store = store_of(log.key);
    slices_.clear();
    ++counters_.reads;
    const log::ReadRequest request{.from = Offset(want.from), .limit = Offset(want.limit), .bytes_max = want.bytes_max,
                                   .at_least_one = want.at_least_one, .waiter = counters_.reads};
    const log::ReadStatus status = store.read(*log.log, request, slices_);
    next = want.from;
    if (status != log::ReadStatus::ready && !slices_.empty()) fail_run("a read failed but lent slices");
    const int64_t end = log.cut_to < 0 ? log.end() : std::min(log.visible(), log.log->end_offset().value);
    const bool in_range = want.from >= log.log->start_offset().value && want.from <= end;
    switch (status) {
        case log::ReadStatus::ready: {
            const std::string wrong = log.config.compact
                                          ? check_compacted_slices(log, want, slices_, next, last_seen_)
                                          : check_slices(log, want, slices_, next);
            if (!wrong.empty()) fail_run(to_text(log.key) + " from " + std::to_string(want.from) + ": " + wrong);
            keep_or_release(store, slices_);
            break;
        }
        case log::ReadStatus::pending: ++counters_.reads_pending; break;
        case log::ReadStatus::busy: ++counters_.reads_busy; break;
        case log::ReadStatus::out_of_range:
            if (in_range) fail_run(to_text(log.key) + ": a read at " + std::to_string(want.from) + " is out of range");
            break;
        case log::ReadStatus::corrupt:
            ++counters_.corrupt;
            if (!options_.rot || (options_.replica && !log.config.compact && !log.may_be_corrupt))
                fail_run(to_text(log.key) + " from " + std::to_string(want.from) + " reads as corrupt");
            break;
        case log::ReadStatus::failed:
            ++counters_.failed;
            if (!options_.faults && !options_.rot) fail_run(to_text(log.key) + ": a read failed without a fault");
            break;
    }
    return status;
}

void World::random_read() {
    if (model_.logs.empty()) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr) return;
    const int64_t start = log.log->start_offset().value, limit = log.visible();
    ReadExpectation want{.from = start, .limit = limit,
                         .bytes_max = static_cast<uint32_t>(random_.between(1, 200'000)),
                         .at_least_one = random_.chance(1, 2)};
    const uint64_t dice = random_.below(20);
    if (dice == 0) want.from = start - 1;
    else if (dice == 1) want.from = log.end() + 1;
    else if (dice < 10) want.from = std::max(start, limit - static_cast<int64_t>(random_.below(10)));
    else if (limit > start)
        want.from = start + static_cast<int64_t>(random_.below(static_cast<uint64_t>(limit - start)));
    if (want.from < 0) return;
    int64_t next = 0;
    (void)read_once(log, want, next);
}

void World::random_timestamp() {
    if (model_.logs.empty()) return;
    ModelLog& log = model_.logs[random_.below(model_.logs.size())];
    if (log.log == nullptr || log.batches.empty() || log.config.compact) return;
    const int64_t timestamp = log.batches[random_.below(log.batches.size())].max_timestamp +
                              static_cast<int64_t>(random_.below(3)) - 1;
    const int64_t start = log.log->start_offset().value, limit = log.visible();
    log::TimestampMatch match;
    log::SearchRequest request{.from = Offset(start), .limit = Offset(limit), .waiter = ++counters_.reads};
    log::ReadStatus status = store_of(log.key).find_max_timestamp(*log.log, request, match);
    int64_t highest = -1;
    for (const ModelBatch& batch : log.batches)
        if (batch.next > start && batch.next <= limit) highest = std::max(highest, batch.max_timestamp);
    if (status == log::ReadStatus::ready && match.max_timestamp != highest)
        fail_run(to_text(log.key) + ": the highest timestamp is said to be " + std::to_string(match.max_timestamp) +
                 " instead of " + std::to_string(highest));
    request.waiter = ++counters_.reads;
    status = store_of(log.key).find_timestamp(*log.log, timestamp, request, match);
    if (status != log::ReadStatus::ready) return;
    const ModelBatch* expected = nullptr;
    for (const ModelBatch& batch : log.batches)
        if (expected == nullptr && batch.next > start && batch.max_timestamp >= timestamp) expected = &batch;
    if (expected != nullptr && expected->next > limit) expected = nullptr;
    const int64_t base = expected != nullptr ? expected->base : -1;
    if (match.base_offset.value != base)
        fail_run(to_text(log.key) + ": timestamp " + std::to_string(timestamp) + " found at " +
                 std::to_string(match.base_offset.value) + " instead of " + std::to_string(base));
    if (expected != nullptr && match.max_timestamp != expected->max_timestamp)
        fail_run(to_text(log.key) + ": a timestamp came back changed");
}

void World::read_whole(ModelLog& log) {
    int64_t from = log.log->start_offset().value;
    const int64_t start = from, limit = log.visible();
    bool all = true;
    last_seen_.clear();
    for (uint32_t tries = 0; from < limit; ++tries) {
        if (tries > read_tries_max) fail_run(to_text(log.key) + ": a read never ends");
        const ReadExpectation want{.from = from, .limit = limit,
                                   .bytes_max = static_cast<uint32_t>(random_.between(1000, 300'000)),
                                   .at_least_one = true};
        int64_t next = from;
        const log::ReadStatus status = read_once(log, want, next);
        if (status == log::ReadStatus::ready) {
            if (next == from) fail_run(to_text(log.key) + ": a read returns nothing for ever");
            from = next;
            tries = 0;
        } else if (status == log::ReadStatus::pending) {
            // The waiter must be woken: until then there is no point in asking again.
            const uint64_t waiter = counters_.reads;
            bool woken = false;
            for (uint32_t i = 0; i < read_tries_max && !woken; ++i) {
                turn(false);
                woken = std::ranges::find(store_of(log.key).readable(), waiter) != store_of(log.key).readable().end();
            }
            if (!woken) fail_run(to_text(log.key) + ": a pending read is never woken");
        } else if (status == log::ReadStatus::busy) {
            give_back(true);
            turn(false);
        } else {
            // Rot or a refusing disk: the batch is lost to this reader, but those behind it may not be.
            const size_t index = log.find(from);
            if (index == log.batches.size()) return;
            from = log.batches[index].next;
            tries = 0;
            all = false;
        }
    }
    if (!log.config.compact || !all || log.was_cut) return;
    // The start may have moved meanwhile: what lay before it may have been seen or not.
    const int64_t now = log.log->start_offset().value;
    if (now != start) return;
    if (const std::string wrong = check_table(log, start, limit, last_seen_); !wrong.empty())
        fail_run(to_text(log.key) + ": " + wrong);
}

void World::verify_all() {
    give_back(true);
    const auto cut = [](const ModelLog& log) { return log.cut_to >= 0 && log.log != nullptr && !log.log->failed(); };
    for (uint32_t i = 0; std::ranges::any_of(model_.logs, cut); ++i) {
        if (i > read_tries_max) fail_run("a truncation never ends");
        turn(false);
    }
    for (size_t i = 0; i < model_.logs.size(); ++i)
        if (model_.logs[i].log != nullptr) read_whole(model_.logs[i]);
    give_back(true);
    check_disk();
}

void World::keep_or_release(log::Store& store, std::vector<log::Slice>& slices) {
    if (slices.empty()) return;
    Lent lent{.store = &store, .slices = std::move(slices), .copy = {}, .until_turn = counters_.turns};
    slices = {};
    if (lent_.size() < 4 && random_.chance(1, 3)) lent.until_turn += random_.below(20);
    for (const log::Slice& slice : lent.slices) lent.copy.insert(lent.copy.end(), slice.data, slice.data + slice.size);
    lent_.push_back(std::move(lent));
    if (lent_.back().until_turn == counters_.turns) {
        for (const log::Slice& slice : lent_.back().slices) store.release(slice);
        lent_.pop_back();
    }
}

void World::give_back(bool all) {
    std::erase_if(lent_, [&](Lent& lent) {
        if (!all && lent.until_turn > counters_.turns) return false;
        size_t at = 0;
        for (const log::Slice& slice : lent.slices) {
            if (std::memcmp(lent.copy.data() + at, slice.data, slice.size) != 0)
                fail_run("the bytes of a lent slice changed");
            at += slice.size;
            lent.store->release(slice);
        }
        return true;
    });
}

}  // namespace penstock::sim
