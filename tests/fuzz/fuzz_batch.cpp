// Any bytes as the records of a Produce request.
//
// Input: flags | piece size (0: whole) | records. Flag 1 writes the right length, flag 2 the right CRC into the batch
// first, which no mutation would find. What is valid must stay so when stamped, and its records must be walkable or
// refused, decompressed within a bound.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/batch.h"
#include "wire/compression.h"
#include "wire/records.h"

using namespace penstock;
using namespace penstock::wire;

namespace {

constexpr size_t decompressed_max = 1 << 20;

std::vector<Fragment> cut(std::span<const std::byte> bytes, size_t piece) {
    std::vector<Fragment> chain;
    while (!bytes.empty()) {
        size_t n = piece == 0 ? bytes.size() : std::min(piece, bytes.size());
        chain.push_back({bytes.data(), static_cast<uint32_t>(n)});
        bytes = bytes.subspan(n);
    }
    return chain;
}

void repair(std::vector<std::byte>& bytes, uint8_t flags) {
    if (bytes.size() < batch_header_bytes) return;
    if ((flags & 1) != 0) store_be(bytes.data() + 8, static_cast<int32_t>(bytes.size() - batch_length_prefix_bytes));
    if ((flags & 2) == 0) return;
    BatchHeaderBytes header(bytes.data(), batch_header_bytes);
    std::vector<Fragment> body = cut(std::span(bytes).subspan(batch_header_bytes), 0);
    store_be(bytes.data() + 17, batch_crc(header, body));
}

void check_valid(const ValidBatch& batch, size_t size) {
    PENSTOCK_ASSERT(batch.size == size);
    PENSTOCK_ASSERT(total_size(batch.body) + batch_header_bytes == size);
    PENSTOCK_ASSERT(batch.header.record_count == batch.header.last_offset_delta + 1);

    auto stamped = batch.header_bytes;
    stamp_leader(stamped, Offset{1} + batch.header.record_count, LeaderEpoch{3});
    PENSTOCK_ASSERT(batch_crc(stamped, batch.body) == parse_batch_header(stamped).crc);
    stamp_append_time(stamped, batch.body, 1234);
    PENSTOCK_ASSERT(batch_crc(stamped, batch.body) == parse_batch_header(stamped).crc);

    std::vector<std::byte> body, records;
    for (const Fragment& f : batch.body) body.insert(body.end(), f.data, f.data + f.size);
    if (!decompress(batch.header.codec(), body, decompressed_max, records)) return;
    PENSTOCK_ASSERT(records.size() <= decompressed_max);
    RecordCursor cursor(records, batch.header.record_count);
    Record record;
    int32_t count = 0;
    while (cursor.next(record)) ++count;
    PENSTOCK_ASSERT(cursor.failed() || count == batch.header.record_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    std::span<const std::byte> input = std::as_bytes(std::span(data, size)).subspan(2);
    std::vector<std::byte> bytes(input.begin(), input.end());
    repair(bytes, data[0]);

    BatchLimits limits;
    limits.now_ms = 1'700'000'000'000;
    Arena arena(64 << 20);
    std::vector<Fragment> whole = cut(bytes, 0), pieces = cut(bytes, data[1]);
    auto first = validate_batch(whole, limits, arena);
    auto second = validate_batch(pieces, limits, arena);
    PENSTOCK_ASSERT(first.has_value() == second.has_value());
    if (!first) PENSTOCK_ASSERT(first.error() == second.error());
    if (first) check_valid(*first, bytes.size());
    return 0;
}
