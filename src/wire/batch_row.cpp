#include "wire/batch_row.h"

#include "wire/reader.h"

namespace penstock::wire {

namespace {

using kafka::ErrorCode;

/// The size of what is behind the header that was just read, if it can be.
bool body_size(const BatchHeader& header, const Reader& reader, uint64_t& size) {
    const int64_t total = header.total_bytes();
    if (header.magic != batch_magic || total < static_cast<int64_t>(batch_header_bytes)) return false;
    size = static_cast<uint64_t>(total) - batch_header_bytes;
    return size <= reader.remaining();
}

/// How many there are; 0 if they do not fill the bytes exactly.
size_t count_batches(std::span<const Fragment> records, Arena& arena) {
    size_t count = 0;
    Reader reader(records, arena);
    while (reader.remaining() > 0) {
        std::array<std::byte, batch_header_bytes> bytes{};
        reader.copy(bytes);
        uint64_t size = 0;
        if (!reader.ok() || !body_size(parse_batch_header(bytes), reader, size)) return 0;
        reader.skip(size);
        ++count;
    }
    return count;
}

bool follows(const BatchHeader& header, Offset expected) {
    return header.base_offset >= expected && header.last_offset_delta >= 0 && header.record_count >= 0 &&
           header.leader_epoch.value >= 0 && header.base_offset.value <= INT64_MAX - header.last_offset_delta - 1;
}

}  // namespace

std::expected<std::span<const StampedBatch>, ErrorCode> read_batch_row(std::span<const Fragment> records,
                                                                       Arena& arena) noexcept {
    const size_t count = count_batches(records, arena);
    if (count == 0 && total_size(records) > 0) return std::unexpected(ErrorCode::corrupt_message);
    const std::span<StampedBatch> row = arena.make_array<StampedBatch>(count);
    if (row.size() != count) return std::unexpected(ErrorCode::message_too_large);
    Reader reader(records, arena);
    Offset expected;
    for (StampedBatch& batch : row) {
        reader.copy(batch.header_bytes);
        batch.header = parse_batch_header(batch.header_bytes);
        batch.body = reader.fragments(static_cast<uint64_t>(batch.header.total_bytes()) - batch_header_bytes);
        if (!reader.ok()) return std::unexpected(ErrorCode::message_too_large);   // no room for the list of fragments
        if (!follows(batch.header, expected)) return std::unexpected(ErrorCode::invalid_record);
        if (batch_crc(batch.header_bytes, batch.body) != batch.header.crc)
            return std::unexpected(ErrorCode::corrupt_message);
        expected = batch.header.last_offset() + 1;
    }
    return row;
}

}  // namespace penstock::wire
