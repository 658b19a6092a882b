#include "log/cache.h"

#include <bit>

namespace penstock::log {

Slab::Slab(uint64_t bytes) : chunk_count_(static_cast<uint32_t>(bytes / chunk_size)) {
    PENSTOCK_ASSERT(chunk_count_ >= 4);
    memory_.reset(static_cast<std::byte*>(::operator new(bytes_total(), std::align_val_t{io::block_size})));
    chunks_.resize(chunk_count_);
    free_chunks_.reserve(chunk_count_);
    for (uint32_t i = chunk_count_; i > 0; --i) free_chunks_.push_back(i - 1);
}

Block* Slab::take(uint32_t capacity) {
    PENSTOCK_ASSERT(capacity == page_size || capacity == chunk_size);
    if (free_chunks_.empty() && (capacity == chunk_size || split_.empty())) return nullptr;
    if (free_blocks_.empty()) {
        blocks_.push_back(std::make_unique<Block>());
        free_blocks_.push_back(blocks_.back().get());
    }
    Block* block = free_blocks_.back();
    free_blocks_.pop_back();
    *block = {};
    block->capacity = capacity;
    if (capacity == chunk_size) {
        block->data = memory_.get() + uint64_t{free_chunks_.back()} * chunk_size;
        free_chunks_.pop_back();
    } else {
        if (split_.empty()) {
            uint32_t chunk = free_chunks_.back();
            free_chunks_.pop_back();
            chunks_[chunk] = {0, (1u << pages_per_chunk) - 1, true};
            split_.push_back(chunk);
        }
        uint32_t index = split_.back();
        Chunk& chunk = chunks_[index];
        auto page = static_cast<uint32_t>(std::countr_zero(chunk.free_mask));
        chunk.free_mask &= ~(1u << page);
        ++chunk.pages_used;
        if (chunk.free_mask == 0) {
            split_.pop_back();
            chunk.listed = false;
        }
        block->data = memory_.get() + uint64_t{index} * chunk_size + uint64_t{page} * page_size;
    }
    bytes_used_ += capacity;
    return block;
}

void Slab::give(Block* block) {
    PENSTOCK_ASSERT(block->pins == 0);
    PENSTOCK_ASSERT(block->data != nullptr);
    auto offset = static_cast<uint64_t>(block->data - memory_.get());
    auto index = static_cast<uint32_t>(offset / chunk_size);
    bytes_used_ -= block->capacity;
    if (block->capacity == chunk_size) {
        free_chunks_.push_back(index);
    } else {
        Chunk& chunk = chunks_[index];
        chunk.free_mask |= 1u << (offset % chunk_size / page_size);
        --chunk.pages_used;
        if (!chunk.listed) {
            chunk.listed = true;
            split_.push_back(index);
        }
        if (chunk.pages_used == 0) {
            std::erase(split_, index);
            chunk = {};
            free_chunks_.push_back(index);
        }
    }
    block->data = nullptr;
    free_blocks_.push_back(block);
}

}  // namespace penstock::log
