// The record batch: the same bytes on the wire, on disk and at the replica. View, validate, stamp; never re-encode.
//
//      0 base offset i64          27 base timestamp i64
//      8 batch length i32 (1)     35 max timestamp i64
//     12 leader epoch i32         43 producer id i64 (-1: none)
//     16 magic i8 = 2             51 producer epoch i16
//     17 crc u32 (2)              53 base sequence i32
//     21 attributes i16           57 record count i32
//     23 last offset delta i32    61 records, one compressed block unless the codec is none
// All big-endian. (1) of the bytes behind this field. (2) CRC-32C of everything from byte 21 on: base offset and leader
// epoch lie before it, so that a leader stamps them without hashing again.
// Attributes: bits 0-2 codec, 3 append time, 4 transactional, 5 control, 6 delete horizon.
//
// What it does not do: look into the records (wire/records.h) or decompress them (wire/compression.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <span>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/units.h"
#include "limits.h"
#include "wire/kafka/errors.h"

namespace penstock::wire {

inline constexpr size_t batch_header_bytes = 61;
inline constexpr size_t batch_length_prefix_bytes = 12;  ///< base offset and length: not counted by the length
inline constexpr int8_t batch_magic = 2;

enum class Codec : uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

inline constexpr int16_t attribute_codec_mask = 0x07;
inline constexpr int16_t attribute_append_time = 0x08;
inline constexpr int16_t attribute_transactional = 0x10;
inline constexpr int16_t attribute_control = 0x20;
inline constexpr int16_t attribute_delete_horizon = 0x40;

struct BatchHeader {
    Offset base_offset;
    int32_t length = 0;
    LeaderEpoch leader_epoch{-1};
    int8_t magic = batch_magic;
    uint32_t crc = 0;
    int16_t attributes = 0;
    int32_t last_offset_delta = 0;
    int64_t base_timestamp = -1;
    int64_t max_timestamp = -1;
    int64_t producer_id = -1;
    int16_t producer_epoch = -1;
    int32_t base_sequence = -1;
    int32_t record_count = 0;

    /// Of the whole batch. Negative for a nonsensical length.
    int64_t total_bytes() const { return int64_t{length} + static_cast<int64_t>(batch_length_prefix_bytes); }
    Offset last_offset() const { return base_offset + last_offset_delta; }
    Codec codec() const { return static_cast<Codec>(attributes & attribute_codec_mask); }  ///< 5 to 7: unknown
    bool is_append_time() const { return (attributes & attribute_append_time) != 0; }
    bool is_transactional() const { return (attributes & attribute_transactional) != 0; }
    bool is_control() const { return (attributes & attribute_control) != 0; }
};

using BatchHeaderBytes = std::span<const std::byte, batch_header_bytes>;

/// Reads the fields as they are; checks nothing.
BatchHeader parse_batch_header(BatchHeaderBytes bytes) noexcept;
void write_batch_header(std::span<std::byte, batch_header_bytes> out, const BatchHeader& header) noexcept;

/// The CRC that the batch of this header and this body (all behind the header) ought to carry. One pass.
uint32_t batch_crc(BatchHeaderBytes header, std::span<const Fragment> body) noexcept;

/// What a topic and a version of Produce allow.
struct BatchLimits {
    uint32_t batch_bytes_max = limits::batch_bytes_default;  ///< of the whole batch
    uint64_t segment_bytes = 1 * gib;                      ///< a batch never crosses segments
    int64_t now_ms = 0;                                    ///< for the two below
    int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();  ///< how old max timestamp may be
    int64_t timestamp_after_max_ms = 3'600'000;            ///< how far in the future
    bool zstd_allowed = true;                              ///< Produce 7 and up
};

/// A valid batch, ready to be stamped and appended.
struct ValidBatch {
    BatchHeader header;                                          ///< as received
    std::array<std::byte, batch_header_bytes> header_bytes;      ///< the same, raw: a copy for the appender to stamp
    std::span<const Fragment> body;                              ///< lent: all behind the header
    uint64_t size = 0;                                           ///< of header and body
};

/// Checks one partition's records of a Produce request as a leader must: exactly one batch of magic 2, whole, with the
/// right CRC and consistent counts, within the limits. The list of body fragments is taken from `arena`.
std::expected<ValidBatch, kafka::ErrorCode> validate_batch(std::span<const Fragment> records, const BatchLimits& limits,
                                                           Arena& arena) noexcept;

/// Stamps what the CRC does not cover.
void stamp_leader(std::span<std::byte, batch_header_bytes> header, Offset base_offset, LeaderEpoch epoch) noexcept;

/// Makes it a batch of append time: every record counts as of `wall_ms`. New CRC, so a pass over the body.
void stamp_append_time(std::span<std::byte, batch_header_bytes> header, std::span<const Fragment> body,
                       int64_t wall_ms) noexcept;

}  // namespace penstock::wire
