// The bytes of a simulated file: a sparse row of 4 KiB blocks that copies share until one of them is written, so that
// forking a whole data directory at every disk event costs little.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/disk.h"

namespace penstock::sim {

inline constexpr uint32_t sector_size = 512;  ///< what a device writes whole or not at all
inline constexpr uint32_t sectors_per_block = io::block_size / sector_size;

struct Block {
    std::array<std::byte, io::block_size> bytes;
};
using BlockRef = std::shared_ptr<const Block>;

/// A copy of io::block_size bytes; all blocks of zeros are one.
BlockRef make_block(const std::byte* bytes);
BlockRef garbage_block(uint64_t seed);
/// `base` with those sectors of `over` whose bits are set in `sectors`.
BlockRef mix_blocks(const BlockRef& base, const BlockRef& over, uint32_t sectors);
/// The sectors (a bit each) in which two blocks differ.
uint32_t differing_sectors(const Block& a, const Block& b);

inline constexpr uint32_t all_sectors = (1u << sectors_per_block) - 1;

class FileImage {
public:
    /// Null where nothing was ever written.
    BlockRef at(uint64_t index) const;
    void set(uint64_t index, BlockRef block);
    uint64_t blocks_written() const { return blocks_written_; }

private:
    static constexpr size_t chunk_blocks = 64;
    using Chunk = std::array<BlockRef, chunk_blocks>;

    std::vector<std::shared_ptr<Chunk>> chunks_;
    uint64_t blocks_written_ = 0;
};

}  // namespace penstock::sim
