#include "sim/image.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/random.h"

namespace penstock::sim {

BlockRef make_block(const std::byte* bytes) {
    static const BlockRef zeros = std::make_shared<const Block>();
    if (std::memcmp(bytes, zeros->bytes.data(), io::block_size) == 0) return zeros;
    auto block = std::make_shared_for_overwrite<Block>();
    std::memcpy(block->bytes.data(), bytes, io::block_size);
    return block;
}

BlockRef garbage_block(uint64_t seed) {
    auto block = std::make_shared_for_overwrite<Block>();
    Random(seed).fill(block->bytes);
    return block;
}

BlockRef mix_blocks(const BlockRef& base, const BlockRef& over, uint32_t sectors) {
    if (sectors == 0) return base;
    if (sectors == all_sectors) return over;
    auto block = std::make_shared<Block>(*base);
    for (uint32_t i = 0; i < sectors_per_block; ++i)
        if ((sectors >> i & 1) != 0)
            std::memcpy(block->bytes.data() + i * sector_size, over->bytes.data() + i * sector_size, sector_size);
    return block;
}

uint32_t differing_sectors(const Block& a, const Block& b) {
    if (&a == &b) return 0;
    uint32_t sectors = 0;
    for (uint32_t i = 0; i < sectors_per_block; ++i)
        if (std::memcmp(a.bytes.data() + i * sector_size, b.bytes.data() + i * sector_size, sector_size) != 0)
            sectors |= 1u << i;
    return sectors;
}

BlockRef FileImage::at(uint64_t index) const {
    const size_t chunk = index / chunk_blocks;
    return chunk < chunks_.size() && chunks_[chunk] ? (*chunks_[chunk])[index % chunk_blocks] : nullptr;
}

void FileImage::set(uint64_t index, BlockRef block) {
    const size_t chunk = index / chunk_blocks;
    if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
    auto& ref = chunks_[chunk];
    if (!ref) ref = std::make_shared<Chunk>();
    else if (ref.use_count() > 1) ref = std::make_shared<Chunk>(*ref);
    BlockRef& slot = (*ref)[index % chunk_blocks];
    if (!slot) ++blocks_written_;
    slot = std::move(block);
}

}  // namespace penstock::sim
