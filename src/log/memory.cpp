// Who gives way when the slab is full: tail blocks that are flushed and unpinned, oldest first and from the front of
// their log's row (so a row stays without gaps); and ranges read from disk that nobody used lately.
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint32_t tail_tries = 64;
constexpr uint32_t cold_tries = 16;

}  // namespace

Block* Store::Impl::take_block(uint32_t capacity) {
    for (;;) {
        if (Block* block = slab.take(capacity)) return block;
        bool cold_first = cold_bytes > slab.bytes_total() / 4;
        bool evicted = cold_first ? evict_cold() || evict_tail() : evict_tail() || evict_cold();
        if (!evicted) return nullptr;
    }
}

bool Store::Impl::evict_tail() {
    if (evict_hand == nullptr) evict_hand = oldest_tail;
    for (uint32_t i = 0; i < tail_tries && evict_hand != nullptr; ++i) {
        Block* block = evict_hand;
        evict_hand = block->newer;
        LogData& log = *block->log;
        if (block->pins > 0 || log.row.front() != block || block->end() > log.state.flushed) continue;
        drop_row_front(log);
        return true;
    }
    return false;
}

void Store::Impl::drop_row_front(LogData& log) {
    Block* block = log.row.front();
    if (evict_hand == block) evict_hand = block->newer;
    (block->older != nullptr ? block->older->newer : oldest_tail) = block->newer;
    (block->newer != nullptr ? block->newer->older : newest_tail) = block->older;
    log.row.pop_front();
    if (log.row.empty()) log.row_end = 0;
    let_go(*block);
}

/// Frees the block now, or when its last pin goes.
void Store::Impl::let_go(Block& block) {
    block.log = nullptr;
    block.orphan = true;
    if (block.pins == 0) slab.give(&block);
}

void Store::Impl::release(Block& block) {
    PENSTOCK_ASSERT(block.pins > 0);
    --block.pins;
    if (block.pins == 0 && block.orphan) slab.give(&block);
}

bool Store::Impl::evict_cold() {
    for (uint32_t i = 0; i < cold_tries && !cold_order.empty(); ++i) {
        ColdRange* range = cold_order.front();
        bool pinned = range->state == ColdRange::State::loading;
        for (const Block* block : range->blocks) pinned |= block->pins > 0;
        if (!pinned && !range->used) {
            free_cold(*range);
            return true;
        }
        range->used = false;
        cold_order.pop_front();
        cold_order.push_back(range);
    }
    return false;
}

}  // namespace penstock::log
