// The last offset of each key in a part of a log: what compaction keeps by.
//
// Keys stand in it by a hash of 128 bits: with a billion keys the chance that any two are taken for one is some 1e-21.
// Takes its memory at once, from zero pages, and never grows: full is an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace penstock::log {

struct KeyHash {
    uint64_t high = 0;
    uint64_t low = 0;
    friend bool operator==(const KeyHash&, const KeyHash&) = default;
};
KeyHash hash_key(std::span<const std::byte> key);

class KeyMap {
public:
    /// Room for at least `keys` keys, but in no more than `bytes_max` of memory.
    KeyMap(uint64_t keys, uint64_t bytes_max);

    /// Offsets of a key must ascend. False: full, and the key is new.
    bool put(const KeyHash& key, int64_t offset);
    /// -1: it is not there.
    int64_t find(const KeyHash& key) const;
    uint64_t size() const { return size_; }

private:
    struct Slot {
        KeyHash key;
        int64_t next;  ///< the offset behind the key's last one; 0: an empty slot
    };
    struct Free {
        void operator()(Slot* slots) const;
    };

    uint64_t slot_of(const KeyHash& key) const;

    std::unique_ptr<Slot[], Free> slots_;
    uint64_t mask_ = 0;
    uint64_t room_ = 0;   ///< keys that it takes: a quarter of the slots stays empty, so that searches are short
    uint64_t size_ = 0;
};

}  // namespace penstock::log
