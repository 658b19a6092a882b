// Arena: memory for one request or one response, given back all at once.
//
// A bump allocator over a few chunks. Whoever steps a request owns the arena, allocates from it while the request
// lives and calls reset() after; warm arenas then allocate nothing. Never more than `limit` bytes are handed out:
// allocate() answers nullptr, which for bytes from outside means "too large", so callers must check.
// It runs no destructors (only trivially destructible types fit) and is not for sharing between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/assert.h"

namespace penstock {

class Arena {
public:
    /// `limit`: most bytes between two resets. `keep`: memory that reset() does not return to the heap.
    explicit Arena(size_t limit, size_t keep = 64 * 1024) noexcept : limit_(limit), keep_(keep) {
        PENSTOCK_ASSERT(limit <= PTRDIFF_MAX / 2);
    }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() { free_chain(first_); }

    /// Uninitialised memory, or nullptr when the limit (or the machine's memory) is reached. `align` ≤ 16.
    void* allocate(size_t bytes, size_t align) noexcept {
        PENSTOCK_ASSERT(align <= chunk_align && (align & (align - 1)) == 0);
        size_t pad = (align - (reinterpret_cast<uintptr_t>(at_) & (align - 1))) & (align - 1);
        if (bytes <= room_ && pad <= room_ - bytes && pad + bytes <= limit_ - used_) [[likely]] {
            std::byte* result = at_ + pad;
            at_ += pad + bytes;
            room_ -= pad + bytes;
            used_ += pad + bytes;
            return result;
        }
        return allocate_chunk(bytes);
    }

    /// `count` value-initialised elements; an empty span with data() == nullptr when there is no room.
    template <class T>
    std::span<T> make_array(size_t count) noexcept {
        static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors");
        if (count > limit_ / sizeof(T)) return {};
        void* memory = allocate(count * sizeof(T), alignof(T));
        if (memory == nullptr) return {};
        T* items = static_cast<T*>(memory);
        for (size_t i = 0; i < count; ++i) new (items + i) T{};
        return {items, count};
    }

    /// A copy of `text` that lives as long as the arena's content; data() is nullptr when there is no room.
    std::string_view copy(std::string_view text) noexcept {
        auto* memory = static_cast<char*>(allocate(text.size(), 1));
        if (memory == nullptr) return {};
        if (!text.empty()) std::memcpy(memory, text.data(), text.size());
        return {memory, text.size()};
    }

    /// Everything handed out becomes invalid. Keeps up to `keep` bytes of chunks for next time.
    void reset() noexcept;

    size_t used() const { return used_; }    ///< bytes handed out since the last reset, padding included
    size_t held() const { return held_; }    ///< bytes of chunks taken from the heap
    size_t limit() const { return limit_; }

private:
    struct Chunk {
        Chunk* next;
        size_t size;  // of the bytes behind this header
    };
    static constexpr size_t chunk_align = 16;

    static void free_chain(Chunk* chunk) noexcept;
    // Moves on to the next chunk that fits: one that was kept, else a new one behind the current.
    void* allocate_chunk(size_t bytes) noexcept;

    size_t limit_;
    size_t keep_;
    size_t used_ = 0;
    size_t held_ = 0;
    Chunk* first_ = nullptr;
    Chunk* current_ = nullptr;  // nullptr after a reset: the next allocation starts at first_
    std::byte* at_ = nullptr;
    size_t room_ = 0;
};

}  // namespace penstock
