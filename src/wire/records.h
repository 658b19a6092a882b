// Records inside a batch: iterate them, and build a batch of them.
//
//     varint length | int8 attributes | varlong timestamp delta | varint offset delta
//     | varint key length (-1: null) | key | varint value length | value
//     | varint header count | per header: varint key length, key, varint value length (-1: null), value
// Varints are zigzag here, and only here. For clients, tools, tests, compaction and deep validation: a broker that
// takes and serves batches never looks at records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/batch.h"

namespace penstock::wire {

using OptionalBytes = std::optional<std::span<const std::byte>>;

struct RecordHeader {
    std::string_view key;
    OptionalBytes value;
};

/// Walks the headers of a record that RecordCursor accepted.
class RecordHeaders {
public:
    RecordHeaders() = default;
    RecordHeaders(std::span<const std::byte> bytes, uint32_t count) : bytes_(bytes), count_(count) {}

    uint32_t count() const { return count_; }  ///< left to be read
    /// False after the last one.
    bool next(RecordHeader& header) noexcept;

private:
    std::span<const std::byte> bytes_;
    uint32_t count_ = 0;
};

/// Lent from the bytes that the cursor walks.
struct Record {
    int32_t offset_delta = 0;      ///< to the batch's base offset
    int64_t timestamp_delta = 0;   ///< to its base timestamp
    OptionalBytes key;
    OptionalBytes value;
    RecordHeaders headers;
    std::span<const std::byte> bytes;  ///< the whole of it
};

/// Walks the decompressed records of a batch. Every length is checked, also those inside headers.
class RecordCursor {
public:
    RecordCursor() = default;
    /// `records`: what follows the batch header, decompressed; `count`: the header's record count.
    RecordCursor(std::span<const std::byte> records, int32_t count) : rest_(records), left_(count) {}

    /// True with the next record. False at the end, or at bytes that break the format: then failed().
    /// Left-over bytes behind the last record are a failure too.
    bool next(Record& record) noexcept;
    bool failed() const { return failed_; }

private:
    std::span<const std::byte> rest_;
    int32_t left_ = 0;
    bool failed_ = false;
};

/// Builds one batch. Reuse it: after finish() it is empty and its memory is warm.
class BatchBuilder {
public:
    /// What each record costs at most beside its key, value and headers.
    static constexpr size_t record_overhead_max = 36;

    /// Timestamps are Unix milliseconds. The first record's is the base of the batch.
    void add(int64_t timestamp_ms, OptionalBytes key, OptionalBytes value, std::span<const RecordHeader> headers = {});

    int32_t count() const { return count_; }
    /// Of the batch, were it finished now without compression.
    size_t size() const { return records_.size() + batch_header_bytes; }

    /// Turns what was added into a batch in `out` (replaced). `header` gives what the builder does not know: producer
    /// id, epoch and sequence, transactional bit, base offset. At least one record must have been added.
    Result<void> finish(Codec codec, const BatchHeader& header, std::vector<std::byte>& out);
    Result<void> finish(Codec codec, std::vector<std::byte>& out) { return finish(codec, BatchHeader{}, out); }

private:
    std::vector<std::byte> records_;
    int32_t count_ = 0;
    int64_t base_timestamp_ = 0;
    int64_t max_timestamp_ = 0;
};

}  // namespace penstock::wire
