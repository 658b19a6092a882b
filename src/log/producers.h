// What one log knows of idempotent producers: of each the epoch and the last batches, so that a batch that is sent
// again is found and one that skips others is refused.
//
// A state machine: record() is applied to the running log when a batch is appended, and to LogState when the journal's
// entry of it is, with the same result. Its clock are the batches' own timestamps, so a replay forgets what the running
// store forgot. Order of producers: by their last batch, which is also the order of offsets; the one idle longest goes
// first when there are too many.
// After warm-up nothing is allocated: slots are reused. What it does not do: the control batches of transactions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "limits.h"

namespace penstock::log {

/// A batch as its producer numbered it. Sequences count records and go on with 0 behind INT32_MAX.
struct ProducerBatch {
    int64_t producer_id = -1;   ///< -1: the batch has no producer, and the rest no meaning
    int16_t epoch = -1;
    int32_t first_sequence = -1;
    int32_t last_offset_delta = 0;
    int64_t base_offset = 0;
    int64_t timestamp = -1;     ///< Unix ms when it came, and its append time if the topic wants that

    int64_t last_offset() const { return base_offset + last_offset_delta; }
    int32_t last_sequence() const;
    friend bool operator==(const ProducerBatch&, const ProducerBatch&) = default;
};

enum class ProducerVerdict : uint8_t {
    next,          ///< to be appended
    duplicate,     ///< it was appended: see what check() found
    out_of_order,  ///< others are missing before it, or it is older than what is remembered
    fenced,        ///< a later epoch of the producer was here
};

class ProducerTable {
public:
    struct Producer {
        int64_t id = -1;
        uint32_t count = 0;     ///< of batches, at least 1
        std::array<ProducerBatch, limits::producer_batches> batches;  ///< oldest first; of earlier epochs, too

        const ProducerBatch& last() const { return batches[count - 1]; }
        std::span<const ProducerBatch> kept() const { return std::span(batches).first(count); }
    };

    /// Kafka's rules. A producer that is unknown, or idle for too long, may begin with any sequence: what it sent
    /// before is forgotten, and to refuse it would end it for nothing.
    ProducerVerdict check(const ProducerBatch& batch, ProducerBatch& found) const;
    /// The batch is in the log. Offsets must ascend.
    void record(const ProducerBatch& batch);
    /// The log ends at `offset`: batches from there on never were. A producer of whom only such are remembered is
    /// unknown again. That is safe: what its client has no answer for is at most `producer_batches` batches, so all
    /// that it may send again are either still remembered or were cut.
    void truncate(int64_t offset);

    uint32_t size() const { return size_; }
    const Producer* find(int64_t id) const;
    /// From the one idle longest on.
    template <class F>
    void for_each(F visit) const {
        for (uint32_t slot = oldest_; slot != none; slot = slots_[slot].newer) visit(slots_[slot].producer);
    }
    /// Takes a producer as for_each() gave it, in that order. False if it cannot be.
    bool restore(const Producer& producer);

private:
    static constexpr uint32_t none = UINT32_MAX;
    struct Slot {
        Producer producer;
        uint32_t older = none;
        uint32_t newer = none;  ///< of a free slot: the next free one
    };

    uint32_t lookup(int64_t id) const;
    size_t home_of(int64_t id) const;
    void insert_index(uint32_t slot);
    void erase_index(int64_t id);
    uint32_t take_slot(int64_t id);
    void link_newest(uint32_t slot);
    void unlink(uint32_t slot);
    void remove(uint32_t slot);
    void grow();

    std::vector<Slot> slots_;
    std::vector<uint32_t> index_;  ///< slots by the hash of their ids, the next free place if taken; none: empty
    uint32_t size_ = 0;
    uint32_t oldest_ = none;
    uint32_t newest_ = none;
    uint32_t free_ = none;
};

bool operator==(const ProducerTable& a, const ProducerTable& b);

}  // namespace penstock::log
