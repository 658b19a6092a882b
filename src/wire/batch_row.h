// A row of record batches as a leader has stamped them: what a replica is sent, and what a consumer is.
//
// Unlike validate_batch(), which checks what a producer made, this takes batches as they lie in a log: with offsets and
// epochs, and with fewer records than offsets where compaction was.
#pragma once

#include <array>
#include <expected>
#include <span>

#include "base/arena.h"
#include "wire/batch.h"

namespace penstock::wire {

struct StampedBatch {
    BatchHeader header;
    std::array<std::byte, batch_header_bytes> header_bytes;   ///< the same, raw
    std::span<const Fragment> body;                           ///< lent: all behind the header
};

/// All of them, or why not: each whole, of magic 2, with its CRC, and behind the one before. The list lies in `arena`.
std::expected<std::span<const StampedBatch>, kafka::ErrorCode> read_batch_row(std::span<const Fragment> records,
                                                                              Arena& arena) noexcept;

}  // namespace penstock::wire
