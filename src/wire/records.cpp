#include "wire/records.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "wire/compression.h"

namespace penstock::wire {

namespace {

// Takes zigzag varints and pieces from the front of a run of bytes. Errors stick.
class Taker {
public:
    explicit Taker(std::span<const std::byte> bytes) : rest(bytes) {}

    int64_t varlong() noexcept { return unzigzag(raw(64)); }

    int32_t varint() noexcept { return static_cast<int32_t>(unzigzag(raw(32))); }

    uint8_t byte() noexcept {
        if (rest.empty()) return fail(), uint8_t{0};
        auto value = std::to_integer<uint8_t>(rest.front());
        rest = rest.subspan(1);
        return value;
    }

    // A length that may be -1 for null, and its bytes.
    OptionalBytes nullable_bytes() noexcept {
        int32_t size = varint();
        if (size == -1) return std::nullopt;
        return bytes(size);
    }

    std::span<const std::byte> bytes(int32_t size) noexcept {
        if (size < 0 || static_cast<size_t>(size) > rest.size()) return fail(), std::span<const std::byte>();
        std::span<const std::byte> taken = rest.first(static_cast<size_t>(size));
        rest = rest.subspan(taken.size());
        return taken;
    }

    void fail() noexcept {
        ok = false;
        rest = {};
    }

    std::span<const std::byte> rest;
    bool ok = true;

private:
    static int64_t unzigzag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1))); }

    uint64_t raw(uint32_t bits) noexcept {
        uint64_t value = 0;
        for (uint32_t shift = 0; shift < bits; shift += 7) {
            uint8_t next = byte();
            uint32_t room = bits - shift;
            if (room < 7 && (next >> room) != 0) break;
            value |= static_cast<uint64_t>(next & 0x7f) << shift;
            if ((next & 0x80) == 0) return value;
        }
        fail();
        return 0;
    }
};

bool take_header(Taker& taker, RecordHeader& header) noexcept {
    std::span<const std::byte> key = taker.bytes(taker.varint());
    header.key = {reinterpret_cast<const char*>(key.data()), key.size()};
    header.value = taker.nullable_bytes();
    return taker.ok;
}

constexpr uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

size_t varint_size(int64_t value) {
    size_t n = 1;
    for (uint64_t v = zigzag(value); v >= 0x80; v >>= 7) ++n;
    return n;
}

size_t sized_bytes_size(const OptionalBytes& bytes) {
    if (!bytes) return varint_size(-1);
    return varint_size(static_cast<int64_t>(bytes->size())) + bytes->size();
}

void put_varint(std::vector<std::byte>& out, int64_t value) {
    uint64_t v = zigzag(value);
    for (; v >= 0x80; v >>= 7) out.push_back(static_cast<std::byte>(v | 0x80));
    out.push_back(static_cast<std::byte>(v));
}

void put_sized_bytes(std::vector<std::byte>& out, const OptionalBytes& bytes) {
    put_varint(out, bytes ? static_cast<int64_t>(bytes->size()) : -1);
    if (bytes) out.insert(out.end(), bytes->begin(), bytes->end());
}

OptionalBytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

bool RecordHeaders::next(RecordHeader& header) noexcept {
    if (count_ == 0) return false;
    Taker taker(bytes_);
    if (!take_header(taker, header)) {
        count_ = 0;
        return false;
    }
    bytes_ = taker.rest;
    --count_;
    return true;
}

bool RecordCursor::next(Record& record) noexcept {
    if (failed_) return false;
    if (left_ <= 0) {
        failed_ = !rest_.empty() || left_ < 0;
        return false;
    }
    Taker outer(rest_);
    std::span<const std::byte> body = outer.bytes(outer.varint());
    Taker inner(body);
    inner.byte();  // attributes: none are defined
    record.timestamp_delta = inner.varlong();
    record.offset_delta = inner.varint();
    record.key = inner.nullable_bytes();
    record.value = inner.nullable_bytes();
    int32_t header_count = inner.varint();
    if (header_count < 0) inner.fail();
    std::span<const std::byte> header_bytes = inner.rest;
    RecordHeader header;
    for (int32_t i = 0; i < header_count && inner.ok; ++i) take_header(inner, header);
    if (!outer.ok || !inner.ok || !inner.rest.empty()) {
        failed_ = true;
        return false;
    }
    record.headers = RecordHeaders(header_bytes, static_cast<uint32_t>(header_count));
    record.bytes = rest_.first(rest_.size() - outer.rest.size());
    rest_ = outer.rest;
    --left_;
    return true;
}

void BatchBuilder::add(int64_t timestamp_ms, OptionalBytes key, OptionalBytes value,
                       std::span<const RecordHeader> headers) {
    if (count_ == 0) base_timestamp_ = max_timestamp_ = timestamp_ms;
    max_timestamp_ = std::max(max_timestamp_, timestamp_ms);
    // Wraps where it does not fit, as the reader's sum does.
    auto timestamp_delta = static_cast<int64_t>(static_cast<uint64_t>(timestamp_ms) -
                                                static_cast<uint64_t>(base_timestamp_));

    size_t size = 1 + varint_size(timestamp_delta) + varint_size(count_) + sized_bytes_size(key) +
                  sized_bytes_size(value) + varint_size(static_cast<int64_t>(headers.size()));
    for (const RecordHeader& header : headers) {
        size += sized_bytes_size(bytes_of(header.key)) + sized_bytes_size(header.value);
    }
    put_varint(records_, static_cast<int64_t>(size));
    records_.push_back(std::byte{0});
    put_varint(records_, timestamp_delta);
    put_varint(records_, count_);
    put_sized_bytes(records_, key);
    put_sized_bytes(records_, value);
    put_varint(records_, static_cast<int64_t>(headers.size()));
    for (const RecordHeader& header : headers) {
        put_sized_bytes(records_, bytes_of(header.key));
        put_sized_bytes(records_, header.value);
    }
    ++count_;
}

Result<void> BatchBuilder::finish(Codec codec, const BatchHeader& given, std::vector<std::byte>& out) {
    PENSTOCK_ASSERT(count_ > 0);
    out.assign(batch_header_bytes, std::byte{0});
    Result<void> compressed = compress(codec, records_, out);
    uint64_t length = out.size() - batch_length_prefix_bytes;
    if (compressed && length > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
        compressed = fail(Errc::too_large);
    }
    BatchHeader header = given;
    header.length = static_cast<int32_t>(length);
    header.attributes = static_cast<int16_t>((given.attributes & ~attribute_codec_mask) | static_cast<int16_t>(codec));
    header.last_offset_delta = count_ - 1;
    header.base_timestamp = base_timestamp_;
    header.max_timestamp = max_timestamp_;
    header.record_count = count_;
    records_.clear();
    count_ = 0;
    if (!compressed) return compressed;

    std::span<std::byte, batch_header_bytes> header_bytes(out.data(), batch_header_bytes);
    write_batch_header(header_bytes, header);
    Fragment body{out.data() + batch_header_bytes, static_cast<uint32_t>(out.size() - batch_header_bytes)};
    header.crc = batch_crc(header_bytes, std::span(&body, 1));
    write_batch_header(header_bytes, header);
    return {};
}

}  // namespace penstock::wire
