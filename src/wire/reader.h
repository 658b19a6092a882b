// Reader: takes values from a frame that lies in a chain of receive buffers.
//
// Never needs contiguous bytes: what straddles buffers is copied into the arena, what does not is lent. Every length is
// checked against what remains before anything is allocated or moved. Errors stick: after the first one all reads
// answer zero or empty and consume nothing, so callers check ok() once, at the end (and in loops).
// What it does not do: know messages (wire/codec.h).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

namespace penstock::wire {

class Reader {
public:
    /// `frame` and the bytes behind it must outlive everything that is read as a view.
    Reader(std::span<const Fragment> frame, Arena& arena) noexcept;

    bool ok() const { return ok_; }
    Errc error() const { return error_; }  ///< malformed or too_large; meaningful when !ok()
    uint64_t remaining() const { return behind_ + static_cast<uint64_t>(end_ - at_); }
    Arena& arena() { return arena_; }

    /// The first error wins. Drops the rest of the frame.
    void fail(Errc code) noexcept;

    template <std::integral T>
    T number() noexcept {
        if (static_cast<size_t>(end_ - at_) >= sizeof(T)) [[likely]] {
            T value = load_be<T>(at_);
            at_ += sizeof(T);
            return value;
        }
        std::byte straddling[sizeof(T)] = {};
        copy(straddling);
        return load_be<T>(straddling);
    }

    /// Kafka's unsigned varint: little-endian groups of seven bits, at most 32 bits in all.
    uint32_t uvarint() noexcept {
        if (at_ == end_ || (*at_ & std::byte{0x80}) != std::byte{0}) [[unlikely]] return uvarint_slow();
        return std::to_integer<uint32_t>(*at_++);
    }

    /// The next `size` bytes as one piece: lent from the frame, or a copy in the arena where they straddle.
    std::span<const std::byte> view(uint64_t size) noexcept;
    /// The next `size` bytes as they lie, lent from the frame; only the list of fragments is in the arena.
    std::span<const Fragment> fragments(uint64_t size) noexcept;
    /// Copies the next out.size() bytes; leaves `out` alone on error.
    void copy(std::span<std::byte> out) noexcept;
    void skip(uint64_t size) noexcept;

private:
    uint32_t uvarint_slow() noexcept;
    // Steps to the next buffer that is not empty. Only called when something remains.
    void next_fragment() noexcept;
    bool has(uint64_t size) noexcept;

    const std::byte* at_ = nullptr;   // in the current fragment
    const std::byte* end_ = nullptr;  // of the current fragment
    const Fragment* next_ = nullptr;  // the fragment after it
    uint64_t behind_ = 0;             // bytes in the fragments from next_ on
    Arena& arena_;
    bool ok_ = true;
    Errc error_ = Errc::malformed;
};

}  // namespace penstock::wire
