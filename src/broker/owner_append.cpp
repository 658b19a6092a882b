// Appends: at once, parked while the store is full, then waiting to be settled or replicated. What a leader sends parks
// in the same rows.
#include "base/assert.h"
#include "broker/owner.h"

namespace penstock::broker {

namespace {

const log::LogKey& key_of(const Call& call) {
    return call.kind == CallKind::append ? static_cast<const AppendCall&>(call).key
                                         : static_cast<const ReplicateCall&>(call).key;
}

bool enough_in_sync(const Partition& partition, const AppendCall& call) {
    return static_cast<int64_t>(partition.in_sync_count()) >= call.min_in_sync;
}

}  // namespace

void Owner::on_append(Call& call, Time time) {
    if (stopping_) return refuse(call, ErrorCode::not_leader_or_follower);
    // While the store is full all wait in line, even of other partitions: small batches must not starve a large one of
    // room. A log that waits for itself holds up its own partition only.
    Partition* partition = find(key_of(call));
    if (parked_.empty() && partition != nullptr && !partition->parked.empty()) return park(*partition, call);
    const Attempt attempt = parked_.empty() ? try_again(call, time) : Attempt::store_waits;
    if (attempt == Attempt::log_waits) return park(*partition, call);
    if (attempt == Attempt::done) return;
    ++counters_.append_waits;
    parked_.push_back(call);
}

Owner::Attempt Owner::try_again(Call& call, Time time) {
    return call.kind == CallKind::append ? try_append(static_cast<AppendCall&>(call), time)
                                         : try_replicate(static_cast<ReplicateCall&>(call), time);
}

void Owner::park(Partition& partition, Call& call) {
    ++counters_.append_waits;
    if (!static_cast<ListLink<UnreadyList>&>(partition).linked()) unready_.push_back(partition);
    partition.parked.push_back(call);
}

/// Done: it was appended or answered.
Owner::Attempt Owner::try_append(AppendCall& call, Time time) {
    const auto refused = [&](ErrorCode error) {
        refuse(call, error);
        return Attempt::done;
    };
    Partition* partition = find(call.key);
    if (partition == nullptr) return refused(ErrorCode::unknown_topic_or_partition);
    if (!partition->leading) return refused(ErrorCode::not_leader_or_follower);
    if (call.acks == Acks::replicated && !enough_in_sync(*partition, call))
        return refused(ErrorCode::not_enough_replicas);
    log::Log& log = *partition->log;
    if (call.batch.producer.producer_id >= 0 && !log.failed() && check_producer(*partition, call)) return Attempt::done;
    const Result<Offset> base = store_.append(log, call.batch, time);
    if (!base) {
        if (base.error().code == Errc::would_block) return Attempt::store_waits;
        if (base.error().code == Errc::not_ready) return Attempt::log_waits;
        return refused(wire::kafka::error_code_of(base.error().code));
    }
    const uint64_t bytes = log::batch_header_size + total_size(call.batch.body);
    ++counters_.appends;
    counters_.append_bytes += bytes;
    partition->appended_bytes += bytes;
    call.base_offset = base->value;
    call.log_start_offset = log.start_offset().value;
    call.end = *base + (int64_t{call.batch.last_offset_delta} + 1);
    answer_in_time(*partition, call);
    if (partition->leadership != nullptr) moved(*partition);
    else if (partition->in_memory) show(*partition);
    return Attempt::done;
}

/// Now, if nobody has to wait for what it appended or repeats; else it waits in the row for that. Behind calls that end
/// later a duplicate may wait a little longer than it must, but it holds up nobody.
void Owner::answer_in_time(Partition& partition, AppendCall& call) {
    if (call.acks == Acks::appended) return answer(call);
    if (call.acks == Acks::replicated && partition.leadership != nullptr) {
        if (partition.leadership->high_watermark() < call.end) partition.unreplicated.push_back(call);
        else answer_replicated(partition, call);
        return;
    }
    if (partition.settled() < call.end) partition.unsettled.push_back(call);
    else answer(call);
}

/// The set may have shrunk while it waited.
void Owner::answer_replicated(const Partition& partition, AppendCall& call) {
    if (enough_in_sync(partition, call)) answer(call);
    else refuse(call, ErrorCode::not_enough_replicas_after_append);
}

/// Here and not before it waited: all that came before it is in the log now. Batches that are appended and not durable
/// count as much as others: should their commit never become durable, the log fails with it, takes nothing more until
/// the next start, and that start finds the producers as the recovered log has them.
/// True: it is not to be appended, and answered, or will be once what it repeats is settled.
bool Owner::check_producer(Partition& partition, AppendCall& call) {
    log::Log& log = *partition.log;
    log::ProducerBatch original;
    switch (store_.check_producer(log, call.batch.producer, original)) {
        case log::ProducerVerdict::next: return false;
        case log::ProducerVerdict::out_of_order: call.error = ErrorCode::out_of_order_sequence_number; break;
        case log::ProducerVerdict::fenced: call.error = ErrorCode::invalid_producer_epoch; break;
        case log::ProducerVerdict::duplicate:
            ++counters_.append_duplicates;
            call.base_offset = original.base_offset;
            call.duplicate_timestamp = original.timestamp;
            call.log_start_offset = log.start_offset().value;
            call.end = Offset(original.last_offset() + 1);
            answer_in_time(partition, call);
            return true;
    }
    answer(call);
    return true;
}

bool Owner::retry_parked(Time time) {
    bool worked = retry_unready(time);
    while (Call* call = parked_.pop_front()) {
        Partition* partition = find(key_of(*call));
        const bool behind = partition != nullptr && !partition->parked.empty();
        const Attempt attempt = behind ? Attempt::log_waits : try_again(*call, time);
        if (attempt == Attempt::store_waits) {
            parked_.push_front(*call);
            break;
        }
        if (attempt == Attempt::log_waits) park(*partition, *call);
        worked = true;
    }
    return worked;
}

/// Those that wait for their own logs: they came before all others of their partitions.
bool Owner::retry_unready(Time time) {
    bool worked = false;
    IntrusiveList<Partition, UnreadyList> still;
    while (Partition* partition = unready_.pop_front()) {
        while (Call* call = partition->parked.pop_front()) {
            if (try_again(*call, time) != Attempt::done) {
                partition->parked.push_front(*call);
                break;
            }
            worked = true;
        }
        if (!partition->parked.empty()) still.push_back(*partition);
    }
    unready_.take(still);
    return worked;
}

/// What was appended is visible now. Those who watch are told once for all that this turn brings.
void Owner::show(Partition& partition) {
    partition.raise_high_watermark();
    if (!static_cast<ListLink<GrownList>&>(partition).linked()) grown_.push_back(partition);
}

void Owner::answer_settled(Partition& partition) {
    while (AppendCall* call = partition.unsettled.front()) {
        if (call->end > partition.settled()) break;
        answer(*call);
    }
}

/// Of what waits to be settled, replicated or for the log; what waits for the store finds the partition's new state
/// when it is tried.
void Owner::refuse_appends(Partition& partition, ErrorCode error) {
    refuse_parked(partition, CallKind::append, error);
    while (AppendCall* call = partition.unsettled.front()) refuse(*call, error);
    while (AppendCall* call = partition.unreplicated.front()) refuse(*call, error);
}

void Owner::refuse_parked(Partition& partition, CallKind kind, ErrorCode error) {
    IntrusiveList<Call, OwnerQueue> parked;
    parked.take(partition.parked);
    while (Call* call = parked.pop_front()) {
        if (call->kind == kind) refuse(*call, error);
        else partition.parked.push_back(*call);
    }
}

}  // namespace penstock::broker
