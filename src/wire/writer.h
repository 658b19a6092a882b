// Writer: puts values into a chain of fragments, ready for a gathered send.
//
// Small values go into chunks of the arena; large byte fields (records) are spliced: the chain names the caller's own
// memory, which is not copied and must stay until the send is done. The chain lives as long as the arena's content.
// Errors stick (too_large when the arena is full, malformed for a null where none may be): the chain is then useless.
// Sizer is the same sink without memory: it only counts.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

namespace penstock::wire {

class Writer {
public:
    explicit Writer(Arena& arena) noexcept : arena_(arena) {}

    bool ok() const { return ok_; }
    Errc error() const { return error_; }  ///< meaningful when !ok()
    uint64_t size() const { return finished_ + static_cast<uint64_t>(at_ - begin_); }

    /// The first error wins.
    void fail(Errc code) noexcept;

    template <std::integral T>
    void number(T value) noexcept {
        if (!room(sizeof(T))) return;
        store_be(at_, value);
        at_ += sizeof(T);
    }

    /// Kafka's unsigned varint.
    void uvarint(uint32_t value) noexcept {
        if (!room(5)) return;
        while (value >= 0x80) {
            *at_++ = static_cast<std::byte>(value | 0x80);
            value >>= 7;
        }
        *at_++ = static_cast<std::byte>(value);
    }

    void bytes(std::span<const std::byte> source) noexcept {
        if (!room(source.size())) return;
        if (!source.empty()) std::memcpy(at_, source.data(), source.size());
        at_ += source.size();
    }

    /// Names the caller's memory in the chain.
    void splice(std::span<const Fragment> fragments) noexcept;

    /// Leaves room for a frame's int32 size, which finish() fills in. Only as the first thing written.
    void begin_frame() noexcept;

    /// The chain. Empty after an error, also when a frame would be larger than its size field can say.
    std::span<const Fragment> finish() noexcept;

private:
    bool room(size_t size) noexcept {
        if (static_cast<size_t>(end_ - at_) >= size) [[likely]] return true;
        return new_chunk(size);
    }
    bool new_chunk(size_t size) noexcept;
    // Ends the fragment that is being written; the rest of its chunk is used by the next one.
    void end_fragment() noexcept;
    void append(Fragment fragment) noexcept;

    Arena& arena_;
    std::byte* begin_ = nullptr;  // of the fragment being written
    std::byte* at_ = nullptr;
    std::byte* end_ = nullptr;    // of the chunk
    uint64_t finished_ = 0;       // bytes in the fragments of the list
    std::span<Fragment> list_;
    size_t count_ = 0;
    size_t chunk_bytes_ = 512;
    std::byte* frame_size_ = nullptr;
    bool ok_ = true;
    Errc error_ = Errc::malformed;
};

class Sizer {
public:
    uint64_t size() const { return size_; }
    void fail(Errc) noexcept {}
    template <std::integral T>
    void number(T) noexcept { size_ += sizeof(T); }
    void uvarint(uint32_t value) noexcept {
        do ++size_;
        while ((value >>= 7) != 0);
    }
    void bytes(std::span<const std::byte> source) noexcept { size_ += source.size(); }
    void splice(std::span<const Fragment> fragments) noexcept { size_ += total_size(fragments); }

private:
    uint64_t size_ = 0;
};

}  // namespace penstock::wire
