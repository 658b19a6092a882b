#include "log/state.h"

#include <algorithm>

namespace penstock::log {
namespace {

bool apply_roll(LogState& state, const Entry& entry) {
    if (entry.offset != state.end_offset || entry.position < state.end) return false;
    if (entry.position != align_up(state.end, io::block_size)) return false;
    state.segments.back().end = state.end;
    if (state.flushed == state.end) state.flushed = entry.position;  // the padding needs no write of its own
    state.segments.push_back({entry.offset, entry.position, 0, -1, entry.wall_ms});
    state.end = entry.position;
    return true;
}

bool apply_attach(LogState& state, const Entry& entry) {
    bool first_of_segment = state.segments.back().start == entry.position;
    bool continues = !state.files.empty() && state.files.back().end() == entry.position;
    if (!first_of_segment && !continues) return false;
    if (!state.files.empty() && state.files.back().start >= entry.position) return false;
    state.files.push_back({entry.file, entry.position, entry.offset, -1, false});
    return true;
}

bool apply_append(LogState& state, const Entry& entry) {
    if (entry.offset != state.end_offset || entry.position != state.end) return false;
    if (entry.position_to > state.covered()) return false;
    uint64_t at = entry.position;
    for (const Piece& piece : entry.pieces) {
        if (piece.starts_range) {
            state.ranges.push_back({piece.base_offset, at, piece.max_timestamp, 0, 0, true});
        } else if (state.ranges.empty()) {
            return false;
        }
        IndexRange& range = state.ranges.back();
        if (range.position + range.size != at) return false;
        range.size += piece.size;
        range.crc = piece.range_crc;
        range.max_timestamp = std::max(range.max_timestamp, piece.max_timestamp);
        at += piece.size;
        size_t file = state.file_of(range.position);
        if (file == state.files.size()) return false;
        state.files[file].max_timestamp = std::max(state.files[file].max_timestamp, range.max_timestamp);
        state.segments.back().max_timestamp = std::max(state.segments.back().max_timestamp, range.max_timestamp);
    }
    for (const ProducerBatch& batch : entry.producers) state.producers.record(batch);
    state.end_offset = entry.offset_to;
    state.end = entry.position_to;
    // Bytes journaled again are no longer trusted to be in the segment: their block will be rewritten.
    if (entry.payload_from < entry.position) state.flushed = std::min(state.flushed, entry.payload_from);
    return true;
}

bool apply_skip(LogState& state, const Entry& entry) {
    if (entry.offset != state.end_offset || entry.offset_to <= entry.offset) return false;
    state.end_offset = entry.offset_to;
    state.segments.back().compacted = true;
    return true;
}

/// Makes the segment that holds the new end the active one.
bool reopen_segment(LogState& state, const Entry& entry) {
    if (entry.offset > state.end_offset || entry.offset < state.start_offset) return false;
    if (entry.position > state.end || entry.position < state.segments.front().start) return false;
    state.segments.back().end = state.end;
    // By position, too: a roll moves the end without an offset.
    while (state.segments.size() > 1 &&
           (state.segments.back().base_offset > entry.offset || state.segments.back().start > entry.position)) {
        state.segments.pop_back();
    }
    if (entry.position > state.segments.back().end) return false;
    state.segments.back().end = 0;
    return true;
}

/// What is left of everything else when the files and their ranges have been cut.
void end_at(LogState& state, const Entry& entry) {
    while (state.clean_offset() > entry.offset) state.cleanings.pop_back();
    state.producers.truncate(entry.offset);
    state.end_offset = entry.offset;
    state.end = entry.position;
    state.flushed = std::min(state.flushed, state.end);
}

bool apply_truncate(LogState& state, const Entry& entry, std::vector<io::FileId>& freed) {
    if (!reopen_segment(state, entry)) return false;
    while (!state.files.empty() && state.files.back().start >= entry.position &&
           state.files.back().start > state.segments.back().start) {
        if (state.files.back().indexed) return false;
        freed.push_back(state.files.back().file);
        state.files.pop_back();
    }
    while (!state.ranges.empty() && state.ranges.back().position >= entry.position) state.ranges.pop_back();
    if (!state.ranges.empty()) {
        IndexRange& last = state.ranges.back();
        if (last.position + last.size > entry.position) {
            last.size = static_cast<uint32_t>(entry.position - last.position);
            last.crc_known = false;
        }
    }
    while (!state.epochs.empty() && state.epochs.back().offset > entry.offset) state.epochs.pop_back();
    end_at(state, entry);
    return true;
}

/// Whether the ranges follow each other below `end`.
bool ranges_end_at(std::span<const IndexRange> ranges, uint64_t end) {
    uint64_t at = 0;
    for (const IndexRange& range : ranges) {
        if (range.position < at || range.position > end || range.size > end - range.position) return false;
        at = range.position + range.size;
    }
    return true;
}

bool apply_cut(LogState& state, const Entry& entry, std::vector<io::FileId>& freed) {
    if (!reopen_segment(state, entry)) return false;
    Segment& active = state.segments.back();
    const size_t kept = state.files_kept(entry.position, active.start);
    for (size_t i = kept; i < state.files.size(); ++i) freed.push_back(state.files[i].file);
    state.files.resize(kept);
    const bool has_file = kept > 0 && state.files.back().start >= active.start;
    const uint64_t from = has_file ? state.files.back().start : entry.position;
    while (!state.ranges.empty() && state.ranges.back().position >= from) state.ranges.pop_back();
    state.ranges.insert(state.ranges.end(), entry.ranges.begin(), entry.ranges.end());
    if (!ranges_end_at(state.ranges, entry.position)) return false;
    if (has_file) {
        FileRef& last = state.files.back();
        last.indexed = false;
        last.max_timestamp = -1;
        for (const IndexRange& range : entry.ranges) {
            if (range.position < from || range.position >= last.end()) return false;
            last.max_timestamp = std::max(last.max_timestamp, range.max_timestamp);
        }
    } else if (!entry.ranges.empty()) {
        return false;
    }
    active.max_timestamp = -1;
    for (const FileRef& file : state.files) {
        if (file.start >= active.start) active.max_timestamp = std::max(active.max_timestamp, file.max_timestamp);
    }
    if (entry.position == active.start) {
        active = {entry.offset, active.start, 0, -1, active.created_ms};
        if (has_file) state.files.back().first_offset = entry.offset;
    }
    // Also one that begins right there: another leader's records may come next, of an epoch before it.
    while (!state.epochs.empty() && state.epochs.back().offset >= entry.offset) state.epochs.pop_back();
    end_at(state, entry);
    return true;
}

bool apply_start(LogState& state, const Entry& entry, std::vector<io::FileId>& freed) {
    if (entry.offset < state.start_offset || entry.offset > state.end_offset) return false;
    state.start_offset = entry.offset;
    size_t drop = 0;
    while (drop + 1 < state.segments.size() && state.segments[drop + 1].base_offset <= entry.offset) ++drop;
    if (drop == 0) return true;
    state.segments.erase(state.segments.begin(), state.segments.begin() + static_cast<ptrdiff_t>(drop));
    uint64_t start = state.segments.front().start;
    auto kept = std::ranges::find_if(state.files, [&](const FileRef& f) { return f.start >= start; });
    for (auto it = state.files.begin(); it != kept; ++it) freed.push_back(it->file);
    state.files.erase(state.files.begin(), kept);
    auto range = std::ranges::find_if(state.ranges, [&](const IndexRange& r) { return r.position >= start; });
    state.ranges.erase(state.ranges.begin(), range);
    state.flushed = std::max(state.flushed, start);
    return true;
}

/// Whether the entry's files follow each other from its position, and hold its bytes.
bool replacement_fits(const Entry& entry) {
    if (entry.segment_end < entry.position || entry.segment_end > entry.position_to) return false;
    uint64_t at = entry.position;
    for (const FileRef& file : entry.files) {
        if (file.start != at || at >= entry.position_to) return false;
        at = file.end();
    }
    return at >= entry.segment_end;
}

bool apply_replace(LogState& state, const Entry& entry, std::vector<io::FileId>& freed) {
    auto first = std::ranges::find(state.segments, entry.position, &Segment::start);
    auto behind = std::ranges::find(state.segments, entry.position_to, &Segment::start);
    if (first == state.segments.end() || behind == state.segments.end() || behind <= first) return false;
    if (entry.offset != first->base_offset || !replacement_fits(entry)) return false;
    *first = {entry.offset, entry.position, entry.segment_end, entry.max_timestamp, entry.wall_ms, true};
    state.segments.erase(first + 1, behind);
    auto old = std::ranges::lower_bound(state.files, entry.position, {}, &FileRef::start);
    auto old_end = std::ranges::lower_bound(state.files, entry.position_to, {}, &FileRef::start);
    for (auto file = old; file != old_end; ++file) freed.push_back(file->file);
    state.files.insert(state.files.erase(old, old_end), entry.files.begin(), entry.files.end());
    // Only what has its index is replaced, and all before it: the journal may be the first to tell of that.
    for (FileRef& file : state.files) file.indexed |= file.start < entry.position_to;
    std::erase_if(state.ranges, [&](const IndexRange& range) { return range.position < entry.position_to; });
    // Nobody may write bytes of the old segments any more, wherever the journal still holds some.
    state.flushed = std::max(state.flushed, entry.position_to);
    return true;
}

bool apply_clean(LogState& state, const Entry& entry) {
    auto& cleanings = state.cleanings;
    if (entry.offset > state.end_offset || entry.offset < state.clean_offset()) return false;
    // A clock that went back must not let anything go too early.
    const int64_t wall_ms = cleanings.empty() ? entry.wall_ms : std::max(entry.wall_ms, cleanings.back().wall_ms);
    cleanings.push_back({entry.offset, wall_ms});
    if (cleanings.size() <= cleanings_max) return true;
    auto closest = cleanings.begin();
    for (auto it = cleanings.begin(); it + 1 != cleanings.end(); ++it) {
        if ((it + 1)->wall_ms - it->wall_ms < (closest + 1)->wall_ms - closest->wall_ms) closest = it;
    }
    cleanings.erase(closest);
    return true;
}

}  // namespace

uint64_t LogState::covered() const {
    uint64_t segment_start = segments.back().start;
    return files.empty() || files.back().start < segment_start ? segment_start : files.back().end();
}

size_t LogState::file_of(uint64_t position) const {
    auto after = std::ranges::upper_bound(files, position, {}, &FileRef::start);
    if (after == files.begin()) return files.size();
    auto file = after - 1;
    return position < file->end() ? static_cast<size_t>(file - files.begin()) : files.size();
}

size_t LogState::files_kept(uint64_t position, uint64_t segment_start) const {
    size_t count = files.size();
    while (count > 0 && files[count - 1].start >= position && files[count - 1].start > segment_start) --count;
    return count;
}

LogState created(const Entry& entry) {
    LogState state;
    state.id = entry.log_id;
    state.key = entry.key;
    state.start_offset = state.end_offset = entry.offset;
    state.segments.push_back({entry.offset, 0, 0, -1, entry.wall_ms});
    return state;
}

bool apply(LogState& state, const Entry& entry, std::vector<io::FileId>& freed) {
    switch (entry.type) {
        case EntryType::create:
        case EntryType::create_at:
        case EntryType::remove: return false;
        case EntryType::roll: return apply_roll(state, entry);
        case EntryType::attach: return apply_attach(state, entry);
        case EntryType::append: return apply_append(state, entry);
        case EntryType::truncate: return apply_truncate(state, entry, freed);
        case EntryType::start: return apply_start(state, entry, freed);
        case EntryType::epoch:
            if (entry.epoch < state.last_epoch() || entry.offset != state.end_offset) return false;
            if (entry.epoch > state.last_epoch()) state.epochs.push_back({entry.epoch, entry.offset});
            return true;
        case EntryType::replace: return apply_replace(state, entry, freed);
        case EntryType::clean: return apply_clean(state, entry);
        case EntryType::skip: return apply_skip(state, entry);
        case EntryType::cut: return apply_cut(state, entry, freed);
    }
    return false;
}

EpochEnd end_of_epoch(const std::vector<EpochStart>& epochs, int32_t epoch, int64_t start, int64_t end) {
    if (epoch == -1 || epochs.empty() || epoch > epochs.back().epoch) return {};
    if (epoch == epochs.back().epoch) return {epoch, end};
    auto above = std::ranges::upper_bound(epochs, epoch, {}, &EpochStart::epoch);
    const int64_t offset = std::max(above->offset, start);
    while (above != epochs.begin()) {
        --above;
        if (std::max(above->offset, start) < offset) return {above->epoch, offset};
    }
    return {epoch, offset};
}

void encode_state(Bytes& out, const LogState& state, uint64_t as_of) {
    FieldWriter w(out);
    w.put(as_of);
    w.put(state.id);
    w.put(state.key.topic_id);
    w.put(state.key.partition);
    w.put(state.start_offset);
    w.put(state.end_offset);
    w.put(state.end);
    w.put(state.flushed);
    w.put(static_cast<uint32_t>(state.segments.size()));
    for (const Segment& s : state.segments) {
        w.put(s.base_offset);
        w.put(s.start);
        w.put(s.end);
        w.put(s.max_timestamp);
        w.put(s.created_ms);
        w.put(static_cast<uint8_t>(s.compacted));
    }
    w.put(static_cast<uint32_t>(state.files.size()));
    for (const FileRef& f : state.files) {
        encode_file(w, f);
        w.put(static_cast<uint8_t>(f.indexed));
    }
    w.put(static_cast<uint32_t>(state.ranges.size()));
    for (const IndexRange& r : state.ranges) encode_range(w, r);
    w.put(static_cast<uint32_t>(state.epochs.size()));
    for (const EpochStart& e : state.epochs) {
        w.put(e.epoch);
        w.put(e.offset);
    }
    w.put(static_cast<uint32_t>(state.cleanings.size()));
    for (const Cleaning& c : state.cleanings) {
        w.put(c.offset);
        w.put(c.wall_ms);
    }
    w.put(state.producers.size());
    state.producers.for_each([&](const ProducerTable::Producer& producer) {
        w.put(producer.id);
        w.put(static_cast<uint8_t>(producer.count));
        for (const ProducerBatch& batch : producer.kept()) encode_batch(w, batch);
    });
}

namespace {

/// A count that the bytes left can hold: no allocation beyond what was read.
bool get_count(FieldReader& in, size_t item_size, uint32_t& count) {
    count = in.get<uint32_t>();
    return in.ok() && count <= in.left() / item_size;
}

/// The batches of each producer and the producers among each other are in the order of offsets.
bool decode_producers(FieldReader& in, LogState& state) {
    uint32_t count = 0;
    if (!get_count(in, 9 + producer_batch_size, count)) return false;
    for (uint32_t i = 0; i < count; ++i) {
        ProducerTable::Producer producer;
        producer.id = in.get<int64_t>();
        producer.count = in.get<uint8_t>();
        if (producer.count > producer.batches.size()) return false;
        int64_t from = 0;
        for (uint32_t k = 0; k < producer.count; ++k) {
            ProducerBatch& batch = producer.batches[k];
            batch.producer_id = producer.id;
            if (!decode_batch(in, batch, from, state.end_offset)) return false;
            from = batch.last_offset() + 1;
        }
        if (!state.producers.restore(producer)) return false;
    }
    return true;
}

/// Whether each segment's bytes lie in files that follow each other from its start, and no file lies elsewhere.
bool files_fit(const LogState& state) {
    auto file = state.files.begin();
    for (auto segment = state.segments.begin(); segment != state.segments.end(); ++segment) {
        bool active = segment + 1 == state.segments.end();
        uint64_t end = active ? state.end : segment->end;
        uint64_t next_start = active ? UINT64_MAX : (segment + 1)->start;
        if (segment->start % io::block_size != 0 || end < segment->start || end > next_start) return false;
        uint64_t at = segment->start;
        // A segment that was cut may hold a file that it does not need now.
        while (file != state.files.end() && file->start == at && at < next_start) {
            if (!is_pool(file->file.kind)) return false;
            at = file->end();
            ++file;
        }
        if (at < end) return false;
    }
    return file == state.files.end();
}

/// Whether the ranges follow each other, each inside one segment.
bool ranges_fit(const LogState& state) {
    uint64_t at = 0;
    for (const IndexRange& r : state.ranges) {
        if (r.position < at) return false;
        auto after = std::ranges::upper_bound(state.segments, r.position, {}, &Segment::start);
        if (after == state.segments.begin()) return false;
        uint64_t end = after == state.segments.end() ? state.end : std::prev(after)->end;
        if (r.position > end || r.size > end - r.position) return false;
        if (state.file_of(r.position) == state.files.size()) return false;
        at = r.position + r.size;
    }
    return true;
}

bool consistent(const LogState& state) {
    if (state.segments.empty() || state.start_offset < 0 || state.end_offset < state.start_offset) return false;
    if (state.flushed > state.end) return false;
    if (state.clean_offset() > state.end_offset || !std::ranges::is_sorted(state.cleanings, {}, &Cleaning::offset) ||
        !std::ranges::is_sorted(state.cleanings, {}, &Cleaning::wall_ms)) {
        return false;
    }
    if (!std::ranges::is_sorted(state.segments, {}, &Segment::start)) return false;
    return files_fit(state) && ranges_fit(state);
}

}  // namespace

bool decode_state(FieldReader& in, LogState& state, uint64_t& as_of) {
    state = {};
    as_of = in.get<uint64_t>();
    state.id = in.get<uint64_t>();
    state.key.topic_id = in.get_uuid();
    state.key.partition = in.get<int32_t>();
    state.start_offset = in.get<int64_t>();
    state.end_offset = in.get<int64_t>();
    state.end = in.get<uint64_t>();
    state.flushed = in.get<uint64_t>();
    uint32_t count = 0;
    if (!get_count(in, 41, count)) return false;
    for (uint32_t i = 0; i < count; ++i) {
        Segment& s = state.segments.emplace_back();
        s.base_offset = in.get<int64_t>();
        s.start = in.get<uint64_t>();
        s.end = in.get<uint64_t>();
        s.max_timestamp = in.get<int64_t>();
        s.created_ms = in.get<int64_t>();
        s.compacted = in.get<uint8_t>() != 0;
    }
    if (!get_count(in, file_ref_size + 1, count)) return false;
    for (uint32_t i = 0; i < count; ++i) {
        FileRef& f = state.files.emplace_back();
        if (!decode_file(in, f)) return false;
        f.indexed = in.get<uint8_t>() != 0;
    }
    if (!get_count(in, range_size, count)) return false;
    for (uint32_t i = 0; i < count; ++i) state.ranges.push_back(decode_range(in));
    if (!get_count(in, 12, count)) return false;
    for (uint32_t i = 0; i < count; ++i) {
        EpochStart& e = state.epochs.emplace_back();
        e.epoch = in.get<int32_t>();
        e.offset = in.get<int64_t>();
    }
    if (!get_count(in, 16, count) || count > cleanings_max) return false;
    for (uint32_t i = 0; i < count; ++i) {
        Cleaning& c = state.cleanings.emplace_back();
        c.offset = in.get<int64_t>();
        c.wall_ms = in.get<int64_t>();
    }
    return decode_producers(in, state) && in.ok() && consistent(state);
}

}  // namespace penstock::log
