// The offset for a timestamp: the log's index names the batch, the batch's records name the offset.
#include "base/assert.h"
#include "broker/owner.h"
#include "limits.h"
#include "wire/batch.h"
#include "wire/compression.h"
#include "wire/records.h"

namespace penstock::broker {

namespace {

/// Finds the first record at or after `timestamp` in one whole batch. False: the batch does not hold what it should.
bool find_record(std::span<const std::byte> batch, int64_t timestamp, ListOffsetCall& call) {
    const wire::BatchHeader header =
        wire::parse_batch_header(batch.first<wire::batch_header_bytes>());
    call.leader_epoch = header.leader_epoch.value;
    call.offset = header.base_offset.value;
    call.found_timestamp = header.max_timestamp;
    // Records of such a batch all count as of the time of the append.
    if (header.is_append_time()) return true;
    std::vector<std::byte> records;
    if (!wire::decompress(header.codec(), batch.subspan(wire::batch_header_bytes), limits::decompressed_batch_bytes,
                          records))
        return false;
    wire::RecordCursor cursor(records, header.record_count);
    wire::Record record;
    while (cursor.next(record)) {
        if (header.base_timestamp + record.timestamp_delta < timestamp) continue;
        call.offset = header.base_offset.value + record.offset_delta;
        call.found_timestamp = header.base_timestamp + record.timestamp_delta;
        return true;
    }
    return false;
}

}  // namespace

void Owner::on_list_offset(ListOffsetCall& call) {
    call.matched = false;
    call.waiter = 0;
    call.error = ErrorCode::none;
    find_offset(call);
}

/// Goes on from where the call stands: it may have waited for the disk, or for memory.
void Owner::find_offset(ListOffsetCall& call) {
    static_cast<ListLink<OwnerQueue>&>(call).unlink();
    if (call.waiter != 0) waiters_.remove(call.waiter);
    call.waiter = 0;
    const auto refuse = [&](ErrorCode error) {
        call.error = error;
        answer(call);
    };
    Partition* partition = find(call.key);
    if (partition == nullptr) return refuse(ErrorCode::unknown_topic_or_partition);
    if (!partition->leading) return refuse(ErrorCode::not_leader_or_follower);
    log::Log& log = *partition->log;
    if (log.failed()) return refuse(ErrorCode::kafka_storage_error);
    const int32_t epoch = log.leader_epoch().value;
    if (call.current_leader_epoch >= 0 && call.current_leader_epoch != epoch) {
        return refuse(call.current_leader_epoch < epoch ? ErrorCode::fenced_leader_epoch
                                                        : ErrorCode::unknown_leader_epoch);
    }
    if (call.timestamp == latest_timestamp || call.timestamp == earliest_timestamp) {
        const bool latest = call.timestamp == latest_timestamp;
        call.offset = (latest ? log.durable_offset() : log.start_offset()).value;
        call.leader_epoch = epoch;
        return answer(call);
    }
    const uint64_t waiter = waiters_.add(call);
    const log::ReadStatus status = search(call, log, waiter);
    if (status == log::ReadStatus::pending) {
        call.waiter = waiter;
        return;
    }
    waiters_.remove(waiter);
    switch (status) {
        case log::ReadStatus::ready: return answer(call);
        case log::ReadStatus::busy: return starved_searches_.push_back(call);
        case log::ReadStatus::corrupt: return refuse(ErrorCode::corrupt_message);
        // The log start passed the batch since it was found: the next try finds a later one.
        case log::ReadStatus::out_of_range: return starved_searches_.push_back(call);
        case log::ReadStatus::failed:
        case log::ReadStatus::pending: break;
    }
    refuse(ErrorCode::kafka_storage_error);
}

log::ReadStatus Owner::search(ListOffsetCall& call, log::Log& log, uint64_t waiter) {
    if (!call.matched || call.match.base_offset < log.start_offset()) {
        const log::ReadStatus status = store_.find_timestamp(log, call.timestamp, waiter, call.match);
        if (status != log::ReadStatus::ready) return status;
        call.matched = true;
    }
    // Nothing so late, or nothing that clients may see yet: no offset, no error.
    if (call.match.base_offset < Offset{0} || call.match.base_offset >= log.durable_offset())
        return log::ReadStatus::ready;
    scratch_.clear();
    const log::ReadStatus status = store_.read(
        log, {.from = call.match.base_offset, .limit = log.durable_offset(), .bytes_max = 1, .at_least_one = true,
              .waiter = waiter}, scratch_);
    if (status != log::ReadStatus::ready) return status;
    std::vector<std::byte> batch;
    for (const log::Slice& slice : scratch_) {
        batch.insert(batch.end(), slice.data, slice.data + slice.size);
        store_.release(slice);
    }
    if (batch.empty()) return log::ReadStatus::ready;
    const bool found = batch.size() >= wire::batch_header_bytes && find_record(batch, call.timestamp, call);
    return found ? log::ReadStatus::ready : log::ReadStatus::corrupt;
}

bool Owner::retry_starved_searches() {
    IntrusiveList<ListOffsetCall, OwnerQueue> waiting;
    waiting.take(starved_searches_);
    bool worked = false;
    while (ListOffsetCall* call = waiting.pop_front()) {
        find_offset(*call);
        worked |= !call->held;
    }
    return worked;
}

}  // namespace penstock::broker
