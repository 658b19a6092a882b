#include "broker/owner.h"

#include "base/assert.h"
#include "limits.h"
#include "log/recover.h"

namespace penstock::broker {

Owner::Owner(const BrokerOptions& options, log::Store& store) : options_(options), store_(store) {}

Owner::~Owner() {
    while (Partition* partition = partitions_.pop_front()) {
        partition->log->owner = nullptr;
        delete partition;
    }
}

Partition* Owner::find(const log::LogKey& key) {
    log::Log* log = store_.find(key);
    return log == nullptr ? nullptr : static_cast<Partition*>(log->owner);
}

void Owner::apply(const ClusterView& view, std::span<const Topic* const> topics) {
    for (const Topic* topic : topics) {
        for (size_t index = 0; index < topic->view->partitions.size(); ++index) {
            const PartitionView& partition = topic->view->partitions[index];
            const log::LogKey key{topic->view->id, static_cast<int32_t>(index)};
            if (log::shard_of(key, options_.shard_count) != options_.shard) continue;
            const bool leading = partition.leader == options_.node_id;
            if (!leading && find(key) == nullptr) continue;
            changes_.push_back({Change::Kind::ensure, key, topic->settings.log, partition.leader_epoch, leading});
        }
    }
    if (view.deleted_topics.empty()) return;
    // From the store, not from our partitions: a topic may have been deleted while this broker was down.
    for (log::Log* log : store_.logs())
        if (view.deleted(log->key().topic_id)) changes_.push_back({Change::Kind::remove, log->key(), {}, {}, false});
}

bool Owner::apply_changes(Time time) {
    uint32_t done = 0;
    while (!changes_.empty() && done < limits::log_changes_per_turn) {
        if (!apply_change(changes_.front(), time)) break;
        changes_.pop_front();
        ++done;
    }
    return done > 0;
}

bool Owner::apply_change(const Change& change, Time time) {
    return change.kind == Change::Kind::ensure ? ensure(change, time) : remove(change.key, time);
}

/// False: the store has no room for it now.
bool Owner::ensure(const Change& change, Time time) {
    log::Log* log = store_.find(change.key);
    if (log == nullptr) {
        Result<log::Log*> created = store_.create(change.key, change.config, time);
        if (!created) {
            ++counters_.log_failures;
            // A poisoned store makes no more logs until the next start, and then the view brings the change again.
            return created.error().code != Errc::would_block && created.error().code != Errc::disk_full;
        }
        log = *created;
    }
    store_.configure(*log, change.config);
    auto* partition = static_cast<Partition*>(log->owner);
    if (partition == nullptr) {
        partition = new Partition(*log);
        log->owner = partition;
        partitions_.push_back(*partition);
    }
    // Now memory: what waits for the disk waits no longer. Now disk: what was seen stays seen, the next one waits.
    partition->in_memory = change.config.memory;
    partition->raise_high_watermark();
    answer_settled(*partition);
    partition->leading = change.leading;
    if (!change.leading) {
        refuse_appends(*partition, ErrorCode::not_leader_or_follower);
        refuse_deletes(*partition, ErrorCode::not_leader_or_follower);
    } else if (change.epoch > log->leader_epoch()) {
        if (!store_.begin_epoch(*log, change.epoch)) ++counters_.log_failures;
    }
    wake_watches(*partition);
    return true;
}

bool Owner::remove(const log::LogKey& key, Time time) {
    log::Log* log = store_.find(key);
    if (log == nullptr) return true;
    auto* partition = static_cast<Partition*>(log->owner);
    if (partition != nullptr) {
        log->owner = nullptr;
        refuse_appends(*partition, ErrorCode::unknown_topic_or_partition);
        refuse_deletes(*partition, ErrorCode::unknown_topic_or_partition);
        wake_watches(*partition);
        PENSTOCK_ASSERT(partition->unsettled.empty() && partition->watches.empty());
        PENSTOCK_ASSERT(partition->deleting.empty());
        static_cast<ListLink<PartitionList>&>(*partition).unlink();
        static_cast<ListLink<UnreadyList>&>(*partition).unlink();
        static_cast<ListLink<GrownList>&>(*partition).unlink();
        delete partition;
        retry_waiting_reads(time);  // those of this log find that it is gone
    }
    const Result<void> removed = store_.remove(*log);
    if (removed) return true;
    ++counters_.log_failures;
    return removed.error().code != Errc::would_block;
}

void Owner::on_call(Call& call, Time time) {
    PENSTOCK_ASSERT(!call.held);
    call.held = true;
    switch (call.kind) {
        case CallKind::append: return on_append(static_cast<AppendCall&>(call), time);
        case CallKind::fetch: return on_fetch(static_cast<FetchCall&>(call));
        case CallKind::list_offset: return on_list_offset(static_cast<ListOffsetCall&>(call));
        case CallKind::epoch_end: return on_epoch_end(static_cast<EpochEndCall&>(call));
        case CallKind::log_sizes: return on_log_sizes(static_cast<LogSizesCall&>(call));
        case CallKind::delete_records: return on_delete_records(static_cast<DeleteRecordsCall&>(call));
        case CallKind::topics:
        case CallKind::view:
        case CallKind::producer_id:
        case CallKind::group: break;  // the shard serves these
    }
    PENSTOCK_ASSERT(false);
}

/// Answers with what there is. An append that the log already took stays in the log; records may still be deleted.
void Owner::on_cancel(Call& call, Time) {
    if (!call.held) return;
    if (call.kind == CallKind::append) {
        static_cast<AppendCall&>(call).error = ErrorCode::request_timed_out;
    } else if (call.kind == CallKind::fetch) {
        return cancel_fetch(static_cast<FetchCall&>(call));
    } else if (call.kind == CallKind::delete_records) {
        static_cast<DeleteRecordsCall&>(call).error = ErrorCode::request_timed_out;
    } else {
        auto& list = static_cast<ListOffsetCall&>(call);
        if (list.waiter != 0) waiters_.remove(list.waiter);
        list.waiter = 0;
        list.error = ErrorCode::request_timed_out;
    }
    answer(call);
}

void Owner::on_release(FetchCall& call) {
    PENSTOCK_ASSERT(!call.held);
    take_back(call);
}

bool Owner::on_turn(Time time) {
    bool worked = false;
    for (log::Log* log : store_.advanced()) {
        auto* partition = static_cast<Partition*>(log->owner);
        if (partition != nullptr) on_advanced(*partition);
        worked = true;
    }
    for (const uint64_t waiter : store_.readable()) {
        Call* call = waiters_.find(waiter);
        if (call == nullptr) continue;
        worked = true;
        if (call->kind == CallKind::fetch) read(static_cast<FetchCall&>(*call));
        else find_offset(static_cast<ListOffsetCall&>(*call));
    }
    worked |= apply_changes(time);
    worked |= retry_parked(time);
    worked |= retry_starved();
    worked |= retry_starved_searches();
    return worked;
}

void Owner::on_advanced(Partition& partition) {
    partition.raise_high_watermark();
    answer_settled(partition);
    answer_deleted(partition);
    if (partition.log->failed()) {
        refuse_appends(partition, ErrorCode::kafka_storage_error);
        refuse_deletes(partition, ErrorCode::kafka_storage_error);
    }
    wake_watches(partition);
}

void Owner::retry_waiting_reads(Time) {
    std::vector<Call*> waiting;
    waiters_.list(waiting);
    for (Call* call : waiting) {
        if (call->kind == CallKind::fetch) read(static_cast<FetchCall&>(*call));
        else find_offset(static_cast<ListOffsetCall&>(*call));
    }
}

void Owner::begin_stop() {
    stopping_ = true;
    while (Partition* partition = unready_.pop_front()) {
        while (AppendCall* call = partition->parked.front()) {
            call->error = ErrorCode::not_leader_or_follower;
            answer(*call);
        }
    }
    while (AppendCall* call = parked_.pop_front()) {
        call->error = ErrorCode::not_leader_or_follower;
        answer(*call);
    }
}

void Owner::answer(Call& call) {
    PENSTOCK_ASSERT(call.held);
    call.held = false;
    static_cast<ListLink<OwnerQueue>&>(call).unlink();
    answers_.push_back(call);
}

Call* Owner::poll_answer() {
    while (Partition* partition = grown_.pop_front()) wake_watches(*partition);
    return answers_.pop_front();
}

}  // namespace penstock::broker
