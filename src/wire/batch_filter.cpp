#include "wire/batch_filter.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "wire/compression.h"

namespace penstock::wire {
namespace {

using HeaderBytes = std::span<std::byte, batch_header_bytes>;

/// Writes the header of the batch in `out`, whose body is there.
void seal(std::vector<std::byte>& out, BatchHeader header) {
    header.length = static_cast<int32_t>(out.size() - batch_length_prefix_bytes);
    const HeaderBytes bytes(out.data(), batch_header_bytes);
    write_batch_header(bytes, header);
    const Fragment body{out.data() + batch_header_bytes, static_cast<uint32_t>(out.size() - batch_header_bytes)};
    header.crc = batch_crc(bytes, std::span(&body, 1));
    write_batch_header(bytes, header);
}

}  // namespace

bool BatchFilter::open(std::span<const std::byte> batch) {
    if (batch.size() < batch_header_bytes) return false;
    batch_ = batch;
    const auto header_bytes = batch.first<batch_header_bytes>();
    header_ = parse_batch_header(header_bytes);
    if (header_.magic != batch_magic || header_.total_bytes() != static_cast<int64_t>(batch.size())) return false;
    if (header_.record_count < 0 || header_.last_offset_delta < 0) return false;
    const Fragment body{batch.data() + batch_header_bytes, static_cast<uint32_t>(batch.size() - batch_header_bytes)};
    if (batch_crc(header_bytes, std::span(&body, 1)) != header_.crc) return false;
    records_ = body.span();
    if (header_.codec() != Codec::none && header_.record_count > 0) {
        decompressed_.clear();
        if (!decompress(header_.codec(), body.span(), limits::decompressed_batch_bytes, decompressed_)) return false;
        records_ = decompressed_;
    }
    RecordCursor cursor = records();
    Record record;
    int32_t last = -1;
    while (cursor.next(record)) {
        if (record.offset_delta <= last || record.offset_delta > header_.last_offset_delta) return false;
        last = record.offset_delta;
    }
    return !cursor.failed();
}

Result<void> BatchFilter::write(std::span<const uint8_t> kept, std::vector<std::byte>& out) {
    BatchHeader header = header_;
    header.record_count = 0;
    int64_t max_timestamp = std::numeric_limits<int64_t>::min();
    kept_records_.clear();
    RecordCursor cursor = records();
    Record record;
    for (size_t i = 0; cursor.next(record); ++i) {
        PENSTOCK_ASSERT(i < kept.size());
        if (kept[i] == 0) continue;
        // Wraps where it does not fit, as the reader's sum does.
        max_timestamp = std::max(max_timestamp, static_cast<int64_t>(static_cast<uint64_t>(header.base_timestamp) +
                                                                     static_cast<uint64_t>(record.timestamp_delta)));
        kept_records_.insert(kept_records_.end(), record.bytes.begin(), record.bytes.end());
        ++header.record_count;
    }
    PENSTOCK_ASSERT(header.record_count > 0);
    if (!header.is_append_time()) header.max_timestamp = max_timestamp;
    out.assign(batch_header_bytes, std::byte{0});
    if (auto compressed = compress(header.codec(), kept_records_, out); !compressed) return compressed;
    seal(out, header);
    return {};
}

void BatchFilter::write_empty(std::vector<std::byte>& out) const {
    BatchHeader header = header_;
    header.attributes = static_cast<int16_t>(header.attributes & ~attribute_codec_mask);
    header.record_count = 0;
    out.assign(batch_header_bytes, std::byte{0});
    seal(out, header);
}

}  // namespace penstock::wire
