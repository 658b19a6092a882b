// Appends: at once, parked while the store is full, then waiting to be settled.
#include "base/assert.h"
#include "broker/owner.h"

namespace penstock::broker {

void Owner::on_append(AppendCall& call, Time time) {
    if (stopping_) {
        call.error = ErrorCode::not_leader_or_follower;
        return answer(call);
    }
    // While the store is full all wait in line, even of other partitions: small batches must not starve a large one of
    // room. A log that waits for itself holds up its own partition only.
    Partition* partition = find(call.key);
    if (parked_.empty() && partition != nullptr && !partition->parked.empty()) return park(*partition, call);
    const Attempt attempt = parked_.empty() ? try_append(call, time) : Attempt::store_waits;
    if (attempt == Attempt::log_waits) return park(*partition, call);
    if (attempt == Attempt::done) return;
    ++counters_.append_waits;
    parked_.push_back(call);
}

void Owner::park(Partition& partition, AppendCall& call) {
    ++counters_.append_waits;
    if (!static_cast<ListLink<UnreadyList>&>(partition).linked()) unready_.push_back(partition);
    partition.parked.push_back(call);
}

/// Done: it was appended or answered.
Owner::Attempt Owner::try_append(AppendCall& call, Time time) {
    Partition* partition = find(call.key);
    if (partition == nullptr) {
        call.error = ErrorCode::unknown_topic_or_partition;
        answer(call);
        return Attempt::done;
    }
    if (!partition->leading) {
        call.error = ErrorCode::not_leader_or_follower;
        answer(call);
        return Attempt::done;
    }
    log::Log& log = *partition->log;
    if (call.batch.producer.producer_id >= 0 && !log.failed() && check_producer(*partition, call)) return Attempt::done;
    const Result<Offset> base = store_.append(log, call.batch, time);
    if (!base) {
        if (base.error().code == Errc::would_block) return Attempt::store_waits;
        if (base.error().code == Errc::not_ready) return Attempt::log_waits;
        call.error = wire::kafka::error_code_of(base.error().code);
        answer(call);
        return Attempt::done;
    }
    const uint64_t bytes = log::batch_header_size + total_size(call.batch.body);
    ++counters_.appends;
    counters_.append_bytes += bytes;
    partition->appended_bytes += bytes;
    call.base_offset = base->value;
    call.log_start_offset = log.start_offset().value;
    call.end = *base + (int64_t{call.batch.last_offset_delta} + 1);
    if (call.when_settled && partition->settled() < call.end) partition->unsettled.push_back(call);
    else answer(call);
    if (partition->in_memory) show(*partition);
    return Attempt::done;
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
            // Behind calls that end later it may wait a little longer than it must, but it holds up nobody.
            if (call.when_settled && partition.settled() < call.end) partition.unsettled.push_back(call);
            else answer(call);
            return true;
    }
    answer(call);
    return true;
}

bool Owner::retry_parked(Time time) {
    bool worked = retry_unready(time);
    while (AppendCall* call = parked_.pop_front()) {
        Partition* partition = find(call->key);
        const bool behind = partition != nullptr && !partition->parked.empty();
        const Attempt attempt = behind ? Attempt::log_waits : try_append(*call, time);
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
        while (AppendCall* call = partition->parked.pop_front()) {
            if (try_append(*call, time) != Attempt::done) {
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

/// Of what waits to be settled or for the log; what waits for the store finds the partition's new state when it is
/// tried.
void Owner::refuse_appends(Partition& partition, ErrorCode error) {
    while (AppendCall* call = partition.parked.front()) {
        call->error = error;
        answer(*call);
    }
    while (AppendCall* call = partition.unsettled.front()) {
        call->error = error;
        call->base_offset = -1;
        answer(*call);
    }
}

}  // namespace penstock::broker
