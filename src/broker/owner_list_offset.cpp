// The offset for a timestamp: the log's index names the batch, the batch's records name the offset.
#include <algorithm>

#include "base/assert.h"
#include "broker/owner.h"
#include "limits.h"
#include "wire/batch.h"
#include "wire/compression.h"
#include "wire/records.h"

namespace penstock::broker {

namespace {

using wire::kafka::earliest_local_timestamp;
using wire::kafka::earliest_pending_upload_timestamp;
using wire::kafka::earliest_timestamp;
using wire::kafka::latest_tiered_timestamp;
using wire::kafka::latest_timestamp;
using wire::kafka::max_timestamp;

enum class Looked : uint8_t {
    found,
    passed,   ///< the log's start has taken what the batch promised, or the producer promised too much
    corrupt,
};

void take(ListOffsetCall& call, const wire::BatchHeader& header, int64_t offset, int64_t timestamp) {
    call.leader_epoch = header.leader_epoch.value;
    call.offset = offset;
    call.found_timestamp = timestamp;
}

/// Looks for what is asked for among the records of one whole batch that are not below `start`: the first at or after
/// the timestamp, or, if it is higher than what was found before, the first with the highest.
Looked look_into(std::span<const std::byte> batch, int64_t start, ListOffsetCall& call) {
    if (batch.size() < wire::batch_header_bytes) return Looked::corrupt;
    const wire::BatchHeader header =
        wire::parse_batch_header(batch.first<wire::batch_header_bytes>());
    const bool highest = call.timestamp == max_timestamp;
    const int64_t base = header.base_offset.value;
    call.from = Offset(base + header.last_offset_delta + 1);
    // Records of such a batch all count as of the time of the append.
    if (header.is_append_time()) {
        if (!highest || header.max_timestamp > call.found_timestamp)
            take(call, header, std::max(base, start), header.max_timestamp);
        return Looked::found;
    }
    std::vector<std::byte> records;
    if (!wire::decompress(header.codec(), batch.subspan(wire::batch_header_bytes), limits::decompressed_batch_bytes,
                          records))
        return Looked::corrupt;
    wire::RecordCursor cursor(records, header.record_count);
    wire::Record record;
    while (cursor.next(record)) {
        const int64_t timestamp = header.base_timestamp + record.timestamp_delta;
        const int64_t offset = base + record.offset_delta;
        if (offset < start || timestamp < (highest ? call.found_timestamp + 1 : call.timestamp)) continue;
        take(call, header, offset, timestamp);
        if (!highest) return Looked::found;
    }
    return highest && call.offset >= 0 ? Looked::found : Looked::passed;
}

}  // namespace

void Owner::on_list_offset(ListOffsetCall& call) {
    call.matched = false;
    call.waiter = 0;
    call.from = Offset{0};
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
    const bool from_start = call.timestamp == earliest_timestamp || call.timestamp == earliest_local_timestamp;
    // What is found may seem to be less than another leader showed.
    if (!from_start && !partition->confirmed()) return refuse(ErrorCode::offset_not_available);
    switch (call.timestamp) {
        case latest_timestamp:
            call.offset = partition->high_watermark.value;
            call.leader_epoch = epoch;
            return answer(call);
        case earliest_timestamp:
        case earliest_local_timestamp:
            call.offset = log.start_offset().value;
            call.leader_epoch = store_.epoch_of(log, log.start_offset());
            return answer(call);
        case latest_tiered_timestamp:
        case earliest_pending_upload_timestamp: return answer(call);
        default: break;
    }
    const uint64_t waiter = waiters_.add(call);
    const log::ReadStatus status = search(call, *partition, waiter);
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

/// As a rule one batch is read. Where the log's start cuts through it, the search may have to go on behind it.
log::ReadStatus Owner::search(ListOffsetCall& call, Partition& partition, uint64_t waiter) {
    for (;;) {
        const log::ReadStatus matched = match(call, partition, waiter);
        if (matched != log::ReadStatus::ready) return matched;
        // Nothing so late, or nothing that clients may see yet: no offset, no error.
        if (call.match.base_offset < Offset{0}) return log::ReadStatus::ready;
        if (call.timestamp == max_timestamp && call.match.max_timestamp <= call.found_timestamp)
            return log::ReadStatus::ready;
        std::vector<std::byte> batch;
        const Offset start = partition.log->start_offset();
        const log::ReadStatus status = read_batch(partition, std::max(call.match.base_offset, start), waiter, batch);
        if (status != log::ReadStatus::ready || batch.empty()) return status;
        const Looked looked = look_into(batch, start.value, call);
        if (looked == Looked::corrupt) return log::ReadStatus::corrupt;
        if (looked == Looked::found && (call.timestamp != max_timestamp || call.match.base_offset >= start))
            return log::ReadStatus::ready;
        call.matched = false;
    }
}

/// The batch to look into. The log's start may have passed the one that was found before.
log::ReadStatus Owner::match(ListOffsetCall& call, Partition& partition, uint64_t waiter) {
    log::Log& log = *partition.log;
    if (call.matched && call.match.base_offset >= log.start_offset()) return log::ReadStatus::ready;
    const log::SearchRequest request{.from = std::max(call.from, log.start_offset()),
                                     .limit = partition.high_watermark,
                                     .waiter = waiter};
    const log::ReadStatus status = call.timestamp == max_timestamp
                                       ? store_.find_max_timestamp(log, request, call.match)
                                       : store_.find_timestamp(log, call.timestamp, request, call.match);
    call.matched = status == log::ReadStatus::ready;
    return status;
}

log::ReadStatus Owner::read_batch(Partition& partition, Offset at, uint64_t waiter, std::vector<std::byte>& batch) {
    scratch_.clear();
    const log::ReadStatus status = store_.read(
        *partition.log,
        {.from = at, .limit = partition.high_watermark, .bytes_max = 1, .at_least_one = true, .waiter = waiter},
        scratch_);
    if (status != log::ReadStatus::ready) return status;
    for (const log::Slice& slice : scratch_) {
        batch.insert(batch.end(), slice.data, slice.data + slice.size);
        store_.release(slice);
    }
    return status;
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
