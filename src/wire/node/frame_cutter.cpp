#include "wire/node/frame_cutter.h"

#include "base/bytes.h"

namespace penstock::wire::node {

bool FrameCutter::push(std::span<const std::byte> bytes) {
    if (broken_) return false;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return true;
}

std::optional<std::span<const std::byte>> FrameCutter::next() {
    constexpr size_t prefix = sizeof(int32_t);
    if (broken_ || bytes_.size() - at_ < prefix) return {};
    const auto size = load_be<int32_t>(bytes_.data() + at_);
    if (size < 0 || static_cast<uint32_t>(size) > frame_bytes_max_) {
        broken_ = true;
        return {};
    }
    const auto frame_size = static_cast<size_t>(size);
    if (bytes_.size() - at_ - prefix < frame_size) return {};
    std::span<const std::byte> frame(bytes_.data() + at_ + prefix, frame_size);
    at_ += prefix + frame_size;
    return frame;
}

void FrameCutter::reset() {
    broken_ = false;
    at_ = 0;
    bytes_.clear();
    bytes_.shrink_to_fit();
}

}  // namespace penstock::wire::node
