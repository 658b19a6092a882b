// Slices for readers: from the row of tail blocks while it reaches back far enough, else range by range from disk.
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr size_t peek_size = batch_header_size;

struct BatchPeek {
    int64_t base = 0;
    int64_t last = 0;
    int64_t max_timestamp = -1;
    bool empty = false;  ///< compaction took its records
    uint64_t size = 0;
};

/// The block that holds `position`, by blocks without gaps in [blocks.front(), ...).
size_t block_at(std::span<Block* const> blocks, uint64_t position) {
    auto after = std::ranges::upper_bound(blocks, position, {}, &Block::position);
    PENSTOCK_ASSERT(after != blocks.begin());
    return static_cast<size_t>(after - blocks.begin()) - 1;
}

/// Reads the header of the batch at `position`; false when the bytes up to `to` cannot be one.
bool peek_batch(std::span<Block* const> blocks, uint64_t position, uint64_t to, BatchPeek& peek) {
    if (to - position < batch_header_size) return false;
    std::byte header[peek_size];
    size_t copied = 0;
    for (size_t i = block_at(blocks, position); copied < peek_size; ++i) {
        if (i == blocks.size()) return false;
        uint64_t at = position + copied - blocks[i]->position;
        size_t n = std::min<size_t>(peek_size - copied, blocks[i]->capacity - at);
        std::memcpy(header + copied, blocks[i]->data + at, n);
        copied += n;
    }
    peek.base = load_be<int64_t>(header);
    auto length = load_be<int32_t>(header + 8);
    auto delta = load_be<int32_t>(header + 23);
    peek.max_timestamp = load_be<int64_t>(header + 35);
    peek.empty = load_be<int32_t>(header + 57) == 0;
    if (length < static_cast<int32_t>(batch_header_size) - 12 || delta < 0) return false;
    peek.last = peek.base + delta;
    peek.size = static_cast<uint64_t>(length) + 12;
    return peek.size <= to - position;
}

void lend(std::span<Block* const> blocks, uint64_t from, uint64_t to, std::vector<Slice>& out) {
    for (size_t i = block_at(blocks, from); from < to; ++i) {
        Block* block = blocks[i];
        const std::byte* data = block->data + (from - block->position);
        auto size = static_cast<uint32_t>(std::min(to, block->position + block->capacity) - from);
        if (!out.empty() && out.back().block == block && out.back().data + out.back().size == data) {
            out.back().size += size;
        } else {
            out.push_back({data, size, block});
            ++block->pins;
        }
        from += size;
    }
}

enum class Walk : uint8_t { more, enough, broken };

/// What a reader still wants.
struct Want {
    int64_t offset = 0;
    int64_t limit = 0;
    uint64_t bytes = 0;
    bool whatever_size = false;  ///< the next batch is taken even if larger than `bytes`
    bool any = false;
};

/// Lends the batches in [at, to) that `want` asks for.
Walk take_batches(std::span<Block* const> blocks, uint64_t at, uint64_t to, Want& want, std::vector<Slice>& out) {
    while (at < to && want.offset < want.limit) {
        BatchPeek batch;
        if (!peek_batch(blocks, at, to, batch)) return Walk::broken;
        if (batch.last >= want.offset) {
            if (batch.last >= want.limit) return Walk::enough;
            if (batch.size > want.bytes && !want.whatever_size) return Walk::enough;
            lend(blocks, at, at + batch.size, out);
            want.bytes -= std::min(want.bytes, batch.size);
            want.whatever_size = false;
            want.any = true;
            want.offset = batch.last + 1;
        }
        at += batch.size;
    }
    return want.offset < want.limit ? Walk::more : Walk::enough;
}

/// Calls `visit` with the batches asked for that no commit holds yet, in order, until it returns false. They are in the
/// row, and in no index.
template <class Visit>
void each_staged(const LogData& log, const SearchRequest& request, Visit visit) {
    for (const Entry& entry : std::span(log.staged).first(log.staged_count)) {
        if (entry.type != EntryType::append) continue;
        BatchPeek batch;
        for (uint64_t at = entry.position; at < entry.position_to; at += batch.size) {
            const bool there = peek_batch(log.row.all(), at, entry.position_to, batch);
            PENSTOCK_ASSERT(there);
            if (batch.last >= request.limit.value) return;
            if (batch.last >= request.from.value && !batch.empty && !visit(batch)) return;
        }
    }
}

}  // namespace

ReadStatus Store::Impl::read(LogData& log, const ReadRequest& request, std::vector<Slice>& out) {
    if (log.failed()) return ReadStatus::failed;
    const Offset lowest = request.for_repair ? Offset(log.state.segments.front().base_offset) : log.start_offset_;
    if (request.from < lowest || request.from > log.end_offset_) return ReadStatus::out_of_range;
    Want want{request.from.value, std::min(request.limit, log.end_offset_).value, request.bytes_max,
              request.at_least_one, false};
    while (want.offset < want.limit) {
        int64_t before = want.offset;
        uint64_t position = 0;
        Walk walk = Walk::more;
        IndexRange range;
        if (find_hot(log, want.offset, position)) {
            ++counters.cache_hits;
            walk = take_batches(log.row.all(), position, hot_end(log, position), want, out);
        } else {
            pool->note_load(now.now);
            ReadStatus status = locate(log, want.offset, request.waiter, range);
            ColdRange* cold_found = nullptr;
            if (status == ReadStatus::ready) status = cold_range(log, range, request.waiter, cold_found);
            if (status == ReadStatus::pending && request.for_repair && find_rotten(log, range.position, false))
                status = ReadStatus::corrupt;
            if (status != ReadStatus::ready && status != ReadStatus::out_of_range) {
                return want.any ? ReadStatus::ready : status;
            }
            if (status == ReadStatus::ready) {
                walk = take_batches(cold_found->blocks, range.position, range.position + range.size, want, out);
                read_ahead(log, range);
            }
        }
        if (walk == Walk::more && want.offset == before) {
            ReadStatus status = skip_gap(log, range, request.waiter, want.offset);
            if (status != ReadStatus::ready && status != ReadStatus::corrupt) {
                return want.any ? ReadStatus::ready : status;
            }
        }
        // A batch that cannot be, or a range that holds nothing of what its index promised, is rot.
        if (walk == Walk::broken || (walk == Walk::more && want.offset == before)) {
            ++counters.corrupt_ranges;
            return want.any ? ReadStatus::ready : ReadStatus::corrupt;
        }
        if (walk == Walk::enough) break;
    }
    return ReadStatus::ready;
}

/// Where the last batch that starts in the row's memory at or below `offset` lies.
bool Store::Impl::find_hot(const LogData& log, int64_t offset, uint64_t& position) const {
    auto row = log.row.all();
    for (auto it = row.rbegin(); it != row.rend(); ++it) {
        const Block& block = **it;
        if (block.first_offset < 0 || block.first_offset > offset) continue;
        position = block.position + block.first_at;
        return true;
    }
    return false;
}

/// Where the bytes of the segment that `position` lies in end, as far as they are appended: what is behind is padding.
uint64_t Store::Impl::hot_end(const LogData& log, uint64_t position) const {
    auto next = std::ranges::upper_bound(log.state.segments, position, {}, &Segment::start);
    if (next != log.state.segments.end()) return std::prev(next)->end;
    uint64_t end = log.state.end;
    for (const Entry& entry : std::span(log.staged).first(log.staged_count)) {
        if (entry.type == EntryType::append) end = entry.position_to;
        else if (entry.type == EntryType::roll && position < entry.position) return end;
    }
    return end;
}

/// The index range whose batches reach `offset`; out_of_range when no index has any.
ReadStatus Store::Impl::locate(LogData& log, int64_t offset, uint64_t waiter, IndexRange& range) {
    const auto& ranges = log.state.ranges;
    if (!ranges.empty() && ranges.front().base_offset <= offset) {
        range = *std::prev(std::ranges::upper_bound(ranges, offset, {}, &IndexRange::base_offset));
        return ReadStatus::ready;
    }
    const auto& files = log.state.files;
    auto file = std::ranges::upper_bound(files, offset, {}, &FileRef::first_offset);
    while (file != files.begin()) {
        --file;
        if (!file->indexed) continue;
        std::span<const IndexRange> in_file;
        ReadStatus status = ranges_of(log, *file, waiter, in_file);
        if (status != ReadStatus::ready) return status;
        auto after = std::ranges::upper_bound(in_file, offset, {}, &IndexRange::base_offset);
        if (after == in_file.begin()) continue;  // no range starts in this file, or only later ones
        range = *std::prev(after);
        return ReadStatus::ready;
    }
    // What lay before the first batch may be compacted away, or skipped, and no commit may hold that one yet.
    const Segment& first = log.state.segments.front();
    if (log.state.end == first.start) return ReadStatus::out_of_range;
    return first.compacted ? range_from(log, first.start, waiter, range) : ReadStatus::corrupt;
}

/// Shortens `kept`, the range of these bytes, to its batches that end below `offset`; the last of them ends at `end`.
/// False when they are no batches.
bool Store::Impl::whole_below(const ColdRange& bytes, int64_t offset, IndexRange& kept, int64_t& end) const {
    const uint64_t to = kept.position + kept.size;
    uint64_t at = kept.position;
    kept.max_timestamp = -1;
    while (at < to) {
        BatchPeek batch;
        if (!peek_batch(bytes.blocks, at, to, batch)) return false;
        if (batch.last >= offset) break;
        kept.max_timestamp = std::max(kept.max_timestamp, batch.max_timestamp);
        end = batch.last + 1;
        at += batch.size;
    }
    kept.size = static_cast<uint32_t>(at - kept.position);
    kept.crc = crc_of(bytes, at);
    return true;
}

/// Offsets may be missing behind a range of a compacted segment, and at the start of one: moves `offset` on to the
/// first one there is. No range: the row has been looked at.
ReadStatus Store::Impl::skip_gap(LogData& log, const IndexRange& range, uint64_t waiter, int64_t& offset) {
    const auto compacted = [&](const IndexRange& in) {
        return std::prev(std::ranges::upper_bound(log.state.segments, in.position, {}, &Segment::start))->compacted;
    };
    IndexRange next;
    ReadStatus status = ReadStatus::out_of_range;
    if (range.size > 0) status = range_from(log, range.position + range.size, waiter, next);
    if (status == ReadStatus::ready) {
        if (!compacted(range) && !compacted(next)) return ReadStatus::corrupt;
        offset = std::max(offset, next.base_offset);
        return ReadStatus::ready;
    }
    if (status != ReadStatus::out_of_range) return status;
    // What was skipped lately: no commit, and so no index, may hold the batch behind it yet.
    const auto row = log.row.all();
    auto next_block = std::ranges::find_if(row, [&](const Block* block) { return block->first_offset > offset; });
    if (next_block == row.end()) return ReadStatus::corrupt;
    offset = (*next_block)->first_offset;
    return ReadStatus::ready;
}

/// The first range at or behind `position`; out_of_range if there is none.
ReadStatus Store::Impl::range_from(LogData& log, uint64_t position, uint64_t waiter, IndexRange& range) {
    const auto& files = log.state.files;
    auto file = std::ranges::upper_bound(files, position, {}, &FileRef::start);
    if (file != files.begin()) --file;
    for (; file != files.end(); ++file) {
        std::span<const IndexRange> in_file;
        ReadStatus status = ranges_of(log, *file, waiter, in_file);
        if (status != ReadStatus::ready) return status;
        auto found = std::ranges::lower_bound(in_file, position, {}, &IndexRange::position);
        if (found == in_file.end()) continue;
        range = *found;
        return ReadStatus::ready;
    }
    return ReadStatus::out_of_range;
}

ReadStatus Store::Impl::ranges_of(LogData& log, const FileRef& file, uint64_t waiter,
                                  std::span<const IndexRange>& ranges) {
    if (file.indexed) {
        ColdIndex* index = nullptr;
        ReadStatus status = cold_index(log, file, waiter, index);
        if (status == ReadStatus::ready) ranges = index->ranges;
        return status;
    }
    auto next = std::ranges::upper_bound(log.state.files, file.start, {}, &FileRef::start);
    uint64_t end = next == log.state.files.end() ? UINT64_MAX : next->start;
    auto first = std::ranges::lower_bound(log.state.ranges, file.start, {}, &IndexRange::position);
    auto last = std::ranges::lower_bound(log.state.ranges, end, {}, &IndexRange::position);
    ranges = std::span(first, last);
    return ReadStatus::ready;
}

ReadStatus Store::Impl::find_timestamp(LogData& log, int64_t timestamp, const SearchRequest& request,
                                       TimestampMatch& match) {
    match = {};
    if (log.failed()) return ReadStatus::failed;
    for (const FileRef& file : log.state.files) {
        if (file.max_timestamp < timestamp) continue;
        ReadStatus status = match_in_file(log, file, timestamp, request, match);
        if (status != ReadStatus::ready || match.base_offset.value >= 0) return status;
    }
    each_staged(log, request, [&](const BatchPeek& batch) {
        if (batch.max_timestamp < timestamp) return true;
        match = {Offset(batch.base), batch.max_timestamp};
        return false;
    });
    return ReadStatus::ready;
}

ReadStatus Store::Impl::match_in_file(LogData& log, const FileRef& file, int64_t timestamp,
                                      const SearchRequest& request, TimestampMatch& match) {
    std::span<const IndexRange> in_file;
    ReadStatus status = ranges_of(log, file, request.waiter, in_file);
    if (status != ReadStatus::ready) return status;
    for (const IndexRange& range : in_file) {
        if (range.max_timestamp < timestamp) continue;
        ColdRange* cold_found = nullptr;
        status = cold_range(log, range, request.waiter, cold_found);
        if (status != ReadStatus::ready) return status;
        uint64_t to = range.position + range.size;
        for (uint64_t at = range.position; at < to;) {
            BatchPeek batch;
            if (!peek_batch(cold_found->blocks, at, to, batch)) return ReadStatus::corrupt;
            at += batch.size;
            if (batch.max_timestamp < timestamp || batch.last < request.from.value || batch.empty) continue;
            if (batch.last >= request.limit.value) return ReadStatus::ready;
            match = {Offset(batch.base), batch.max_timestamp};
            return ReadStatus::ready;
        }
    }
    return ReadStatus::ready;
}

/// What the index says of a file or a range counts all that is in it, also what is not asked for. So those that promise
/// most come first, and as a rule nobody looks into a second one.
ReadStatus Store::Impl::find_max_timestamp(LogData& log, const SearchRequest& request, TimestampMatch& match) {
    match = {};
    if (log.failed()) return ReadStatus::failed;
    std::vector<FileRef> files = log.state.files;
    std::ranges::stable_sort(files, std::ranges::greater{}, &FileRef::max_timestamp);
    for (const FileRef& file : files) {
        if (file.max_timestamp <= match.max_timestamp) break;
        ReadStatus status = max_in_file(log, file, request, match);
        if (status != ReadStatus::ready) return status;
    }
    each_staged(log, request, [&](const BatchPeek& batch) {
        if (batch.max_timestamp > match.max_timestamp) match = {Offset(batch.base), batch.max_timestamp};
        return true;
    });
    return ReadStatus::ready;
}

/// Raises `match` if there is a batch with a higher timestamp.
ReadStatus Store::Impl::max_in_file(LogData& log, const FileRef& file, const SearchRequest& request,
                                    TimestampMatch& match) {
    const int64_t from = request.from.value, limit = request.limit.value;
    std::span<const IndexRange> in_file;
    ReadStatus status = ranges_of(log, file, request.waiter, in_file);
    if (status != ReadStatus::ready) return status;
    std::vector<IndexRange> ranges;
    for (size_t i = 0; i < in_file.size(); ++i) {
        const bool below = i + 1 < in_file.size() && in_file[i + 1].base_offset <= from;
        if (!below && in_file[i].base_offset < limit) ranges.push_back(in_file[i]);
    }
    std::ranges::stable_sort(ranges, std::ranges::greater{}, &IndexRange::max_timestamp);
    for (const IndexRange& range : ranges) {
        if (range.max_timestamp <= match.max_timestamp) break;
        ColdRange* cold_found = nullptr;
        status = cold_range(log, range, request.waiter, cold_found);
        if (status != ReadStatus::ready) return status;
        uint64_t to = range.position + range.size;
        for (uint64_t at = range.position; at < to;) {
            BatchPeek batch;
            if (!peek_batch(cold_found->blocks, at, to, batch)) return ReadStatus::corrupt;
            at += batch.size;
            if (batch.max_timestamp <= match.max_timestamp || batch.last < from || batch.empty) continue;
            if (batch.last < limit) match = {Offset(batch.base), batch.max_timestamp};
        }
    }
    return ReadStatus::ready;
}

}  // namespace penstock::log
