// Appends: at once, parked while the store is full, then waiting to be durable.
#include "base/assert.h"
#include "broker/owner.h"

namespace penstock::broker {

void Owner::on_append(AppendCall& call, Time time) {
    if (stopping_) {
        call.error = ErrorCode::not_leader_or_follower;
        return answer(call);
    }
    // Behind those that wait, even of other partitions: small batches must not starve a large one of room.
    if (!parked_.empty() || !try_append(call, time)) {
        ++counters_.append_waits;
        parked_.push_back(call);
    }
}

/// False: there is no room now. Otherwise the call was appended or answered.
bool Owner::try_append(AppendCall& call, Time time) {
    Partition* partition = find(call.key);
    if (partition == nullptr) {
        call.error = ErrorCode::unknown_topic_or_partition;
        answer(call);
        return true;
    }
    if (!partition->leading) {
        call.error = ErrorCode::not_leader_or_follower;
        answer(call);
        return true;
    }
    log::Log& log = *partition->log;
    const Result<Offset> base = store_.append(log, call.batch, time);
    if (!base) {
        if (base.error().code == Errc::would_block) return false;
        call.error = wire::kafka::error_code_of(base.error().code);
        answer(call);
        return true;
    }
    const uint64_t bytes = log::batch_header_size + total_size(call.batch.body);
    ++counters_.appends;
    counters_.append_bytes += bytes;
    partition->appended_bytes += bytes;
    call.base_offset = base->value;
    call.log_start_offset = log.start_offset().value;
    call.end = *base + (int64_t{call.batch.last_offset_delta} + 1);
    if (call.when_durable && log.durable_offset() < call.end) partition->undurable.push_back(call);
    else answer(call);
    return true;
}

bool Owner::retry_parked(Time time) {
    bool worked = false;
    while (AppendCall* call = parked_.pop_front()) {
        if (!try_append(*call, time)) {
            parked_.push_front(*call);
            break;
        }
        worked = true;
    }
    return worked;
}

void Owner::answer_durable(Partition& partition) {
    while (AppendCall* call = partition.undurable.front()) {
        if (call->end > partition.log->durable_offset()) break;
        answer(*call);
    }
}

/// Of what waits to be durable; what waits for room finds the partition's new state when it is tried.
void Owner::refuse_appends(Partition& partition, ErrorCode error) {
    while (AppendCall* call = partition.undurable.front()) {
        call->error = error;
        call->base_offset = -1;
        answer(*call);
    }
}

}  // namespace penstock::broker
