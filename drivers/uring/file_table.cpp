#include "uring/file_table.h"

#include <bit>

#include "base/assert.h"

namespace penstock::uring {

FileTable::FileTable(uint32_t slot_count) : slots_(slot_count), index_(std::bit_ceil(slot_count * 2), none) {
    PENSTOCK_ASSERT(slot_count > 0);
    for (uint32_t i = slot_count; i-- > 0;) {
        slots_[i].newer = free_;
        free_ = i;
    }
}

uint32_t FileTable::home(io::FileId file) const {
    // Fibonacci hashing: numbers of files come in rows, the high bits of the product spread them.
    const uint64_t product = key(file) * 0x9e3779b97f4a7c15;
    return static_cast<uint32_t>(product >> 32) & static_cast<uint32_t>(index_.size() - 1);
}

uint32_t FileTable::find(io::FileId file) const {
    const auto mask = static_cast<uint32_t>(index_.size() - 1);
    for (uint32_t at = home(file); index_[at] != none; at = (at + 1) & mask) {
        if (slots_[index_[at]].file == file) return index_[at];
    }
    return none;
}

void FileTable::index_insert(uint32_t slot) {
    const auto mask = static_cast<uint32_t>(index_.size() - 1);
    uint32_t at = home(slots_[slot].file);
    while (index_[at] != none) at = (at + 1) & mask;
    index_[at] = slot;
    slots_[slot].known = true;
}

void FileTable::index_erase(uint32_t slot) {
    const auto mask = static_cast<uint32_t>(index_.size() - 1);
    uint32_t hole = home(slots_[slot].file);
    while (index_[hole] != slot) hole = (hole + 1) & mask;
    // Closes the gap: whatever probed past the hole moves into it, so that no tombstones pile up.
    for (uint32_t at = (hole + 1) & mask; index_[at] != none; at = (at + 1) & mask) {
        const uint32_t wanted = home(slots_[index_[at]].file);
        if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
        index_[hole] = index_[at];
        hole = at;
    }
    index_[hole] = none;
    slots_[slot].known = false;
}

void FileTable::unlink(uint32_t slot) {
    Slot& s = slots_[slot];
    (s.older == none ? oldest_ : slots_[s.older].newer) = s.newer;
    (s.newer == none ? newest_ : slots_[s.newer].older) = s.older;
    s.older = s.newer = none;
}

void FileTable::push_newest(uint32_t slot) {
    Slot& s = slots_[slot];
    s.older = newest_;
    s.newer = none;
    (newest_ == none ? oldest_ : slots_[newest_].newer) = slot;
    newest_ = slot;
}

FileTable::Taken FileTable::take(io::FileId file) {
    PENSTOCK_ASSERT(find(file) == none);
    Taken taken;
    if (free_ != none) {
        taken.slot = free_;
        free_ = slots_[free_].newer;
    } else if (oldest_ != none) {
        taken = {oldest_, true};
        unlink(taken.slot);
        index_erase(taken.slot);
    } else {
        return taken;
    }
    Slot& slot = slots_[taken.slot];
    slot.newer = none;
    slot.file = file;
    slot.users = 1;
    index_insert(taken.slot);
    return taken;
}

void FileTable::add_user(uint32_t slot) {
    Slot& s = slots_[slot];
    PENSTOCK_ASSERT(s.known);
    if (s.users++ == 0) unlink(slot);
}

bool FileTable::drop_user(uint32_t slot) {
    Slot& s = slots_[slot];
    PENSTOCK_ASSERT(s.users > 0);
    if (--s.users > 0) return false;
    if (!s.known) return true;
    push_newest(slot);
    return false;
}

bool FileTable::forget(uint32_t slot) {
    Slot& s = slots_[slot];
    PENSTOCK_ASSERT(s.known);
    if (s.users == 0) unlink(slot);
    index_erase(slot);
    return s.users == 0;
}

void FileTable::free(uint32_t slot) {
    Slot& s = slots_[slot];
    PENSTOCK_ASSERT(!s.known && s.users == 0);
    s.newer = free_;
    free_ = slot;
}

}  // namespace penstock::uring
