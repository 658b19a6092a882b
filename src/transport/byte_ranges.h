// A set of bytes of a stream, as ranges in order that do not touch.
//
// Small as a rule: a range for each loss in a window. Adding and taking away cost a search, and a move of what follows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::transport {

struct ByteRange {
    uint64_t first = 0;
    uint64_t end = 0;   ///< behind the last
    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

class ByteRanges {
public:
    bool empty() const { return ranges_.empty(); }
    size_t count() const { return ranges_.size(); }
    const ByteRange& front() const { return ranges_.front(); }
    auto begin() const { return ranges_.begin(); }
    auto end() const { return ranges_.end(); }

    void add(ByteRange range) {
        if (range.first >= range.end) return;
        // From the first range that reaches the new one to the first that lies behind it: they become one.
        auto at = std::ranges::lower_bound(ranges_, range.first, {}, &ByteRange::end);
        auto past = at;
        for (; past != ranges_.end() && past->first <= range.end; ++past) {
            range.first = std::min(range.first, past->first);
            range.end = std::max(range.end, past->end);
        }
        if (at == past) {
            ranges_.insert(at, range);
        } else {
            *at = range;
            ranges_.erase(at + 1, past);
        }
    }

    void remove(ByteRange range) {
        if (range.first >= range.end) return;
        auto at = std::ranges::upper_bound(ranges_, range.first, {}, &ByteRange::end);
        while (at != ranges_.end() && at->first < range.end) {
            const ByteRange before{at->first, std::min(at->end, range.first)};
            const ByteRange behind{std::max(at->first, range.end), at->end};
            const bool left = before.first < before.end, right = behind.first < behind.end;
            if (left && right) {
                *at = before;
                ranges_.insert(at + 1, behind);
                return;
            }
            if (left) *at++ = before;
            else if (right) *at++ = behind;
            else at = ranges_.erase(at);
        }
    }

    /// Takes away what lies below.
    void remove_below(uint64_t end) { remove({0, end}); }

    void clear() { ranges_ = {}; }

private:
    std::vector<ByteRange> ranges_;
};

}  // namespace penstock::transport
