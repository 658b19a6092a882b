// Which numbered file sits in which slot of the ring's registered-file table, and which slot to reuse next.
//
// Stepped by Disk. A slot is free, or holds an open file (or one being opened); files that nobody uses wait in order of
// their last use, and the oldest makes room. Invariant: a slot with users is never given away.
// What it does not do: it opens and closes nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "io/disk.h"

namespace penstock::uring {

class FileTable {
public:
    static constexpr uint32_t none = UINT32_MAX;

    explicit FileTable(uint32_t slot_count);

    /// The slot of a file, or none.
    uint32_t find(io::FileId file) const;

    struct Taken {
        uint32_t slot = none;   ///< none: every slot has users
        bool replaced = false;  ///< the slot still holds another file, unused: close it or open over it
    };
    /// Gives a file that has none a slot, with one user.
    Taken take(io::FileId file);

    void add_user(uint32_t slot);
    /// True if that was the last user of a forgotten file: close the slot, then free it.
    bool drop_user(uint32_t slot);
    /// The slot's file is found no more; the slot stays taken until free(). True if it has no users: close it now.
    bool forget(uint32_t slot);
    /// A forgotten slot without users holds nothing any more.
    void free(uint32_t slot);

    bool known(uint32_t slot) const { return slots_[slot].known; }

private:
    struct Slot {
        io::FileId file;
        uint32_t users = 0;
        uint32_t older = none, newer = none;  ///< row of unused files; `newer` links the free ones
        bool known = false;                   ///< find() knows it
    };

    static uint64_t key(io::FileId file) { return uint64_t{static_cast<uint8_t>(file.kind)} << 32 | file.number; }
    uint32_t home(io::FileId file) const;
    void index_insert(uint32_t slot);
    void index_erase(uint32_t slot);
    void unlink(uint32_t slot);
    void push_newest(uint32_t slot);

    std::vector<Slot> slots_;
    std::vector<uint32_t> index_;  ///< open addressing, at most half full: slot numbers
    uint32_t free_ = none;
    uint32_t oldest_ = none, newest_ = none;
};

}  // namespace penstock::uring
