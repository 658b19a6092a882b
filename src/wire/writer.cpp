#include "wire/writer.h"

#include <algorithm>
#include <limits>

#include "limits.h"

namespace penstock::wire {

namespace {
constexpr size_t first_list = 8;
}  // namespace

void Writer::fail(Errc code) noexcept {
    if (ok_) error_ = code;
    ok_ = false;
    begin_ = at_ = end_ = nullptr;
}

bool Writer::new_chunk(size_t size) noexcept {
    if (!ok_) return false;
    end_fragment();
    size_t wanted = std::max(size, chunk_bytes_);
    auto* memory = static_cast<std::byte*>(arena_.allocate(wanted, 1));
    if (memory == nullptr || !ok_) {
        fail(Errc::too_large);
        return false;
    }
    begin_ = at_ = memory;
    end_ = memory + wanted;
    chunk_bytes_ = std::min<size_t>(chunk_bytes_ * 2, limits::writer_chunk_bytes_max);
    return true;
}

void Writer::end_fragment() noexcept {
    if (at_ == begin_) return;
    Fragment fragment{begin_, static_cast<uint32_t>(at_ - begin_)};
    begin_ = at_;
    append(fragment);
}

void Writer::append(Fragment fragment) noexcept {
    if (count_ == list_.size()) {
        std::span<Fragment> larger = arena_.make_array<Fragment>(std::max(first_list, list_.size() * 2));
        if (larger.data() == nullptr) return fail(Errc::too_large);
        std::copy(list_.begin(), list_.end(), larger.begin());
        list_ = larger;
    }
    list_[count_++] = fragment;
    finished_ += fragment.size;
}

void Writer::splice(std::span<const Fragment> fragments) noexcept {
    if (!ok_) return;
    end_fragment();
    for (const Fragment& fragment : fragments) {
        if (fragment.size > 0 && ok_) append(fragment);
    }
}

void Writer::begin_frame() noexcept {
    PENSTOCK_ASSERT(size() == 0);
    if (!room(sizeof(int32_t))) return;
    frame_size_ = at_;
    at_ += sizeof(int32_t);
}

std::span<const Fragment> Writer::finish() noexcept {
    if (ok_) end_fragment();
    if (ok_ && frame_size_ != nullptr) {
        uint64_t body = finished_ - sizeof(int32_t);
        if (body > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) fail(Errc::too_large);
        else store_be(frame_size_, static_cast<int32_t>(body));
    }
    if (!ok_) return {};
    return list_.first(count_);
}

}  // namespace penstock::wire
