#include "wire/batch.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"

namespace penstock::wire {

namespace {

using kafka::ErrorCode;

// Byte positions of the picture in the header file.
constexpr size_t at_base_offset = 0;
constexpr size_t at_length = 8;
constexpr size_t at_leader_epoch = 12;
constexpr size_t at_magic = 16;
constexpr size_t at_crc = 17;
constexpr size_t at_attributes = 21;
constexpr size_t at_last_offset_delta = 23;
constexpr size_t at_base_timestamp = 27;
constexpr size_t at_max_timestamp = 35;
constexpr size_t at_producer_id = 43;
constexpr size_t at_producer_epoch = 51;
constexpr size_t at_base_sequence = 53;
constexpr size_t at_record_count = 57;
static_assert(at_record_count + sizeof(int32_t) == batch_header_bytes);
constexpr uint64_t record_bytes_min = 7;  // length, attributes, two deltas, no key, no value, no headers
static_assert(at_length + sizeof(int32_t) == batch_length_prefix_bytes);

// Copies the header out of the chain and lists what is behind it. The chain holds at least a header.
std::span<const Fragment> split(std::span<const Fragment> records, std::span<std::byte, batch_header_bytes> header,
                                Arena& arena) noexcept {
    size_t filled = 0, index = 0;
    uint32_t used = 0;  // of records[index]
    while (filled < header.size()) {
        const Fragment& fragment = records[index];
        uint32_t n = static_cast<uint32_t>(std::min<size_t>(header.size() - filled, fragment.size - used));
        if (n > 0) std::memcpy(header.data() + filled, fragment.data + used, n);
        filled += n;
        used += n;
        if (used == fragment.size) {
            ++index;
            used = 0;
        }
    }
    if (used == 0) return records.subspan(index);
    std::span<Fragment> body = arena.make_array<Fragment>(records.size() - index);
    if (body.data() == nullptr) return {};
    std::copy(records.begin() + static_cast<ptrdiff_t>(index), records.end(), body.begin());
    body[0].data += used;
    body[0].size -= used;
    return body;
}

ErrorCode check_header(const BatchHeader& header, uint64_t size, const BatchLimits& limits) noexcept {
    if (header.magic != batch_magic) return ErrorCode::invalid_record;
    if (header.total_bytes() < static_cast<int64_t>(batch_header_bytes)) return ErrorCode::corrupt_message;
    if (static_cast<uint64_t>(header.total_bytes()) > size) return ErrorCode::corrupt_message;
    // More than one batch, or bytes that are none.
    if (static_cast<uint64_t>(header.total_bytes()) < size) return ErrorCode::invalid_record;
    if (size > limits.batch_bytes_max) return ErrorCode::message_too_large;
    if (size > limits.segment_bytes) return ErrorCode::record_list_too_large;
    return ErrorCode::none;
}

// What the CRC vouches for and still may be wrong.
ErrorCode check_contents(const BatchHeader& header, uint64_t size, const BatchLimits& limits) noexcept {
    if (header.base_offset != Offset{0}) return ErrorCode::invalid_record;
    if (header.record_count <= 0) return ErrorCode::invalid_record;
    if (header.last_offset_delta != header.record_count - 1) return ErrorCode::invalid_record;
    // Else one small batch could take two billion offsets.
    uint64_t records_max = (size - batch_header_bytes) / record_bytes_min;
    if (header.codec() == Codec::none && static_cast<uint64_t>(header.record_count) > records_max) {
        return ErrorCode::invalid_record;
    }
    if (header.is_control()) return ErrorCode::invalid_record;
    if (header.is_append_time()) return ErrorCode::invalid_timestamp;
    if (header.codec() > Codec::zstd) return ErrorCode::invalid_record;
    if (header.codec() == Codec::zstd && !limits.zstd_allowed) return ErrorCode::unsupported_compression_type;
    if (header.producer_id >= 0 && (header.base_sequence < 0 || header.producer_epoch < 0)) {
        return ErrorCode::invalid_record;
    }
    if (header.is_transactional() && header.producer_id < 0) return ErrorCode::invalid_record;

    // -1 is "no timestamp", which Kafka takes. Compared without overflow: a client may send any 64 bits.
    if (header.max_timestamp < -1) return ErrorCode::invalid_timestamp;
    if (header.max_timestamp >= 0) {
        int64_t ahead = header.max_timestamp - limits.now_ms;
        if (ahead > limits.timestamp_after_max_ms || -ahead > limits.timestamp_before_max_ms) {
            return ErrorCode::invalid_timestamp;
        }
    }
    return ErrorCode::none;
}

}  // namespace

BatchHeader parse_batch_header(BatchHeaderBytes bytes) noexcept {
    const std::byte* at = bytes.data();
    BatchHeader header;
    header.base_offset = Offset(load_be<int64_t>(at + at_base_offset));
    header.length = load_be<int32_t>(at + at_length);
    header.leader_epoch = LeaderEpoch(load_be<int32_t>(at + at_leader_epoch));
    header.magic = load_be<int8_t>(at + at_magic);
    header.crc = load_be<uint32_t>(at + at_crc);
    header.attributes = load_be<int16_t>(at + at_attributes);
    header.last_offset_delta = load_be<int32_t>(at + at_last_offset_delta);
    header.base_timestamp = load_be<int64_t>(at + at_base_timestamp);
    header.max_timestamp = load_be<int64_t>(at + at_max_timestamp);
    header.producer_id = load_be<int64_t>(at + at_producer_id);
    header.producer_epoch = load_be<int16_t>(at + at_producer_epoch);
    header.base_sequence = load_be<int32_t>(at + at_base_sequence);
    header.record_count = load_be<int32_t>(at + at_record_count);
    return header;
}

void write_batch_header(std::span<std::byte, batch_header_bytes> out, const BatchHeader& header) noexcept {
    std::byte* at = out.data();
    store_be(at + at_base_offset, header.base_offset.value);
    store_be(at + at_length, header.length);
    store_be(at + at_leader_epoch, header.leader_epoch.value);
    store_be(at + at_magic, header.magic);
    store_be(at + at_crc, header.crc);
    store_be(at + at_attributes, header.attributes);
    store_be(at + at_last_offset_delta, header.last_offset_delta);
    store_be(at + at_base_timestamp, header.base_timestamp);
    store_be(at + at_max_timestamp, header.max_timestamp);
    store_be(at + at_producer_id, header.producer_id);
    store_be(at + at_producer_epoch, header.producer_epoch);
    store_be(at + at_base_sequence, header.base_sequence);
    store_be(at + at_record_count, header.record_count);
}

uint32_t batch_crc(BatchHeaderBytes header, std::span<const Fragment> body) noexcept {
    uint32_t crc = crc32c(header.subspan(at_attributes));
    for (const Fragment& fragment : body) crc = crc32c(crc, fragment.span());
    return crc;
}

std::expected<ValidBatch, ErrorCode> validate_batch(std::span<const Fragment> records, const BatchLimits& limits,
                                                    Arena& arena) noexcept {
    ValidBatch batch;
    batch.size = total_size(records);
    if (batch.size == 0) return std::unexpected(ErrorCode::invalid_record);
    if (batch.size < batch_header_bytes) return std::unexpected(ErrorCode::corrupt_message);
    batch.body = split(records, batch.header_bytes, arena);
    batch.header = parse_batch_header(batch.header_bytes);
    if (total_size(batch.body) + batch_header_bytes != batch.size) {
        return std::unexpected(ErrorCode::message_too_large);  // no room in the arena
    }
    if (ErrorCode code = check_header(batch.header, batch.size, limits); code != ErrorCode::none) {
        return std::unexpected(code);
    }
    if (batch_crc(batch.header_bytes, batch.body) != batch.header.crc) {
        return std::unexpected(ErrorCode::corrupt_message);
    }
    if (ErrorCode code = check_contents(batch.header, batch.size, limits); code != ErrorCode::none) {
        return std::unexpected(code);
    }
    return batch;
}

void stamp_leader(std::span<std::byte, batch_header_bytes> header, Offset base_offset, LeaderEpoch epoch) noexcept {
    store_be(header.data() + at_base_offset, base_offset.value);
    store_be(header.data() + at_leader_epoch, epoch.value);
}

void stamp_append_time(std::span<std::byte, batch_header_bytes> header, std::span<const Fragment> body,
                       int64_t wall_ms) noexcept {
    auto attributes = load_be<int16_t>(header.data() + at_attributes);
    store_be(header.data() + at_attributes, static_cast<int16_t>(attributes | attribute_append_time));
    store_be(header.data() + at_max_timestamp, wall_ms);
    store_be(header.data() + at_crc, batch_crc(header, body));
}

}  // namespace penstock::wire
