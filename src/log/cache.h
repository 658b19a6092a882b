// The shard's log memory: one slab, carved into 64 KiB chunks and 4 KiB pages, all block-aligned so that the disk, the
// sockets and the readers use the same bytes. A Block is a piece of it that holds consecutive bytes of one log.
//
// Nothing is allocated after construction but Block objects, which are pooled. Not thread-safe: one shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "log/format.h"

namespace penstock::log {

inline constexpr uint32_t chunk_size = 64 * kib;
inline constexpr uint32_t page_size = io::block_size;

class Block {
public:
    std::byte* data = nullptr;
    uint32_t capacity = 0;       ///< page_size or chunk_size
    uint32_t filled = 0;         ///< bytes that hold data
    uint64_t position = 0;       ///< of data[0] in its log; block-aligned
    int64_t first_offset = -1;   ///< base offset of the first batch that starts here; -1: none does
    uint32_t first_at = 0;       ///< where in data it starts
    uint32_t pins = 0;           ///< slices lent and writes under way; not freed while > 0
    bool orphan = false;         ///< its log let go of it: freed with the last pin
    struct LogData* log = nullptr;  ///< of a tail block: the log whose row it stands in
    Block* older = nullptr;      ///< tail blocks of all logs, in order of allocation
    Block* newer = nullptr;

    uint64_t end() const { return position + filled; }
};

class Slab {
public:
    explicit Slab(uint64_t bytes);

    /// A block of `capacity` bytes (page_size or chunk_size), unpinned; null when the memory is used up.
    Block* take(uint32_t capacity);
    void give(Block* block);

    uint64_t bytes_total() const { return uint64_t{chunk_count_} * chunk_size; }
    uint64_t bytes_used() const { return bytes_used_; }

private:
    struct Chunk {
        uint32_t pages_used = 0;   ///< of a chunk split into pages
        uint32_t free_mask = 0;    ///< bit per page
        bool listed = false;       ///< stands in split_
    };
    static constexpr uint32_t pages_per_chunk = chunk_size / page_size;

    struct Free {
        void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{io::block_size}); }
    };
    std::unique_ptr<std::byte, Free> memory_;
    uint32_t chunk_count_ = 0;
    uint64_t bytes_used_ = 0;
    std::vector<Chunk> chunks_;
    std::vector<uint32_t> free_chunks_;
    std::vector<uint32_t> split_;                  // chunks with free pages
    std::vector<std::unique_ptr<Block>> blocks_;   // all Block objects ever made
    std::vector<Block*> free_blocks_;
};

}  // namespace penstock::log
