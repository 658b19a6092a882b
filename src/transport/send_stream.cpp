#include "transport/send_stream.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::transport {

void SendStream::push(std::span<const Fragment> fragments, uint64_t token) {
    PENSTOCK_ASSERT(!ended_);
    for (const Fragment& fragment : fragments) {
        if (fragment.size == 0) continue;
        pieces_.push_back({pushed_, fragment});
        pushed_ += fragment.size;
    }
    pushes_.push_back({pushed_, token});
}

void SendStream::end() { ended_ = true; }

std::optional<uint64_t> SendStream::next_done() {
    if (pushes_.empty() || pushes_.front().end > acknowledged_) return std::nullopt;
    const uint64_t token = pushes_.front().token;
    pushes_.pop_front();
    return token;
}

bool SendStream::grant(uint64_t limit) {
    if (limit <= limit_) return false;
    limit_ = limit;
    return true;
}

std::optional<SendStream::Chunk> SendStream::next(uint32_t bytes_max, uint64_t new_bytes_max) {
    Chunk chunk{.offset = sent_};
    if (!lost_.empty()) {
        const ByteRange again = lost_.front();
        chunk = {again.first, static_cast<uint32_t>(std::min<uint64_t>(again.end - again.first, bytes_max)), false};
        if (chunk.length == 0) return std::nullopt;
        lost_.remove({chunk.offset, chunk.offset + chunk.length});
    } else if (!end_lost_) {
        chunk.length = static_cast<uint32_t>(std::min({new_bytes(), new_bytes_max, uint64_t{bytes_max}}));
        sent_ += chunk.length;
    }
    chunk.end = ended_ && chunk.offset + chunk.length == pushed_ && !end_acknowledged_;
    if (chunk.length == 0 && !(chunk.end && (!end_sent_ || end_lost_))) return std::nullopt;
    if (chunk.end) {
        end_sent_ = true;
        end_lost_ = false;
    }
    return chunk;
}

size_t SendStream::piece_of(uint64_t offset) const {
    // As a rule it goes on where it was, or with the next.
    for (size_t i = latest_; i < std::min(latest_ + 2, pieces_.size()); ++i)
        if (pieces_[i].offset <= offset && offset - pieces_[i].offset < pieces_[i].bytes.size) return i;
    size_t low = 0, high = pieces_.size();
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (pieces_[middle].offset <= offset) low = middle;
        else high = middle;
    }
    return low;
}

void SendStream::add_fragments(const Chunk& chunk, std::vector<Fragment>& out) {
    uint64_t at = chunk.offset;
    uint32_t left = chunk.length;
    for (size_t i = left == 0 ? 0 : piece_of(at); left > 0; ++i) {
        const Piece& piece = pieces_[i];
        latest_ = i;
        const auto skip = static_cast<uint32_t>(at - piece.offset);
        PENSTOCK_ASSERT(at >= piece.offset && skip < piece.bytes.size);
        const uint32_t size = std::min(piece.bytes.size - skip, left);
        out.push_back({piece.bytes.data + skip, size});
        at += size;
        left -= size;
    }
}

void SendStream::acknowledged(uint64_t offset, uint32_t length, bool end) {
    if (end) {
        end_acknowledged_ = true;
        end_lost_ = false;
    }
    const ByteRange range{std::max(offset, acknowledged_), offset + length};
    PENSTOCK_ASSERT(range.end <= sent_);
    if (range.first >= range.end) return;
    lost_.remove(range);
    if (range.first > acknowledged_) return islands_.add(range);
    // It may reach over islands, up to the next.
    islands_.add({acknowledged_, range.end});
    acknowledged_ = islands_.front().end;
    islands_.remove_below(acknowledged_);
    size_t pieces = 0;
    while (pieces < pieces_.size() && pieces_[pieces].offset + pieces_[pieces].bytes.size <= acknowledged_) ++pieces;
    pieces_.pop_front(pieces);
    latest_ -= std::min(latest_, pieces);
}

void SendStream::lost(uint64_t offset, uint32_t length, bool end) {
    if (end && !end_acknowledged_) end_lost_ = true;
    const ByteRange range{std::max(offset, acknowledged_), offset + length};
    if (range.first >= range.end) return;
    lost_.add(range);
    for (const ByteRange& island : islands_) {
        if (island.first >= range.end) break;
        lost_.remove(island);
    }
}

void SendStream::repeat_first(uint32_t bytes) {
    const uint64_t until = islands_.empty() ? sent_ : islands_.front().first;
    lost(acknowledged_, static_cast<uint32_t>(std::min<uint64_t>(until - acknowledged_, bytes)),
         end_sent_ && until == sent_);
}

void SendStream::clear() {
    pieces_.pop_front(pieces_.size());
    latest_ = 0;
    pushes_.pop_front(pushes_.size());
    islands_.clear();
    lost_.clear();
    acknowledged_ = pushed_ = sent_;
    ended_ = end_sent_ = true;
    end_lost_ = false;
}

}  // namespace penstock::transport
