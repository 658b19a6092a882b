#include "log/producers.h"

#include <algorithm>
#include <climits>

#include "base/assert.h"

namespace penstock::log {
namespace {

constexpr size_t index_min = 8;

bool expired(const ProducerTable::Producer& producer, int64_t now_ms) {
    return now_ms - producer.last().timestamp >= limits::producer_expiration_ms;
}

bool follows(int32_t last, int32_t next) { return last == INT32_MAX ? next == 0 : next == last + 1; }

}  // namespace

int32_t ProducerBatch::last_sequence() const {
    int64_t last = int64_t{first_sequence} + last_offset_delta;
    return static_cast<int32_t>(last > INT32_MAX ? last - INT32_MAX - 1 : last);
}

ProducerVerdict ProducerTable::check(const ProducerBatch& batch, ProducerBatch& found) const {
    const Producer* producer = find(batch.producer_id);
    if (producer == nullptr || expired(*producer, batch.timestamp)) return ProducerVerdict::next;
    const ProducerBatch& last = producer->last();
    if (batch.epoch < last.epoch) return ProducerVerdict::fenced;
    if (batch.epoch > last.epoch) {
        return batch.first_sequence == 0 ? ProducerVerdict::next : ProducerVerdict::out_of_order;
    }
    for (const ProducerBatch& kept : producer->kept()) {
        bool same = kept.epoch == batch.epoch && kept.first_sequence == batch.first_sequence &&
                    kept.last_sequence() == batch.last_sequence();
        if (!same) continue;
        found = kept;
        return ProducerVerdict::duplicate;
    }
    return follows(last.last_sequence(), batch.first_sequence) ? ProducerVerdict::next : ProducerVerdict::out_of_order;
}

void ProducerTable::record(const ProducerBatch& batch) {
    uint32_t slot = lookup(batch.producer_id);
    if (slot != none && expired(slots_[slot].producer, batch.timestamp)) {
        remove(slot);
        slot = none;
    }
    // Each adds one at most, so the table does not grow by those that are gone for good.
    for (int i = 0; i < 2 && oldest_ != none && expired(slots_[oldest_].producer, batch.timestamp); ++i) {
        if (oldest_ == slot) break;
        remove(oldest_);
    }
    if (slot == none) slot = take_slot(batch.producer_id);
    else unlink(slot);
    link_newest(slot);
    Producer& producer = slots_[slot].producer;
    if (producer.count == producer.batches.size()) {
        std::ranges::copy(std::span(producer.batches).subspan(1), producer.batches.begin());
        --producer.count;
    }
    producer.batches[producer.count++] = batch;
}

void ProducerTable::truncate(int64_t offset) {
    std::vector<Producer> kept;
    for_each([&](const Producer& producer) {
        Producer left = producer;
        while (left.count > 0 && left.last().last_offset() >= offset) --left.count;
        if (left.count > 0) kept.push_back(left);
    });
    std::ranges::sort(kept, {}, [](const Producer& producer) { return producer.last().base_offset; });
    *this = {};
    for (const Producer& producer : kept) {
        bool fits = restore(producer);
        PENSTOCK_ASSERT(fits);
    }
}

const ProducerTable::Producer* ProducerTable::find(int64_t id) const {
    uint32_t slot = lookup(id);
    return slot == none ? nullptr : &slots_[slot].producer;
}

bool ProducerTable::restore(const Producer& producer) {
    if (producer.id < 0 || producer.count == 0 || producer.count > producer.batches.size()) return false;
    if (size_ == limits::producers_per_log || lookup(producer.id) != none) return false;
    if (newest_ != none && slots_[newest_].producer.last().base_offset >= producer.last().base_offset) return false;
    uint32_t slot = take_slot(producer.id);
    slots_[slot].producer = producer;
    link_newest(slot);
    return true;
}

size_t ProducerTable::home_of(int64_t id) const {
    return ((static_cast<uint64_t>(id) * 0x9e3779b97f4a7c15) >> 32) & (index_.size() - 1);
}

uint32_t ProducerTable::lookup(int64_t id) const {
    if (index_.empty()) return none;
    for (size_t at = home_of(id);; at = (at + 1) & (index_.size() - 1)) {
        uint32_t slot = index_[at];
        if (slot == none || slots_[slot].producer.id == id) return slot;
    }
}

void ProducerTable::insert_index(uint32_t slot) {
    size_t at = home_of(slots_[slot].producer.id);
    while (index_[at] != none) at = (at + 1) & (index_.size() - 1);
    index_[at] = slot;
}

/// Those behind it move up, unless they would come before their home.
void ProducerTable::erase_index(int64_t id) {
    size_t mask = index_.size() - 1;
    size_t hole = home_of(id);
    while (slots_[index_[hole]].producer.id != id) hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; index_[at] != none; at = (at + 1) & mask) {
        size_t home = home_of(slots_[index_[at]].producer.id);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        index_[hole] = index_[at];
        hole = at;
    }
    index_[hole] = none;
}

/// An empty one, in the index and not in the order.
uint32_t ProducerTable::take_slot(int64_t id) {
    if (size_ == limits::producers_per_log) remove(oldest_);
    uint32_t slot = free_;
    if (slot == none) {
        if ((slots_.size() + 1) * 2 > index_.size()) grow();
        slot = static_cast<uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        free_ = slots_[slot].newer;
    }
    slots_[slot].producer.id = id;
    slots_[slot].producer.count = 0;
    insert_index(slot);
    ++size_;
    return slot;
}

void ProducerTable::link_newest(uint32_t slot) {
    slots_[slot].older = newest_;
    slots_[slot].newer = none;
    if (newest_ != none) slots_[newest_].newer = slot;
    else oldest_ = slot;
    newest_ = slot;
}

void ProducerTable::unlink(uint32_t slot) {
    const Slot& it = slots_[slot];
    (it.older != none ? slots_[it.older].newer : oldest_) = it.newer;
    (it.newer != none ? slots_[it.newer].older : newest_) = it.older;
}

void ProducerTable::remove(uint32_t slot) {
    unlink(slot);
    erase_index(slots_[slot].producer.id);
    slots_[slot].newer = free_;
    free_ = slot;
    --size_;
}

void ProducerTable::grow() {
    index_.assign(std::max(index_min, index_.size() * 2), none);
    for (uint32_t slot = oldest_; slot != none; slot = slots_[slot].newer) insert_index(slot);
}

bool operator==(const ProducerTable& a, const ProducerTable& b) {
    if (a.size() != b.size()) return false;
    bool same = true;
    std::vector<const ProducerTable::Producer*> order;
    a.for_each([&](const ProducerTable::Producer& producer) { order.push_back(&producer); });
    size_t at = 0;
    b.for_each([&](const ProducerTable::Producer& producer) {
        const ProducerTable::Producer& other = *order[at++];
        same &= other.id == producer.id && std::ranges::equal(other.kept(), producer.kept());
    });
    return same;
}

}  // namespace penstock::log
