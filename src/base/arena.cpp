#include "base/arena.h"

#include <algorithm>

namespace penstock {

void Arena::free_chain(Chunk* chunk) noexcept {
    while (chunk != nullptr) {
        Chunk* next = chunk->next;
        ::operator delete(chunk, std::align_val_t{chunk_align});
        chunk = next;
    }
}

void* Arena::allocate_chunk(size_t bytes) noexcept {
    constexpr size_t first_chunk = 4096 - sizeof(Chunk);
    constexpr size_t chunk_max = 256 * 1024;
    static_assert(sizeof(Chunk) % chunk_align == 0);

    if (bytes > limit_ - used_) return nullptr;
    Chunk** link = current_ == nullptr ? &first_ : &current_->next;
    while (*link != nullptr && (*link)->size < bytes) link = &(*link)->next;
    if (*link == nullptr) {
        // As much again as there is, so that a large request takes few chunks.
        size_t size = std::max(bytes, std::clamp(held_, first_chunk, chunk_max));
        void* memory = ::operator new(sizeof(Chunk) + size, std::align_val_t{chunk_align}, std::nothrow);
        if (memory == nullptr) return nullptr;
        *link = new (memory) Chunk{nullptr, size};
        held_ += size;
    }
    current_ = *link;
    auto* begin = reinterpret_cast<std::byte*>(current_ + 1);
    at_ = begin + bytes;
    room_ = current_->size - bytes;
    used_ += bytes;
    return begin;
}

void Arena::reset() noexcept {
    size_t kept = 0;
    Chunk** link = &first_;
    while (*link != nullptr && kept + (*link)->size <= keep_) {
        kept += (*link)->size;
        link = &(*link)->next;
    }
    free_chain(*link);
    *link = nullptr;
    held_ = kept;
    used_ = 0;
    current_ = nullptr;
    at_ = nullptr;
    room_ = 0;
}

}  // namespace penstock
