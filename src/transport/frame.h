// What data packets hold: a row of frames, read and written. README.md has the formats.
//
// Stateless. A FrameReader hands out frames that are well-formed in themselves; whether they make sense for the
// connection is its business. Data and ranges stay where they are in the packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"

namespace penstock::transport {

enum class FrameKind : uint8_t {
    padding = 0,
    ping = 1,
    acknowledgement = 2,
    stream = 3,
    stream_credit = 4,
    connection_credit = 5,
    streams_credit = 6,
    stream_reset = 7,
    stream_stop = 8,
    close = 9,
};

inline constexpr size_t ping_frame_bytes = 1;
inline constexpr size_t acknowledgement_frame_bytes = 16;  ///< and range_bytes for each range
inline constexpr size_t range_bytes = 8;
inline constexpr uint32_t ranges_max = 32;
inline constexpr size_t stream_frame_bytes = 16;           ///< and the data
inline constexpr size_t stream_credit_frame_bytes = 16;
inline constexpr size_t connection_credit_frame_bytes = 16;
inline constexpr size_t streams_credit_frame_bytes = 8;
inline constexpr size_t stream_reset_frame_bytes = 20;
inline constexpr size_t stream_stop_frame_bytes = 12;
inline constexpr size_t close_frame_bytes = 8;

/// Packet numbers, both ends included.
struct NumberRange {
    uint64_t first = 0;
    uint64_t last = 0;
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

/// One frame; which fields count depends on its kind.
struct Frame {
    FrameKind kind = FrameKind::padding;
    bool end = false;                     ///< stream: it ends behind this
    uint32_t stream = 0;
    uint32_t code = 0;                    ///< stream_reset, stream_stop, close
    uint32_t delay_us = 0;                ///< acknowledgement
    uint64_t number = 0;                  ///< offset, limit, count, final size, or the largest number acknowledged
    std::span<const std::byte> bytes = {};///< stream: the data; acknowledgement: the ranges as they are
};

class FrameReader {
public:
    explicit FrameReader(std::span<const std::byte> frames) : rest_(frames) {}

    /// The next frame; nothing at the end, or at what is no frame.
    std::optional<Frame> next();
    bool malformed() const { return malformed_; }

private:
    std::optional<Frame> wrong();
    std::optional<Frame> acknowledgement();
    std::optional<Frame> stream();
    std::optional<Frame> fixed(FrameKind kind);

    std::span<const std::byte> rest_;
    bool malformed_ = false;
};

/// The ranges of an acknowledgement from a FrameReader, from the newest on.
class RangeReader {
public:
    explicit RangeReader(const Frame& acknowledgement)
        : rest_(acknowledgement.bytes), below_(acknowledgement.number + 1) {}
    std::optional<NumberRange> next();

private:
    std::span<const std::byte> rest_;
    uint64_t below_;   ///< all numbers of the ranges to come are below it
};

/// Writes frames one behind the other into memory that has room for them (asserted).
class FrameWriter {
public:
    explicit FrameWriter(std::span<std::byte> room) : room_(room) {}

    size_t size() const { return used_; }
    size_t left() const { return room_.size() - used_; }

    void ping();
    /// From the newest on, at most ranges_max, with a gap between each two.
    void acknowledgement(std::span<const NumberRange> ranges, uint32_t delay_us);
    /// The data follows from elsewhere.
    void stream(uint32_t stream, uint64_t offset, uint16_t length, bool end);
    void stream_credit(uint32_t stream, uint64_t limit);
    void connection_credit(uint64_t limit);
    void streams_credit(uint32_t count);
    void stream_reset(uint32_t stream, uint64_t final_size, uint32_t code);
    void stream_stop(uint32_t stream, uint32_t code);
    void close(uint32_t code);

private:
    std::byte* begin(FrameKind kind, size_t size);

    std::span<std::byte> room_;
    size_t used_ = 0;
};

}  // namespace penstock::transport
