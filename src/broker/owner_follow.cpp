// The follower's side of a partition: what its leader asks, cuts and appends. The leader says what is next, and this
// log takes it only as its very next: from the leader that it last heard of, in the session that it was asked in.
#include <algorithm>

#include "base/assert.h"
#include "broker/owner.h"

namespace penstock::broker {

/// From here on older leaders are refused, ourselves among them.
void Owner::hear_of(Partition& partition, LeaderEpoch epoch) {
    if (epoch <= partition.heard) return;
    partition.heard = epoch;
    if (partition.leading) stop_leading(partition);
}

void Owner::on_replica_state(ReplicaStateCall& call) {
    const auto refuse = [&](ErrorCode error) {
        call.error = error;
        answer(call);
    };
    Partition* partition = find(call.key);
    if (partition == nullptr) return refuse(ErrorCode::unknown_topic_or_partition);
    if (stopping_) return refuse(ErrorCode::replica_not_available);
    if (partition->log->failed()) return refuse(ErrorCode::kafka_storage_error);
    hear_of(*partition, call.epoch);
    // We lead under that epoch: whoever asks goes by a record that there is not.
    if (call.epoch < partition->heard || partition->leading) return refuse(ErrorCode::fenced_leader_epoch);
    if (call.epoch == partition->session_epoch && call.session < partition->session)
        return refuse(ErrorCode::fenced_leader_epoch);
    partition->session_epoch = call.epoch;
    partition->session = call.session;
    refuse_replicates(*partition, ErrorCode::fenced_leader_epoch);
    // Where it ends is not known yet.
    const log::Log& log = *partition->log;
    if (store_.truncating(log)) return refuse(ErrorCode::replica_not_available);
    call.start = log.start_offset();
    call.end = log.end_offset();
    call.durable = log.durable_offset();
    call.epochs = store_.epochs(log);
    answer(call);
}

/// Of what waits here; what waits for the store is refused when it is tried.
void Owner::refuse_replicates(Partition& partition, ErrorCode error) {
    refuse_parked(partition, CallKind::replicate, error);
    while (ReplicateCall* call = partition.replicating.front()) refuse(*call, error);
}

/// Done: it waits to be settled, or is answered.
Owner::Attempt Owner::try_replicate(ReplicateCall& call, Time time) {
    const auto refused = [&](ErrorCode error) {
        refuse(call, error);
        return Attempt::done;
    };
    Partition* partition = find(call.key);
    if (partition == nullptr) return refused(ErrorCode::unknown_topic_or_partition);
    if (partition->log->failed()) return refused(ErrorCode::kafka_storage_error);
    const bool in_session = call.epoch == partition->heard && call.epoch == partition->session_epoch &&
                            call.session == partition->session;
    if (!in_session || partition->leading) return refused(ErrorCode::fenced_leader_epoch);
    Attempt attempt = Attempt::done;
    if (const Result<void> cut = cut_log(*partition, call, time, attempt); !cut)
        return refused(wire::kafka::error_code_of(cut.error().code));
    if (attempt != Attempt::done) return attempt;
    if (call.next_batch == 0 && partition->log->end_offset() != call.from)
        return refused(ErrorCode::offset_out_of_range);
    for (; call.next_batch < call.batches.size(); ++call.next_batch) {
        const ErrorCode error = append_batch(*partition, call, time, attempt);
        if (error != ErrorCode::none) return refused(error);
        if (attempt != Attempt::done) return attempt;
    }
    partition->leaders_watermark = std::max(partition->leaders_watermark, call.high_watermark);
    partition->leaders_start = std::max(partition->leaders_start, call.log_start);
    follow_leader(*partition);
    call.end = partition->log->end_offset();
    partition->replicating.push_back(call);
    answer_replicates(*partition);
    return Attempt::done;
}

/// Brings the log's end to where the leader goes on; `attempt` says what that waits for.
Result<void> Owner::cut_log(Partition& partition, ReplicateCall& call, Time time, Attempt& attempt) {
    using wire::node::Cut;
    if (call.cut == Cut::anew && !call.cut_begun) return replace_log(partition, call, time, attempt);
    if (call.cut == Cut::at && !call.cut_begun) {
        const Result<void> begun = store_.truncate(*partition.log, call.from);
        call.cut_begun = begun.has_value();
        if (!begun) {
            const Errc code = begun.error().code;
            if (code != Errc::not_ready && code != Errc::would_block) return begun;
            attempt = Attempt::log_waits;
            return {};
        }
    }
    if (store_.truncating(*partition.log)) attempt = Attempt::log_waits;
    // Only an unclean election takes back what was visible.
    else partition.high_watermark = std::min(partition.high_watermark, partition.log->end_offset());
    return {};
}

Result<void> Owner::replace_log(Partition& partition, ReplicateCall& call, Time time, Attempt& attempt) {
    partition.log->owner = nullptr;
    const Result<void> removed = store_.remove(*partition.log);
    if (!removed) {
        partition.log->owner = &partition;
        if (removed.error().code != Errc::would_block) return removed;
        attempt = Attempt::store_waits;
        return {};
    }
    const Result<log::Log*> made = store_.create(call.key, partition.config, time, call.from);
    if (!made) {
        ++counters_.log_failures;
        // It is made when there is room; the leader asks again, and finds it empty.
        changes_.push_back({Change::Kind::ensure, call.key, partition.config, {.leader_epoch = partition.heard}});
        refuse_replicates(partition, ErrorCode::replica_not_available);
        drop(partition);
        return std::unexpected(made.error());
    }
    partition.log = *made;
    partition.log->owner = &partition;
    configure(partition);
    call.cut_begun = true;
    partition.high_watermark = call.from;
    retry_waiting_reads(time);   // those of the log that was find that we do not lead
    return {};
}

ErrorCode Owner::append_batch(Partition& partition, const ReplicateCall& call, Time time, Attempt& attempt) {
    const wire::StampedBatch& stamped = call.batches[call.next_batch];
    const wire::BatchHeader& header = stamped.header;
    if (header.leader_epoch > call.epoch) return ErrorCode::invalid_record;
    log::BatchToAppend batch{.body = stamped.body,
                             .last_offset_delta = header.last_offset_delta,
                             .max_timestamp = header.max_timestamp,
                             .producer = {.producer_id = header.producer_id,
                                          .epoch = header.producer_epoch,
                                          .first_sequence = header.base_sequence,
                                          .last_offset_delta = header.last_offset_delta,
                                          .timestamp = header.is_append_time() ? header.max_timestamp : time.wall_ms}};
    std::ranges::copy(stamped.header_bytes, batch.header);
    const Result<Offset> base = store_.append_replica(*partition.log, batch, time);
    if (base) {
        ++counters_.replica_batches;
        partition.appended_bytes += static_cast<uint64_t>(header.total_bytes());
        return ErrorCode::none;
    }
    if (base.error().code == Errc::would_block) attempt = Attempt::store_waits;
    else if (base.error().code == Errc::not_ready) attempt = Attempt::log_waits;
    else return wire::kafka::error_code_of(base.error().code);
    return ErrorCode::none;
}

/// The log's visible part, and its start, go where the leader's are, as far as this log reaches.
void Owner::follow_leader(Partition& partition) {
    log::Log& log = *partition.log;
    if (partition.leading || log.failed() || store_.truncating(log)) return;
    partition.raise_high_watermark();
    store_.keep_from(log, partition.high_watermark);
    const Offset start = std::min(partition.leaders_start, log.durable_offset());
    // What the store refuses now it is asked for again when the log moves.
    if (start > log.start_offset()) static_cast<void>(store_.delete_before(log, start));
}

void Owner::answer_replicates(Partition& partition) {
    while (ReplicateCall* call = partition.replicating.front()) {
        if (call->end > partition.settled()) break;
        call->end = partition.log->end_offset();
        call->durable = partition.log->durable_offset();
        answer(*call);
    }
}

}  // namespace penstock::broker
