// Any bytes as the decompressed records of a batch. Input: record count | records.
// What can be walked to its end is built again, and must be walked to the same records.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "wire/records.h"

using namespace penstock;
using namespace penstock::wire;

namespace {

struct Walked {
    int64_t timestamp = 0;
    OptionalBytes key, value;
    std::vector<RecordHeader> headers;
};

bool same(const OptionalBytes& a, const OptionalBytes& b) {
    return a.has_value() == b.has_value() && (!a || std::ranges::equal(*a, *b));
}

bool walk(std::span<const std::byte> records, int32_t count, std::vector<Walked>& out) {
    RecordCursor cursor(records, count);
    Record record;
    while (cursor.next(record)) {
        Walked walked{record.timestamp_delta, record.key, record.value, {}};
        uint32_t header_count = record.headers.count();
        RecordHeader header;
        while (record.headers.next(header)) walked.headers.push_back(header);
        PENSTOCK_ASSERT(walked.headers.size() == header_count);
        out.push_back(walked);
    }
    PENSTOCK_ASSERT(!cursor.next(record));
    return !cursor.failed();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    std::span<const std::byte> input = std::as_bytes(std::span(data, size)).subspan(1);
    std::vector<Walked> first, second;
    if (!walk(input, data[0], first) || first.empty()) return 0;

    BatchBuilder builder;
    // Timestamps are kept small: their differences are what a batch holds.
    for (const Walked& w : first) builder.add(w.timestamp % (int64_t{1} << 40), w.key, w.value, w.headers);
    std::vector<std::byte> batch;
    PENSTOCK_ASSERT(builder.finish(Codec::none, batch).has_value());
    BatchHeader header = parse_batch_header(BatchHeaderBytes(batch.data(), batch_header_bytes));
    PENSTOCK_ASSERT(walk(std::span(batch).subspan(batch_header_bytes), header.record_count, second));
    PENSTOCK_ASSERT(first.size() == second.size());
    for (size_t i = 0; i < first.size(); ++i) {
        PENSTOCK_ASSERT(same(first[i].key, second[i].key));
        PENSTOCK_ASSERT(same(first[i].value, second[i].value));
        PENSTOCK_ASSERT(first[i].timestamp % (int64_t{1} << 40) == header.base_timestamp + second[i].timestamp);
        PENSTOCK_ASSERT(first[i].headers.size() == second[i].headers.size());
        for (size_t h = 0; h < first[i].headers.size(); ++h) {
            PENSTOCK_ASSERT(first[i].headers[h].key == second[i].headers[h].key);
            PENSTOCK_ASSERT(same(first[i].headers[h].value, second[i].headers[h].value));
        }
    }
    return 0;
}
