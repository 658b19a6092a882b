// A batch as a consumer sees it: a view of the answer that it came in, which it keeps alive.
//
// next() walks the records where they lie; compressed ones are decompressed once, into memory of the batch. Records
// below the position that was asked for are passed over. Belongs to the application from Consumer::next() to release().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "client/penstock.h"
#include "wire/batch.h"
#include "wire/records.h"

namespace penstock::client {

struct FetchedPartition;

class ReceivedBatch {
public:
    /// `bytes`: the whole batch, inside `frame`.
    ReceivedBatch(std::shared_ptr<const std::byte[]> frame, std::span<const std::byte> bytes,
                  const wire::BatchHeader& header, int64_t first_offset)
        : frame_(std::move(frame)), bytes_(bytes), header_(header), first_offset_(first_offset) {}

    /// PENSTOCK_EMPTY behind the last.
    penstock_error next(penstock_record_view& record);
    penstock_error next_header(penstock_header& header);

    int64_t first_offset() const { return first_offset_; }
    int64_t next_offset() const { return header_.last_offset().value + 1; }
    uint64_t size() const { return bytes_.size(); }
    const wire::BatchHeader& header() const { return header_; }

    // The consumer's bookkeeping.
    std::shared_ptr<FetchedPartition> partition;
    int64_t high_watermark = -1;
    uint64_t hand_out = 0;   ///< which one of its partition's, in order

private:
    bool open();

    std::shared_ptr<const std::byte[]> frame_;
    std::span<const std::byte> bytes_;
    wire::BatchHeader header_;
    int64_t first_offset_;
    bool opened_ = false;
    std::vector<std::byte> decompressed_;
    wire::RecordCursor cursor_;
    wire::RecordHeaders headers_;
};

/// Cuts the bytes of a fetched partition into whole batches and checks their format; what was cut off at the end is
/// left. `visit(header, bytes)` for each. False: malformed.
template <class F>
bool for_each_batch(std::span<const std::byte> bytes, bool check_crc, F visit) {
    while (bytes.size() >= wire::batch_header_bytes) {
        const wire::BatchHeaderBytes head = bytes.first<wire::batch_header_bytes>();
        const wire::BatchHeader header = wire::parse_batch_header(head);
        if (header.total_bytes() < static_cast<int64_t>(wire::batch_header_bytes)) return false;
        const auto size = static_cast<uint64_t>(header.total_bytes());
        if (size > bytes.size()) return true;
        if (header.magic != wire::batch_magic || header.record_count < 0 || header.last_offset_delta < 0) return false;
        const Fragment body{bytes.data() + wire::batch_header_bytes,
                            static_cast<uint32_t>(size - wire::batch_header_bytes)};
        if (check_crc && wire::batch_crc(head, {&body, 1}) != header.crc) return false;
        visit(header, bytes.first(size));
        bytes = bytes.subspan(size);
    }
    return true;
}

}  // namespace penstock::client
