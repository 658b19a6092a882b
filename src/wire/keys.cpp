#include "wire/keys.h"

#include "wire/compression.h"
#include "wire/records.h"

namespace penstock::wire {

Keys check_keys(const BatchHeader& header, std::span<const Fragment> body, int32_t& record) {
    std::vector<std::byte> whole, decompressed;
    std::span<const std::byte> records;
    if (body.size() == 1) {
        records = body[0].span();
    } else {
        for (const Fragment& fragment : body) whole.insert(whole.end(), fragment.span().begin(), fragment.span().end());
        records = whole;
    }
    if (header.codec() != Codec::none) {
        if (!decompress(header.codec(), records, limits::decompressed_batch_bytes, decompressed)) return Keys::broken;
        records = decompressed;
    }
    RecordCursor cursor(records, header.record_count);
    Record next;
    int32_t last = -1;
    for (record = 0; cursor.next(next); ++record) {
        if (next.offset_delta != last + 1) return Keys::broken;
        last = next.offset_delta;
        if (!next.key) return Keys::missing;
    }
    return cursor.failed() ? Keys::broken : Keys::all;
}

}  // namespace penstock::wire
