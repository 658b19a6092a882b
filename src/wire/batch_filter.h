// A stored batch without some of its records: what compaction writes in its place.
//
// Offsets stay: the base offset, the last offset delta and the deltas of the records that remain, so that a reader of
// the batch goes on where it would have gone on before. So do the producer's numbers. Reuse it: its memory is warm.
// What it does not do: decide which records go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wire/records.h"

namespace penstock::wire {

class BatchFilter {
public:
    /// Takes a whole batch, lent until the next open(). False if its CRC is wrong or its records cannot be walked: then
    /// nothing in it may be judged.
    bool open(std::span<const std::byte> batch);

    const BatchHeader& header() const { return header_; }
    /// From the first one on; none of them fails.
    RecordCursor records() const { return RecordCursor(records_, header_.record_count); }

    /// Replaces `out` by the batch with those records alone for which `kept` is not 0, by their place. At least one
    /// must be kept. It may be larger than before: its producer may have compressed harder. Fails only without memory.
    Result<void> write(std::span<const uint8_t> kept, std::vector<std::byte>& out);
    /// Replaces `out` by a batch without records that stands for the same offsets.
    void write_empty(std::vector<std::byte>& out) const;

private:
    std::span<const std::byte> batch_;
    std::span<const std::byte> records_;
    BatchHeader header_;
    std::vector<std::byte> decompressed_;
    std::vector<std::byte> kept_records_;
};

}  // namespace penstock::wire
