#include "client/received_batch.h"

#include "limits.h"
#include "wire/compression.h"

namespace penstock::client {

namespace {

penstock_bytes view_of(const wire::OptionalBytes& bytes) {
    if (!bytes) return {nullptr, 0};
    static constexpr std::byte nothing{};
    return {bytes->empty() ? &nothing : bytes->data(), bytes->size()};
}

}  // namespace

bool ReceivedBatch::open() {
    opened_ = true;
    std::span<const std::byte> records = bytes_.subspan(wire::batch_header_bytes);
    if (header_.codec() != wire::Codec::none) {
        if (!wire::decompress(header_.codec(), records, limits::client_answer_bytes_max, decompressed_)) return false;
        records = decompressed_;
    }
    cursor_ = wire::RecordCursor(records, header_.record_count);
    return true;
}

penstock_error ReceivedBatch::next(penstock_record_view& record) {
    if (!opened_ && !open()) return PENSTOCK_MALFORMED;
    wire::Record found;
    while (cursor_.next(found)) {
        const int64_t offset = header_.base_offset.value + found.offset_delta;
        if (offset < first_offset_) continue;
        headers_ = found.headers;
        record = {.offset = offset,
                  .timestamp = header_.is_append_time() ? header_.max_timestamp
                                                        : header_.base_timestamp + found.timestamp_delta,
                  .key = view_of(found.key), .value = view_of(found.value), .header_count = found.headers.count()};
        return PENSTOCK_OK;
    }
    return cursor_.failed() ? PENSTOCK_MALFORMED : PENSTOCK_EMPTY;
}

penstock_error ReceivedBatch::next_header(penstock_header& header) {
    wire::RecordHeader found;
    if (!headers_.next(found)) return PENSTOCK_EMPTY;
    header = {.name = found.key.data(), .name_size = found.key.size(), .value = view_of(found.value)};
    return PENSTOCK_OK;
}

}  // namespace penstock::client
