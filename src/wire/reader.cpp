#include "wire/reader.h"

#include <algorithm>
#include <cstring>

namespace penstock::wire {

Reader::Reader(std::span<const Fragment> frame, Arena& arena) noexcept
    : next_(frame.data()), behind_(total_size(frame)), arena_(arena) {
    if (behind_ > 0) next_fragment();
}

void Reader::fail(Errc code) noexcept {
    if (ok_) error_ = code;
    ok_ = false;
    at_ = end_;
    behind_ = 0;
}

bool Reader::has(uint64_t size) noexcept {
    if (ok_ && size <= remaining()) [[likely]] return true;
    fail(Errc::malformed);
    return false;
}

void Reader::next_fragment() noexcept {
    while (next_->size == 0) ++next_;
    at_ = next_->data;
    end_ = at_ + next_->size;
    behind_ -= next_->size;
    ++next_;
}

uint32_t Reader::uvarint_slow() noexcept {
    uint32_t value = 0;
    for (uint32_t shift = 0; shift < 35; shift += 7) {
        uint8_t byte = number<uint8_t>();
        if (!ok_) return 0;
        if (shift == 28 && byte > 0x0f) break;
        value |= static_cast<uint32_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return value;
    }
    fail(Errc::malformed);
    return 0;
}

std::span<const std::byte> Reader::view(uint64_t size) noexcept {
    if (!has(size)) return {};
    if (at_ == end_ && behind_ > 0) next_fragment();
    if (size <= static_cast<uint64_t>(end_ - at_)) [[likely]] {
        std::span<const std::byte> lent(at_, static_cast<size_t>(size));
        at_ += size;
        return lent;
    }
    auto* memory = static_cast<std::byte*>(arena_.allocate(static_cast<size_t>(size), 1));
    if (memory == nullptr) {
        fail(Errc::too_large);
        return {};
    }
    std::span<std::byte> joined(memory, static_cast<size_t>(size));
    copy(joined);
    return joined;
}

std::span<const Fragment> Reader::fragments(uint64_t size) noexcept {
    if (!has(size) || size == 0) return {};
    if (at_ == end_) next_fragment();
    size_t count = 1;
    uint64_t covered = static_cast<uint64_t>(end_ - at_);
    for (const Fragment* f = next_; covered < size; ++f) {
        covered += f->size;
        ++count;
    }
    std::span<Fragment> list = arena_.make_array<Fragment>(count);
    if (list.data() == nullptr) {
        fail(Errc::too_large);
        return {};
    }
    size_t filled = 0;
    for (uint64_t left = size; left > 0;) {
        if (at_ == end_) next_fragment();
        uint64_t n = std::min<uint64_t>(left, static_cast<uint64_t>(end_ - at_));
        list[filled++] = {at_, static_cast<uint32_t>(n)};
        at_ += n;
        left -= n;
    }
    return list.first(filled);
}

void Reader::copy(std::span<std::byte> out) noexcept {
    if (!has(out.size())) return;
    while (!out.empty()) {
        if (at_ == end_) next_fragment();
        size_t n = std::min(out.size(), static_cast<size_t>(end_ - at_));
        std::memcpy(out.data(), at_, n);
        at_ += n;
        out = out.subspan(n);
    }
}

void Reader::skip(uint64_t size) noexcept {
    if (!has(size)) return;
    for (;;) {
        uint64_t n = std::min<uint64_t>(size, static_cast<uint64_t>(end_ - at_));
        at_ += n;
        size -= n;
        if (size == 0) return;
        next_fragment();
    }
}

}  // namespace penstock::wire
