#include "transport/receive_stream.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::transport {

ReceiveStream::Taken ReceiveStream::take(uint64_t offset, std::span<const std::byte> bytes, bool end, uint32_t buffer,
                                         ReceivedBuffers& buffers) {
    const uint64_t past = offset + bytes.size();
    if (past > limit_) return Taken::beyond_credit;
    if (end_ ? past > *end_ || (end && past != *end_) : end && past < highest_) return Taken::contradiction;
    if (reset_) return Taken::kept;
    if (past > in_order_ && !bytes.empty()) {
        if (offset > in_order_) {
            const Taken taken = keep_ahead(offset, bytes, buffers);
            if (taken != Taken::kept) return taken;
        } else {
            if (ready_.size() >= ready_max()) return Taken::no_room;
            const auto fresh = bytes.subspan(in_order_ - offset);
            const auto kept = buffers.keep(fresh, buffer, in_order_ - read_);
            if (!kept) return Taken::no_room;
            ready_.push_back({{kept->data, fresh.size()}, kept->buffer});
            in_order_ = past;
            if (!ahead_.empty()) join_ahead(buffers);
        }
    }
    highest_ = std::max(highest_, past);
    if (end) end_ = past;
    return Taken::kept;
}

/// What is there already stays; what is new goes into the gaps between.
ReceiveStream::Taken ReceiveStream::keep_ahead(uint64_t offset, std::span<const std::byte> bytes,
                                               ReceivedBuffers& buffers) {
    const uint64_t past = offset + bytes.size();
    size_t place = ahead_.size();
    while (place > 0 && ahead_[place - 1].offset >= offset) --place;
    uint64_t at = offset;
    if (place > 0) at = std::max(at, ahead_[place - 1].end());
    while (at < past) {
        const bool more = place < ahead_.size();
        const uint64_t until = more ? std::min(past, ahead_[place].offset) : past;
        if (at < until) {
            if (ahead_.size() >= ahead_max()) return Taken::no_room;
            const auto copy = buffers.copy(bytes.subspan(at - offset, until - at), past - read_);
            if (!copy) return Taken::no_room;
            ahead_.insert(place, {at, {{copy->data, until - at}, copy->buffer}});
            ++place;
        }
        if (!more) break;
        at = std::max(at, ahead_[place].end());
        ++place;
    }
    return Taken::kept;
}

void ReceiveStream::join_ahead(ReceivedBuffers& buffers) {
    size_t joined = 0;
    for (; joined < ahead_.size() && ahead_[joined].offset <= in_order_; ++joined) {
        const Piece& piece = ahead_[joined];
        if (piece.end() <= in_order_) {
            buffers.release(piece.slice.buffer);
            continue;
        }
        ready_.push_back({piece.slice.bytes.subspan(in_order_ - piece.offset), piece.slice.buffer});
        in_order_ = piece.end();
    }
    ahead_.pop_front(joined);
}

ReceiveStream::Taken ReceiveStream::reset(uint64_t final_size, ReceivedBuffers& buffers) {
    if (final_size > limit_) return Taken::beyond_credit;
    if (final_size < highest_ || (end_ && *end_ != final_size)) return Taken::contradiction;
    clear(buffers);
    reset_ = true;
    end_ = highest_ = in_order_ = read_ = final_size;
    return Taken::kept;
}

std::optional<ReceiveStream::Slice> ReceiveStream::next() {
    if (ready_.empty()) return std::nullopt;
    const Slice slice = ready_.front();
    ready_.pop_front();
    read_ += slice.bytes.size();
    return slice;
}

std::optional<uint64_t> ReceiveStream::grant() {
    if (end_ || limit_ - read_ > window_ / 2) return std::nullopt;
    const uint64_t wanted = read_ + window_;
    if (wanted <= limit_) return std::nullopt;
    limit_ = wanted;
    return limit_;
}

void ReceiveStream::clear(ReceivedBuffers& buffers) {
    for (size_t i = 0; i < ready_.size(); ++i) buffers.release(ready_[i].buffer);
    for (size_t i = 0; i < ahead_.size(); ++i) buffers.release(ahead_[i].slice.buffer);
    ready_.pop_front(ready_.size());
    ahead_.pop_front(ahead_.size());
}

}  // namespace penstock::transport
