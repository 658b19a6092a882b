#include "client/batch_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "wire/compression.h"

namespace penstock::client {

namespace {

constexpr uint32_t capacity_first = 4096;
constexpr uint64_t varint_bytes_max = 10;

uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }

uint32_t varint_size(int64_t value) {
    const auto bits = static_cast<uint32_t>(std::bit_width(zigzag(value) | 1));
    return (bits + 6) / 7;
}

std::byte* put_varint(std::byte* at, int64_t value) {
    uint64_t rest = zigzag(value);
    for (; rest >= 0x80; rest >>= 7) *at++ = static_cast<std::byte>(rest | 0x80);
    *at++ = static_cast<std::byte>(rest);
    return at;
}

std::byte* put_bytes(std::byte* at, const void* data, size_t size) {
    if (size > 0) std::memcpy(at, data, size);
    return at + size;
}

int64_t length_of(const penstock_bytes& bytes) {
    return bytes.data == nullptr ? -1 : static_cast<int64_t>(bytes.size);
}

uint64_t size_of(const penstock_bytes& bytes) { return bytes.data == nullptr ? 0 : bytes.size; }

/// Wraps where it does not fit, as the reader's sum does.
int64_t difference(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

/// The count and the headers themselves.
void encode_headers(const penstock_record& record, std::vector<std::byte>& out) {
    uint64_t bound = varint_bytes_max;
    for (const penstock_header& header : std::span(record.headers, record.header_count)) {
        bound += 2 * varint_bytes_max + header.name_size + size_of(header.value);
    }
    out.resize(bound);
    std::byte* at = put_varint(out.data(), static_cast<int64_t>(record.header_count));
    for (const penstock_header& header : std::span(record.headers, record.header_count)) {
        at = put_varint(at, static_cast<int64_t>(header.name_size));
        at = put_bytes(at, header.name, header.name_size);
        at = put_varint(at, length_of(header.value));
        at = put_bytes(at, header.value.data, size_of(header.value));
    }
    out.resize(static_cast<size_t>(at - out.data()));
}

}  // namespace

uint64_t BatchWriter::record_bytes_max(const penstock_record& record, uint64_t value_size) {
    uint64_t bytes = 1 + 6 * varint_bytes_max + size_of(record.key) + value_size;
    for (const penstock_header& header : std::span(record.headers, record.header_count)) {
        bytes += 2 * varint_bytes_max + header.name_size + size_of(header.value);
    }
    return bytes;
}

void BatchWriter::grow(uint64_t bytes, uint32_t capacity_max) {
    const uint64_t needed = used_ + bytes;
    if (needed <= memory_.capacity) return;
    const uint64_t doubled = std::max<uint64_t>(capacity_first, uint64_t{memory_.capacity} * 4);
    const auto capacity = static_cast<uint32_t>(std::max(needed, std::min<uint64_t>(doubled, capacity_max)));
    BufferMemory larger{std::make_unique_for_overwrite<std::byte[]>(capacity), capacity};
    if (count_ > 0) std::memcpy(larger.bytes.get(), memory_.bytes.get(), used_);
    memory_ = std::move(larger);
}

uint64_t BatchWriter::body_size(const Reserved& record, size_t value_size) const {
    const int64_t timestamp_delta = count_ == 0 ? 0 : difference(record.timestamp_ms, base_timestamp_);
    const int64_t value_length = record.null_value ? -1 : static_cast<int64_t>(value_size);
    const uint64_t headers = record.headers.empty() ? 1 : record.headers.size();
    return 1 + varint_size(timestamp_delta) + varint_size(count_) + varint_size(length_of(record.key)) +
           size_of(record.key) + varint_size(value_length) + value_size + headers;
}

/// Everything before the value; returns its size.
uint32_t BatchWriter::write_prefix(std::byte* at, const Reserved& record, size_t value_size) const {
    const std::byte* begin = at;
    at = put_varint(at, static_cast<int64_t>(body_size(record, value_size)));
    *at++ = std::byte{0};
    at = put_varint(at, count_ == 0 ? 0 : difference(record.timestamp_ms, base_timestamp_));
    at = put_varint(at, count_);
    at = put_varint(at, length_of(record.key));
    at = put_bytes(at, record.key.data, size_of(record.key));
    at = put_varint(at, record.null_value ? -1 : static_cast<int64_t>(value_size));
    return static_cast<uint32_t>(at - begin);
}

uint32_t BatchWriter::prefix_size(const Reserved& record, size_t value_size) const {
    const uint64_t body = body_size(record, value_size);
    const uint64_t headers = record.headers.empty() ? 1 : record.headers.size();
    return static_cast<uint32_t>(varint_size(static_cast<int64_t>(body)) + body - value_size - headers);
}

std::byte* BatchWriter::reserve(const penstock_record& record, int64_t timestamp_ms, bool null_value,
                                size_t value_size) {
    PENSTOCK_ASSERT(used_ + record_bytes_max(record, value_size) <= memory_.capacity);
    reserved_.timestamp_ms = timestamp_ms;
    reserved_.key = record.key;
    reserved_.null_value = null_value;
    reserved_.value_size = static_cast<uint32_t>(value_size);
    if (record.header_count == 0) reserved_.headers.clear();
    else encode_headers(record, reserved_.headers);
    reserved_.prefix = write_prefix(memory_.bytes.get() + used_, reserved_, value_size);
    return memory_.bytes.get() + used_ + reserved_.prefix;
}

void BatchWriter::commit(size_t value_size) {
    PENSTOCK_ASSERT(value_size <= reserved_.value_size);
    std::byte* at = memory_.bytes.get() + used_;
    std::byte* value = at + reserved_.prefix;
    if (value_size != reserved_.value_size) {
        // Smaller numbers may take less room. The key lies in the prefix, and the caller's may be gone by now.
        const uint32_t prefix = prefix_size(reserved_, value_size);
        std::vector<std::byte> key;
        if (reserved_.key.data != nullptr) {
            const std::byte* key_end = value - varint_size(static_cast<int64_t>(reserved_.value_size));
            key.assign(key_end - reserved_.key.size, key_end);
            reserved_.key.data = reserved_.key.size > 0 ? key.data() : key_end;
        }
        std::memmove(at + prefix, value, value_size);
        value = at + prefix;
        write_prefix(at, reserved_, value_size);
    }
    at = value + value_size;
    if (reserved_.headers.empty()) *at++ = std::byte{0};
    else at = put_bytes(at, reserved_.headers.data(), reserved_.headers.size());

    if (count_ == 0) base_timestamp_ = max_timestamp_ = reserved_.timestamp_ms;
    max_timestamp_ = std::max(max_timestamp_, reserved_.timestamp_ms);
    used_ = static_cast<uint32_t>(at - memory_.bytes.get());
    ++count_;
}

void BatchWriter::add(const penstock_record& record, int64_t timestamp_ms) {
    const size_t value_size = size_of(record.value);
    std::byte* value = reserve(record, timestamp_ms, record.value.data == nullptr, value_size);
    put_bytes(value, record.value.data, value_size);
    commit(value_size);
}

void BatchWriter::finish(wire::Codec codec) {
    PENSTOCK_ASSERT(count_ > 0);
    if (codec != wire::Codec::none) {
        std::vector<std::byte> out(wire::batch_header_bytes);
        const std::span<const std::byte> records(memory_.bytes.get() + wire::batch_header_bytes,
                                                 used_ - wire::batch_header_bytes);
        const bool compressed = wire::compress(codec, records, out).has_value() && out.size() <= memory_.capacity;
        if (compressed) {
            std::memcpy(memory_.bytes.get(), out.data(), out.size());
            used_ = static_cast<uint32_t>(out.size());
        } else {
            codec = wire::Codec::none;   // it would have grown
        }
    }
    wire::BatchHeader header;
    header.length = static_cast<int32_t>(used_ - wire::batch_length_prefix_bytes);
    header.attributes = static_cast<int16_t>(codec);
    header.last_offset_delta = count_ - 1;
    header.base_timestamp = base_timestamp_;
    header.max_timestamp = max_timestamp_;
    header.record_count = count_;
    const std::span<std::byte, wire::batch_header_bytes> bytes(memory_.bytes.get(), wire::batch_header_bytes);
    wire::write_batch_header(bytes, header);
}

void BatchWriter::stamp(const ProducerStamp& stamp) {
    const std::span<std::byte, wire::batch_header_bytes> bytes(memory_.bytes.get(), wire::batch_header_bytes);
    wire::BatchHeader header = wire::parse_batch_header(bytes);
    header.producer_id = stamp.id;
    header.producer_epoch = stamp.epoch;
    header.base_sequence = stamp.sequence;
    wire::write_batch_header(bytes, header);
    const Fragment body{memory_.bytes.get() + wire::batch_header_bytes,
                        used_ - static_cast<uint32_t>(wire::batch_header_bytes)};
    header.crc = wire::batch_crc(bytes, std::span(&body, 1));
    wire::write_batch_header(bytes, header);
}

}  // namespace penstock::client
