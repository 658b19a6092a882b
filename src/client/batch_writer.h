// One record batch while it is being filled: records are written where they are sent from, behind the room for the
// batch's header, so that without compression nothing is copied again.
//
// Memory follows what is added, from a few KiB to the bound that begin() was given; one record larger than that bound
// has a batch of its own. What the records' format costs is the same as wire/records.h writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "client/penstock.h"
#include "wire/batch.h"

namespace penstock::client {

struct BufferMemory {
    std::unique_ptr<std::byte[]> bytes;
    uint32_t capacity = 0;
};

/// Who the broker takes the batch from: what an idempotent producer needs.
struct ProducerStamp {
    int64_t id = -1;
    int16_t epoch = -1;
    int32_t sequence = -1;
};

class BatchWriter {
public:
    explicit BatchWriter(BufferMemory memory) : memory_(std::move(memory)) {}

    /// Above what the record can take, with everything that the format adds.
    static uint64_t record_bytes_max(const penstock_record& record, uint64_t value_size);

    int32_t count() const { return count_; }
    uint32_t size() const { return used_; }       ///< of the batch, were it finished now without compression
    uint32_t capacity() const { return memory_.capacity; }

    /// Appends a record but for its value, for which there are `value_size` bytes at the place that comes back. There
    /// must be room for record_bytes_max(). One of commit() and abandon() must follow.
    std::byte* reserve(const penstock_record& record, int64_t timestamp_ms, bool null_value, size_t value_size);
    void commit(size_t value_size);
    void abandon() { reserved_ = {}; }
    /// The whole record, value and all.
    void add(const penstock_record& record, int64_t timestamp_ms);

    /// Makes room for `bytes` more, up to `capacity_max` (or more, for one large record).
    void grow(uint64_t bytes, uint32_t capacity_max);

    /// Compresses and writes the header. Nothing is added any more.
    void finish(wire::Codec codec);
    /// May be done again, with another stamp.
    void stamp(const ProducerStamp& stamp);
    Fragment bytes() const { return {memory_.bytes.get(), used_}; }

    BufferMemory take_memory() { return std::move(memory_); }

private:
    struct Reserved {
        int64_t timestamp_ms = 0;
        penstock_bytes key{};
        bool null_value = false;
        uint32_t prefix = 0;              ///< bytes from the record's beginning to its value
        uint32_t value_size = 0;
        std::vector<std::byte> headers;   ///< encoded, with their count
    };

    uint32_t write_prefix(std::byte* at, const Reserved& record, size_t value_size) const;
    uint32_t prefix_size(const Reserved& record, size_t value_size) const;
    uint64_t body_size(const Reserved& record, size_t value_size) const;

    BufferMemory memory_;
    uint32_t used_ = wire::batch_header_bytes;
    int32_t count_ = 0;
    int64_t base_timestamp_ = 0, max_timestamp_ = 0;
    Reserved reserved_;
};

}  // namespace penstock::client
