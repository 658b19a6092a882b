// Fetches: read what there is; if that is too little, give it back and watch until it has grown.
#include <algorithm>

#include "base/assert.h"
#include "broker/owner.h"
#include "limits.h"

namespace penstock::broker {

void Owner::on_fetch(FetchCall& call) {
    ++counters_.fetches;
    call.next_part = 0;
    call.bytes = 0;
    call.any_error = false;
    call.answer_now = false;
    call.waiter = 0;
    call.slices.clear();
    for (FetchPart& part : call.parts) part.call = &call;
    // Those that wait for memory come first, or they might wait for ever.
    if (starved_.empty()) read(call);
    else starved_.push_back(call);
}

/// Reads on from where the call stands. Also called when it stands in a queue or waits for the disk. `done` means that
/// it is answered, or watches.
Owner::ReadStep Owner::read(FetchCall& call) {
    static_cast<ListLink<OwnerQueue>&>(call).unlink();
    if (call.waiter != 0) waiters_.remove(call.waiter);
    call.waiter = 0;
    for (; call.next_part < call.parts.size(); ++call.next_part) {
        const ReadStep step = read_part(call, call.parts[call.next_part]);
        if (step == ReadStep::done) continue;
        if (step == ReadStep::disk) return step;
        // Holding what is read while waiting for memory could be a deadlock; less than there is, is a legal answer.
        if (call.bytes == 0 && !call.answer_now) {
            starved_.push_back(call);
            return step;
        }
        break;
    }
    if (call.next_part < call.parts.size() || call.bytes >= call.bytes_wanted || call.any_error || call.answer_now)
        finish_read(call);
    else watch(call);
    return ReadStep::done;
}

/// Home does not want to wait any longer. A read that the disk is busy with is short and ends first: otherwise a client
/// with a short wait would never see what is not in the cache.
void Owner::cancel_fetch(FetchCall& call) {
    call.answer_now = true;
    if (call.waiter != 0) return;
    if (static_cast<ListLink<OwnerQueue>&>(call).linked()) return finish_read(call);
    stop_watching(call);
    read(call);
}

Owner::ReadStep Owner::read_part(FetchCall& call, FetchPart& part) {
    part.first_slice = static_cast<uint32_t>(call.slices.size());
    part.slice_count = 0;
    part.bytes = 0;
    part.error = ErrorCode::none;
    const auto refuse = [&](ErrorCode error) {
        part.error = error;
        call.any_error = true;
        return ReadStep::done;
    };
    Partition* partition = find(part.key);
    if (partition == nullptr) return refuse(ErrorCode::unknown_topic_or_partition);
    if (!partition->leading && !part.for_replica) return refuse(ErrorCode::not_leader_or_follower);
    log::Log& log = *partition->log;
    stand(part, *partition);
    if (log.failed()) return refuse(ErrorCode::kafka_storage_error);
    if (part.current_leader_epoch >= 0 && part.current_leader_epoch != log.leader_epoch().value) {
        return refuse(part.current_leader_epoch < log.leader_epoch().value ? ErrorCode::fenced_leader_epoch
                                                                           : ErrorCode::unknown_leader_epoch);
    }
    const bool below = part.from < log.start_offset() && !part.for_replica;
    if (below || part.from > log.end_offset()) return refuse(ErrorCode::offset_out_of_range);
    // The leader before showed more than we know of, perhaps. Who saw it must not be told of less.
    if (!part.confirmed && !part.for_replica) return ReadStep::done;
    const Offset limit = part.for_replica ? log.end_offset() : partition->high_watermark;
    if (part.from >= limit || call.bytes >= call.bytes_max) return ReadStep::done;
    if (lent_bytes_ >= options_.lent_bytes_max) return ReadStep::memory;

    // A fetch takes at most a quarter of what is left to lend: a few readers that do not read, and hold what they got
    // until they are closed for it, leave something for those that do.
    const uint64_t share = (options_.lent_bytes_max - lent_bytes_ + call.bytes) / 4;
    if (call.bytes > 0 && call.bytes >= share) return ReadStep::memory;
    const uint64_t room = std::min<uint64_t>({part.bytes_max, call.bytes_max - call.bytes, share - call.bytes});
    const size_t slices_before = call.slices.size();
    const uint64_t waiter = waiters_.add(call);
    // Two replicas that have lost the same must not wait for each other.
    const log::ReadRequest request{.from = part.from, .limit = limit,
                                   .bytes_max = static_cast<uint32_t>(room), .at_least_one = call.bytes == 0,
                                   .waiter = waiter, .for_repair = part.for_replica};
    const log::ReadStatus status = store_.read(log, request, call.slices);
    if (status == log::ReadStatus::pending) {
        call.waiter = waiter;
        return ReadStep::disk;
    }
    waiters_.remove(waiter);
    switch (status) {
        case log::ReadStatus::ready: lend(call, part, slices_before); return ReadStep::done;
        case log::ReadStatus::busy: return ReadStep::memory;
        case log::ReadStatus::out_of_range: return refuse(ErrorCode::offset_out_of_range);
        case log::ReadStatus::corrupt: return refuse(ErrorCode::corrupt_message);
        case log::ReadStatus::failed:
        case log::ReadStatus::pending: break;
    }
    return refuse(ErrorCode::kafka_storage_error);
}

/// Says where its log stands.
void Owner::stand(FetchPart& part, const Partition& partition) {
    part.high_watermark = partition.high_watermark.value;
    part.confirmed = partition.confirmed();
    part.log_start_offset = partition.log->start_offset().value;
}

void Owner::lend(FetchCall& call, FetchPart& part, size_t slices_before) {
    part.slice_count = static_cast<uint32_t>(call.slices.size() - slices_before);
    for (size_t i = slices_before; i < call.slices.size(); ++i) part.bytes += call.slices[i].size;
    call.bytes += part.bytes;
    lent_bytes_ += part.bytes;
}

void Owner::take_back(FetchCall& call) {
    for (const log::Slice& slice : call.slices) {
        lent_bytes_ -= slice.size;
        store_.release(slice);
    }
    call.slices.clear();
    call.bytes = 0;
}

/// Answers with what was read. Parts that were not reached still say where their logs stand.
void Owner::finish_read(FetchCall& call) {
    for (size_t i = call.next_part; i < call.parts.size(); ++i) {
        FetchPart& part = call.parts[i];
        part.first_slice = static_cast<uint32_t>(call.slices.size());
        part.slice_count = 0;
        part.bytes = 0;
        part.error = ErrorCode::none;
        Partition* partition = find(part.key);
        if (partition == nullptr) {
            part.error = ErrorCode::unknown_topic_or_partition;
            continue;
        }
        stand(part, *partition);
    }
    counters_.fetch_bytes += call.bytes;
    answer(call);
}

void Owner::watch(FetchCall& call) {
    ++counters_.fetch_waits;
    const uint64_t had = call.bytes;
    take_back(call);
    call.next_part = 0;
    call.bytes = had;  // until it is read again: what wake_watches() counts from
    for (FetchPart& part : call.parts) {
        Partition* partition = find(part.key);
        part.appended_before = partition->visible_bytes;   // what is not visible yet is growth still
        partition->watches.push_back(part);
    }
}

void Owner::stop_watching(FetchCall& call) {
    for (FetchPart& part : call.parts) part.unlink();
    call.bytes = 0;
}

/// Reads again for those watches whose logs may have grown enough, or came before anything could be given. Appended
/// bytes count before they are visible, so this errs on the side of reading too early, and that only costs a read.
void Owner::wake_watches(Partition& partition) {
    IntrusiveList<FetchPart, WatchList> watches;
    watches.take(partition.watches);
    const bool settled = partition.log->owner == &partition && partition.leading && !partition.log->failed();
    while (FetchPart* part = watches.pop_front()) {
        FetchCall& call = *part->call;
        const uint64_t grown = partition.appended_bytes - part->appended_before;
        const bool waits_on = part->confirmed && part->from >= partition.log->start_offset();
        if (settled && waits_on && call.bytes + grown < call.bytes_wanted) {
            if (partition.high_watermark == partition.log->end_offset()) {
                call.bytes += grown;
                part->appended_before = partition.appended_bytes;
            }
            partition.watches.push_back(*part);
            continue;
        }
        stop_watching(call);
        read(call);
    }
}

bool Owner::retry_starved() {
    bool worked = false;
    for (uint32_t tried = 0; tried < limits::reads_per_turn; ++tried) {
        FetchCall* call = starved_.front();
        if (call == nullptr || lent_bytes_ >= options_.lent_bytes_max) break;
        if (read(*call) == ReadStep::memory) break;
        worked = true;
    }
    return worked;
}

}  // namespace penstock::broker
