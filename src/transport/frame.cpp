#include "transport/frame.h"

#include <cstring>

namespace penstock::transport {

namespace {

constexpr uint8_t end_flag = 1;

/// The sizes of the frames that have one size.
size_t fixed_size(FrameKind kind) {
    switch (kind) {
        case FrameKind::stream_credit: return stream_credit_frame_bytes;
        case FrameKind::connection_credit: return connection_credit_frame_bytes;
        case FrameKind::streams_credit: return streams_credit_frame_bytes;
        case FrameKind::stream_reset: return stream_reset_frame_bytes;
        case FrameKind::stream_stop: return stream_stop_frame_bytes;
        case FrameKind::close: return close_frame_bytes;
        case FrameKind::padding:
        case FrameKind::ping:
        case FrameKind::acknowledgement:
        case FrameKind::stream: break;
    }
    return 0;
}

/// Whether the ranges stay above zero and are apart.
bool are_ranges(std::span<const std::byte> bytes, uint64_t largest) {
    uint64_t below = largest + 1;
    for (size_t at = 0; at < bytes.size(); at += range_bytes) {
        const uint64_t gap = load_le<uint32_t>(bytes.data() + at);
        const uint64_t length = load_le<uint32_t>(bytes.data() + at + 4);
        if ((gap == 0) != (at == 0) || length == 0 || gap + length > below) return false;
        below -= gap + length;
    }
    return true;
}

}  // namespace

std::optional<Frame> FrameReader::wrong() {
    malformed_ = true;
    rest_ = {};
    return std::nullopt;
}

std::optional<Frame> FrameReader::next() {
    if (rest_.empty()) return std::nullopt;
    const auto kind = static_cast<FrameKind>(rest_.front());
    switch (kind) {
        case FrameKind::padding: rest_ = {}; return std::nullopt;
        case FrameKind::ping: rest_ = rest_.subspan(ping_frame_bytes); return Frame{.kind = kind};
        case FrameKind::acknowledgement: return acknowledgement();
        case FrameKind::stream: return stream();
        case FrameKind::stream_credit:
        case FrameKind::connection_credit:
        case FrameKind::streams_credit:
        case FrameKind::stream_reset:
        case FrameKind::stream_stop:
        case FrameKind::close: return fixed(kind);
    }
    return wrong();
}

std::optional<Frame> FrameReader::acknowledgement() {
    if (rest_.size() < acknowledgement_frame_bytes) return wrong();
    const std::byte* at = rest_.data();
    const size_t ranges = load_le<uint8_t>(at + 1) * range_bytes;
    Frame frame{.kind = FrameKind::acknowledgement, .delay_us = load_le<uint32_t>(at + 4),
                .number = load_le<uint64_t>(at + 8)};
    if (ranges == 0 || ranges > ranges_max * range_bytes || load_le<uint16_t>(at + 2) != 0) return wrong();
    if (rest_.size() < acknowledgement_frame_bytes + ranges || frame.number == UINT64_MAX) return wrong();
    frame.bytes = rest_.subspan(acknowledgement_frame_bytes, ranges);
    if (!are_ranges(frame.bytes, frame.number)) return wrong();
    rest_ = rest_.subspan(acknowledgement_frame_bytes + ranges);
    return frame;
}

std::optional<Frame> FrameReader::stream() {
    if (rest_.size() < stream_frame_bytes) return wrong();
    const std::byte* at = rest_.data();
    const auto flags = load_le<uint8_t>(at + 1);
    const size_t length = load_le<uint16_t>(at + 2);
    Frame frame{.kind = FrameKind::stream, .end = flags != 0, .stream = load_le<uint32_t>(at + 4),
                .number = load_le<uint64_t>(at + 8)};
    if ((flags & ~end_flag) != 0 || rest_.size() < stream_frame_bytes + length) return wrong();
    if (frame.number > UINT64_MAX - length || (length == 0 && !frame.end)) return wrong();
    frame.bytes = rest_.subspan(stream_frame_bytes, length);
    rest_ = rest_.subspan(stream_frame_bytes + length);
    return frame;
}

std::optional<Frame> FrameReader::fixed(FrameKind kind) {
    const size_t size = fixed_size(kind);
    if (rest_.size() < size) return wrong();
    const std::byte* at = rest_.data();
    Frame frame{.kind = kind};
    if (load_le<uint16_t>(at + 1) != 0 || load_le<uint8_t>(at + 3) != 0) return wrong();
    switch (kind) {
        case FrameKind::stream_credit:
            frame.stream = load_le<uint32_t>(at + 4);
            frame.number = load_le<uint64_t>(at + 8);
            break;
        case FrameKind::connection_credit:
            if (load_le<uint32_t>(at + 4) != 0) return wrong();
            frame.number = load_le<uint64_t>(at + 8);
            break;
        case FrameKind::streams_credit: frame.number = load_le<uint32_t>(at + 4); break;
        case FrameKind::stream_reset:
            frame.stream = load_le<uint32_t>(at + 4);
            frame.number = load_le<uint64_t>(at + 8);
            frame.code = load_le<uint32_t>(at + 16);
            break;
        case FrameKind::stream_stop:
            frame.stream = load_le<uint32_t>(at + 4);
            frame.code = load_le<uint32_t>(at + 8);
            break;
        case FrameKind::close: frame.code = load_le<uint32_t>(at + 4); break;
        case FrameKind::padding:
        case FrameKind::ping:
        case FrameKind::acknowledgement:
        case FrameKind::stream: PENSTOCK_ASSERT(false);
    }
    rest_ = rest_.subspan(size);
    return frame;
}

std::optional<NumberRange> RangeReader::next() {
    if (rest_.empty()) return std::nullopt;
    const uint64_t gap = load_le<uint32_t>(rest_.data());
    const uint64_t length = load_le<uint32_t>(rest_.data() + 4);
    rest_ = rest_.subspan(range_bytes);
    const uint64_t end = below_ - gap;
    below_ = end - length;
    return NumberRange{below_, end - 1};
}

std::byte* FrameWriter::begin(FrameKind kind, size_t size) {
    PENSTOCK_ASSERT(left() >= size);
    std::byte* at = room_.data() + used_;
    used_ += size;
    std::memset(at, 0, size);
    store_le(at, static_cast<uint8_t>(kind));
    return at;
}

void FrameWriter::ping() { begin(FrameKind::ping, ping_frame_bytes); }

void FrameWriter::acknowledgement(std::span<const NumberRange> ranges, uint32_t delay_us) {
    PENSTOCK_ASSERT(!ranges.empty() && ranges.size() <= ranges_max);
    std::byte* at = begin(FrameKind::acknowledgement, acknowledgement_frame_bytes + ranges.size() * range_bytes);
    store_le(at + 1, static_cast<uint8_t>(ranges.size()));
    store_le(at + 4, delay_us);
    store_le(at + 8, ranges.front().last);
    at += acknowledgement_frame_bytes;
    uint64_t below = ranges.front().last + 1;
    for (const NumberRange& range : ranges) {
        PENSTOCK_ASSERT(range.first <= range.last && range.last < below);
        store_le(at, static_cast<uint32_t>(below - 1 - range.last));
        store_le(at + 4, static_cast<uint32_t>(range.last - range.first + 1));
        below = range.first;
        at += range_bytes;
    }
}

void FrameWriter::stream(uint32_t stream, uint64_t offset, uint16_t length, bool end) {
    std::byte* at = begin(FrameKind::stream, stream_frame_bytes);
    store_le(at + 1, end ? end_flag : uint8_t{0});
    store_le(at + 2, length);
    store_le(at + 4, stream);
    store_le(at + 8, offset);
}

void FrameWriter::stream_credit(uint32_t stream, uint64_t limit) {
    std::byte* at = begin(FrameKind::stream_credit, stream_credit_frame_bytes);
    store_le(at + 4, stream);
    store_le(at + 8, limit);
}

void FrameWriter::connection_credit(uint64_t limit) {
    store_le(begin(FrameKind::connection_credit, connection_credit_frame_bytes) + 8, limit);
}

void FrameWriter::streams_credit(uint32_t count) {
    store_le(begin(FrameKind::streams_credit, streams_credit_frame_bytes) + 4, count);
}

void FrameWriter::stream_reset(uint32_t stream, uint64_t final_size, uint32_t code) {
    std::byte* at = begin(FrameKind::stream_reset, stream_reset_frame_bytes);
    store_le(at + 4, stream);
    store_le(at + 8, final_size);
    store_le(at + 16, code);
}

void FrameWriter::stream_stop(uint32_t stream, uint32_t code) {
    std::byte* at = begin(FrameKind::stream_stop, stream_stop_frame_bytes);
    store_le(at + 4, stream);
    store_le(at + 8, code);
}

void FrameWriter::close(uint32_t code) { store_le(begin(FrameKind::close, close_frame_bytes) + 4, code); }

}  // namespace penstock::transport
