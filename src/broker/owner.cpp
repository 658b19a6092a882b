#include "broker/owner.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "limits.h"
#include "log/recover.h"

namespace penstock::broker {

Owner::Owner(const BrokerOptions& options, log::Store& store) : options_(options), store_(store), repairs_(store) {}

Owner::~Owner() {
    while (Partition* partition = partitions_.pop_front()) {
        partition->log->owner = nullptr;
        end_leadership(*partition);
        delete partition;
    }
}

Partition* Owner::find(const log::LogKey& key) {
    log::Log* log = store_.find(key);
    return log == nullptr ? nullptr : static_cast<Partition*>(log->owner);
}

void Owner::apply(const ClusterView& view, std::span<const Topic* const> topics) {
    if (brokers_ != view.brokers) take_brokers(view.brokers);
    for (const Topic* topic : topics) {
        for (size_t index = 0; index < topic->view->partitions.size(); ++index) {
            const PartitionView& partition = topic->view->partitions[index];
            const log::LogKey key{topic->view->id, static_cast<int32_t>(index)};
            if (log::shard_of(key, options_.shard_count) != options_.shard) continue;
            const bool ours = partition.leader == options_.node_id ||
                              std::ranges::find(partition.replicas, options_.node_id) != partition.replicas.end();
            if (!ours && store_.find(key) == nullptr) continue;
            // It has moved away, and is complete where it went.
            const bool gone = !ours && !partition.replicas.empty();
            changes_.push_back({gone ? Change::Kind::remove : Change::Kind::ensure, key, topic->settings.log,
                                partition});
        }
    }
    if (view.deleted_topics.empty()) return;
    // From the store, not from our partitions: a topic may have been deleted while this broker was down.
    for (log::Log* log : store_.logs())
        if (view.deleted(log->key().topic_id)) changes_.push_back({Change::Kind::remove, log->key()});
}

/// Who was started again is asked where it stands, also if nothing was on its way to it: what was heard of it before is
/// not of the broker that it is now, and would not be let in sync.
void Owner::take_brokers(const std::vector<BrokerView>& brokers) {
    const std::vector<BrokerView> before = std::exchange(brokers_, brokers);
    std::vector<BrokerView> started;
    for (const BrokerView& broker : brokers_) {
        const auto at = std::ranges::find(before, broker.id, &BrokerView::id);
        if (at == before.end() || at->incarnation != broker.incarnation) started.push_back(broker);
    }
    if (started.empty()) return;
    for (Partition* partition = partitions_.front(); partition != nullptr; partition = partitions_.next(*partition)) {
        if (partition->leadership == nullptr) continue;
        for (const BrokerView& broker : started) {
            replica::Follower* follower = partition->leadership->find(broker.id);
            if (follower == nullptr || follower->incarnation == broker.incarnation) continue;
            partition->leadership->on_lost(*follower, now_);
            moved(*partition);
        }
    }
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
    const PartitionView& record = change.partition;
    const bool leads = record.leader == options_.node_id;
    auto* partition = static_cast<Partition*>(log->owner);
    if (partition == nullptr) {
        partition = new Partition(*log);
        log->owner = partition;
        partitions_.push_back(*partition);
    }
    // A leader told us to cut before we were told to lead: an epoch begins behind the cut.
    if (leads && store_.truncating(*log)) return false;
    partition->config = change.config;
    partition->replicas = record.replicas;
    hear_of(*partition, record.leader_epoch);
    const bool counts = record.replicas.size() <= 1 || record.in_sync(options_.node_id);
    if (leads && counts && record.leader_epoch >= partition->heard) {
        refuse_replicates(*partition, ErrorCode::fenced_leader_epoch);
        partition->leading = true;
        configure(*partition);
        lead(*partition, record);
        if (record.leader_epoch > log->leader_epoch() && !store_.begin_epoch(*log, record.leader_epoch))
            ++counters_.log_failures;
    } else {
        stop_leading(*partition);
        configure(*partition);
        store_.keep_from(*log, partition->high_watermark);
    }
    // Now memory: what waits for the disk waits no longer. Now disk: what was seen stays seen, the next one waits.
    partition->raise_high_watermark();
    answer_settled(*partition);
    answer_replicates(*partition);
    wake_watches(*partition);
    return true;
}

/// What a follower has too much of goes when its leader says so.
void Owner::configure(Partition& partition) {
    log::LogConfig config = partition.config;
    config.remove_old = config.remove_old && partition.leading;
    partition.in_memory = config.memory;
    store_.configure(*partition.log, config);
    store_.set_replicated(*partition.log, partition.replicas.size() > 1);
}

bool Owner::remove(const log::LogKey& key, Time time) {
    log::Log* log = store_.find(key);
    if (log == nullptr) return true;
    auto* partition = static_cast<Partition*>(log->owner);
    if (partition != nullptr) {
        forget(*partition, ErrorCode::unknown_topic_or_partition);
        retry_waiting_reads(time);  // those of this log find that it is gone
    }
    const Result<void> removed = store_.remove(*log);
    if (removed) return true;
    ++counters_.log_failures;
    return removed.error().code != Errc::would_block;
}

void Owner::forget(Partition& partition, ErrorCode error) {
    partition.log->owner = nullptr;
    end_leadership(partition);
    refuse_appends(partition, error);
    refuse_deletes(partition, error);
    refuse_replicates(partition, error);
    wake_watches(partition);
    drop(partition);
}

/// Its log may be gone already; nobody waits for it any more.
void Owner::drop(Partition& partition) {
    PENSTOCK_ASSERT(partition.unsettled.empty() && partition.unreplicated.empty() && partition.watches.empty());
    PENSTOCK_ASSERT(partition.deleting.empty() && partition.replicating.empty());
    static_cast<ListLink<PartitionList>&>(partition).unlink();
    static_cast<ListLink<UnreadyList>&>(partition).unlink();
    static_cast<ListLink<GrownList>&>(partition).unlink();
    delete &partition;
}

void Owner::on_call(Call& call, Time time) {
    PENSTOCK_ASSERT(!call.held);
    call.held = true;
    now_ = time.now;
    switch (call.kind) {
        case CallKind::append:
        case CallKind::replicate: return on_append(call, time);
        case CallKind::fetch: return on_fetch(static_cast<FetchCall&>(call));
        case CallKind::list_offset: return on_list_offset(static_cast<ListOffsetCall&>(call));
        case CallKind::epoch_end: return on_epoch_end(static_cast<EpochEndCall&>(call));
        case CallKind::log_sizes: return on_log_sizes(static_cast<LogSizesCall&>(call));
        case CallKind::delete_records: return on_delete_records(static_cast<DeleteRecordsCall&>(call));
        case CallKind::replica_state: return on_replica_state(static_cast<ReplicaStateCall&>(call));
        case CallKind::topics:
        case CallKind::view:
        case CallKind::in_sync:
        case CallKind::producer_id:
        case CallKind::group: break;  // the shard serves these
    }
    PENSTOCK_ASSERT(false);
}

/// Answers with what there is. An append that the log already took stays in the log; records may still be deleted.
void Owner::on_cancel(Call& call, Time) {
    if (!call.held) return;
    if (call.kind == CallKind::append || call.kind == CallKind::replicate) {
        return refuse(call, ErrorCode::request_timed_out);
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
    now_ = time.now;
    bool worked = false;
    while (Timer* timer = timers_.expire(time.now)) {
        moved(static_cast<Partition&>(*timer));
        worked = true;
    }
    for (log::Log* log : store_.advanced()) {
        auto* partition = static_cast<Partition*>(log->owner);
        if (partition != nullptr) on_advanced(*partition);
        worked = true;
    }
    if (!store_.readable().empty()) wanting_.take(reading_);
    for (const uint64_t waiter : store_.readable()) {
        Call* call = waiters_.find(waiter);
        if (call == nullptr) continue;
        worked = true;
        if (call->kind == CallKind::fetch) read(static_cast<FetchCall&>(*call));
        else find_offset(static_cast<ListOffsetCall&>(*call));
    }
    worked |= repairs_.turn(time.now, [&](const log::LogKey& key) { return other_replicas(key); });
    worked |= apply_changes(time);
    worked |= retry_parked(time);
    worked |= retry_starved();
    worked |= retry_starved_searches();
    return worked;
}

void Owner::on_advanced(Partition& partition) {
    if (partition.leadership != nullptr) moved(partition);
    else follow_leader(partition);
    partition.raise_high_watermark();
    answer_replicates(partition);
    answer_settled(partition);
    answer_deleted(partition);
    if (partition.log->failed()) {
        refuse_appends(partition, ErrorCode::kafka_storage_error);
        refuse_deletes(partition, ErrorCode::kafka_storage_error);
        refuse_replicates(partition, ErrorCode::kafka_storage_error);
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

/// That are alive.
std::vector<NodeId> Owner::other_replicas(const log::LogKey& key) {
    std::vector<NodeId> others;
    const Partition* partition = find(key);
    if (partition == nullptr) return others;
    for (const NodeId id : partition->replicas) {
        const BrokerView* broker = find_broker(brokers_, id);
        if (id != options_.node_id && broker != nullptr && broker->alive) others.push_back(id);
    }
    return others;
}

void Owner::begin_stop() {
    stopping_ = true;
    while (Partition* partition = unready_.pop_front()) {
        refuse_parked(*partition, CallKind::append, ErrorCode::not_leader_or_follower);
        refuse_parked(*partition, CallKind::replicate, ErrorCode::not_leader_or_follower);
    }
    while (Call* call = parked_.front()) refuse(*call, ErrorCode::not_leader_or_follower);
}

/// Nobody waits for a replica that may be stopping as well.
void Owner::end_waiting() {
    IntrusiveList<Partition, PartitionList> all;
    all.take(partitions_);
    while (Partition* partition = all.pop_front()) {
        while (AppendCall* call = partition->unreplicated.front()) refuse(*call, ErrorCode::not_leader_or_follower);
        partitions_.push_back(*partition);
    }
}

/// An append, or what a leader sent.
void Owner::refuse(Call& call, ErrorCode error) {
    if (call.kind == CallKind::append) {
        static_cast<AppendCall&>(call).error = error;
        static_cast<AppendCall&>(call).base_offset = -1;
    } else {
        static_cast<ReplicateCall&>(call).error = error;
    }
    answer(call);
}

void Owner::answer(Call& call) {
    PENSTOCK_ASSERT(call.held);
    call.held = false;
    static_cast<ListLink<OwnerQueue>&>(call).unlink();
    answers_.push_back(call);
}

Call* Owner::poll_answer() {
    while (Partition* partition = moved_.pop_front()) step(*partition);
    while (Partition* partition = grown_.pop_front()) wake_watches(*partition);
    return answers_.pop_front();
}

}  // namespace penstock::broker
