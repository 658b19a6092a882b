#include "cli/batch_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/compression.h"
#include "wire/records.h"

namespace penstock::cli {

namespace {

std::optional<std::string_view> text_of(const wire::OptionalBytes& bytes) {
    if (!bytes) return {};
    return std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

std::unexpected<Failure> damaged(std::string_view topic, int32_t partition, int64_t offset, std::string_view how) {
    return refuse(fmt::format("the batch at offset {} of {}/{} {}", offset, topic, partition, how),
                  "The broker or the network damaged it; 'penstock log inspect' on the broker finds damage on disk.");
}

}  // namespace

Outcome<BatchWalk::Result> BatchWalk::visit(std::span<const std::byte> bytes, std::string_view topic, int32_t partition,
                                            int64_t from, const RecordVisitor& visitor) {
    Result result{.next_offset = from};
    while (bytes.size() >= wire::batch_header_bytes && !result.stopped) {
        const wire::BatchHeader header = wire::parse_batch_header(bytes.first<wire::batch_header_bytes>());
        const int64_t offset = header.base_offset.value;
        const int64_t size = header.total_bytes();
        if (size < static_cast<int64_t>(wire::batch_header_bytes)) {
            return damaged(topic, partition, offset, "has a nonsensical length");
        }
        if (static_cast<uint64_t>(size) > bytes.size()) break;
        if (header.magic != wire::batch_magic) {
            return damaged(topic, partition, offset,
                           fmt::format("has the old format {}, which this program does not read", header.magic));
        }
        const auto batch = bytes.first(static_cast<size_t>(size));
        auto visited = visit_batch(batch, topic, partition, from, visitor, result);
        if (!visited) return std::unexpected(std::move(visited.error()));
        ++result.whole_batches;
        bytes = bytes.subspan(static_cast<size_t>(size));
    }
    return result;
}

Outcome<void> BatchWalk::visit_batch(std::span<const std::byte> batch, std::string_view topic, int32_t partition,
                                     int64_t from, const RecordVisitor& visitor, Result& result) {
    const auto header_bytes = batch.first<wire::batch_header_bytes>();
    const wire::BatchHeader header = wire::parse_batch_header(header_bytes);
    const int64_t base = header.base_offset.value;
    std::span<const std::byte> body = batch.subspan(wire::batch_header_bytes);
    const Fragment whole{.data = body.data(), .size = static_cast<uint32_t>(body.size())};
    if (wire::batch_crc(header_bytes, {&whole, 1}) != header.crc) {
        return damaged(topic, partition, base, "fails its checksum");
    }
    if (header.last_offset_delta < 0) return damaged(topic, partition, base, "ends before it begins");
    const int64_t behind = header.last_offset().value + 1;
    if (header.is_control() || behind <= from) {
        result.next_offset = std::max(result.next_offset, behind);
        return {};
    }
    if (header.codec() != wire::Codec::none) {
        decompressed_.clear();
        if (!wire::decompress(header.codec(), body, batch_bytes_max, decompressed_)) {
            return damaged(topic, partition, base, "cannot be decompressed");
        }
        body = decompressed_;
    }
    wire::RecordCursor cursor(body, header.record_count);
    wire::Record record;
    while (cursor.next(record)) {
        const int64_t offset = base + record.offset_delta;
        if (offset < from) continue;
        headers_.clear();
        wire::RecordHeader item;
        while (record.headers.next(item)) headers_.push_back({.key = item.key, .value = text_of(item.value)});
        const int64_t timestamp =
            header.is_append_time() ? header.max_timestamp : header.base_timestamp + record.timestamp_delta;
        const ShownRecord shown{.topic = topic, .partition = partition, .offset = offset, .timestamp_ms = timestamp,
                                .key = text_of(record.key), .value = text_of(record.value), .headers = headers_};
        result.next_offset = offset + 1;
        if (!visitor(shown)) {
            result.stopped = true;
            return {};
        }
    }
    if (cursor.failed()) return damaged(topic, partition, base, "holds malformed records");
    result.next_offset = std::max(result.next_offset, behind);
    return {};
}

}  // namespace penstock::cli
