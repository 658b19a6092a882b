#include "socket/send_queue.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::socket {

void SendQueue::push(std::span<const Fragment> fragments, uint64_t token) {
    PENSTOCK_ASSERT(!full());
    PENSTOCK_ASSERT(fragments.size() <= io::max_send_fragments);
    // A queue that never runs dry would grow: move what is left to the front once more is gone than left.
    if (head_ > vectors_.size() / 2) {
        vectors_.erase(vectors_.begin(), vectors_.begin() + static_cast<ptrdiff_t>(head_));
        head_ = 0;
    }
    Send& send = sends_[(first_ + count_++) % io::max_sends_queued];
    send = {token, 0};
    for (const Fragment& fragment : fragments) {
        if (fragment.size == 0) continue;
        // sendmsg only reads, its vectors know no const.
        vectors_.push_back({const_cast<std::byte*>(fragment.data), fragment.size});
        send.bytes += fragment.size;
    }
}

std::span<iovec> SendQueue::front(size_t vectors_max, uint64_t bytes_enough) {
    const size_t limit = std::min(vectors_.size(), head_ + vectors_max);
    size_t end = head_;
    for (uint64_t bytes = 0; end < limit && bytes < bytes_enough; ++end) bytes += vectors_[end].iov_len;
    return {vectors_.data() + head_, end - head_};
}

void SendQueue::consume(uint64_t bytes) {
    uint64_t left = bytes;
    while (left > 0) {
        PENSTOCK_ASSERT(head_ < vectors_.size());
        iovec& vector = vectors_[head_];
        const uint64_t n = std::min<uint64_t>(left, vector.iov_len);
        vector = {static_cast<std::byte*>(vector.iov_base) + n, vector.iov_len - n};
        left -= n;
        if (vector.iov_len == 0) ++head_;
    }
    left = bytes;
    for (uint32_t i = 0; i < count_ && left > 0; ++i) {
        Send& send = sends_[(first_ + i) % io::max_sends_queued];
        const uint64_t n = std::min(left, send.bytes);
        send.bytes -= n;
        left -= n;
    }
    PENSTOCK_ASSERT(left == 0);
}

bool SendQueue::take_finished(uint64_t& token) {
    if (count_ == 0 || sends_[first_].bytes > 0) return false;
    token = sends_[first_].token;
    first_ = (first_ + 1) % io::max_sends_queued;
    --count_;
    return true;
}

void SendQueue::clear() {
    vectors_.clear();
    head_ = 0;
    count_ = 0;
}

}  // namespace penstock::socket
