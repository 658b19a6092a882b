#include "log/state.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/random.h"

namespace penstock::log {
namespace {

LogState new_state() {
    LogState state;
    state.id = 4;
    state.key.partition = 2;
    state.segments.push_back({0, 0, 0, -1, 1000});
    return state;
}

Entry entry_of(EntryType type, uint64_t position, int64_t offset) {
    Entry entry;
    entry.type = type;
    entry.log_id = 4;
    entry.position = position;
    entry.offset = offset;
    return entry;
}

/// What a checkpoint gives back of it, if it takes it.
std::optional<LogState> through_checkpoint(const LogState& state, uint64_t sequence = 1) {
    Bytes bytes;
    encode_state(bytes, state, sequence);
    FieldReader in(bytes);
    LogState again;
    uint64_t as_of = 0;
    if (!decode_state(in, again, as_of)) return std::nullopt;
    EXPECT_EQ(as_of, sequence);
    return again;
}

void attach(LogState& state, uint32_t number, uint64_t position, int64_t offset) {
    Entry entry = entry_of(EntryType::attach, position, offset);
    entry.file = {io::FileKind::pool_1m, number};
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry, freed));
}

bool append(LogState& state, uint32_t size, bool starts_range, uint64_t payload_from = UINT64_MAX) {
    Entry entry = entry_of(EntryType::append, state.end, state.end_offset);
    entry.offset_to = state.end_offset + 1;
    entry.position_to = state.end + size;
    entry.payload_from = payload_from == UINT64_MAX ? state.end : payload_from;
    entry.pieces.push_back({size, 1, 2, state.end_offset, 500 + state.end_offset, starts_range});
    std::vector<io::FileId> freed;
    return apply(state, entry, freed);
}

constexpr uint64_t file_data = geometry(io::FileKind::pool_1m).data_bytes();

/// Two segments, three files, five batches.
LogState filled() {
    LogState state = new_state();
    std::vector<io::FileId> freed;
    attach(state, 1, 0, 0);
    EXPECT_TRUE(append(state, 100'000, true));
    EXPECT_TRUE(append(state, 900'000, true));
    attach(state, 2, file_data, 3);
    EXPECT_TRUE(append(state, 100'000, true));
    Entry roll = entry_of(EntryType::roll, align_up(state.end, io::block_size), 3);
    roll.wall_ms = 2000;
    EXPECT_TRUE(apply(state, roll, freed));
    attach(state, 3, state.end, 3);
    EXPECT_TRUE(append(state, 70'000, true));
    EXPECT_TRUE(append(state, 10, true));
    EXPECT_TRUE(freed.empty());
    return state;
}

TEST(StateTest, entries_build_segments_files_and_ranges) {
    LogState state = filled();
    EXPECT_EQ(state.end_offset, 5);
    ASSERT_EQ(state.segments.size(), 2u);
    EXPECT_EQ(state.segments[0].end, 1'100'000u);
    EXPECT_EQ(state.segments[1].base_offset, 3);
    ASSERT_EQ(state.ranges.size(), 5u);
    EXPECT_EQ(state.segments[1].max_timestamp, 504);
    EXPECT_EQ(state.file_of(file_data), 1u);
    EXPECT_EQ(state.file_of(state.covered()), state.files.size());
}

TEST(StateTest, an_entry_that_does_not_fit_is_refused) {
    LogState state = filled();
    std::vector<io::FileId> freed;
    EXPECT_FALSE(apply(state, entry_of(EntryType::roll, state.end, state.end_offset), freed)) << "not on a block";
    Entry gap = entry_of(EntryType::append, state.end + 1, state.end_offset);
    gap.position_to = gap.position;
    EXPECT_FALSE(apply(state, gap, freed));
    EXPECT_FALSE(apply(state, entry_of(EntryType::start, 0, state.end_offset + 1), freed));
    EXPECT_FALSE(append(state, 2 * mib, true)) << "beyond its files";
    Entry epoch = entry_of(EntryType::epoch, 0, state.end_offset);
    epoch.epoch = 3;
    EXPECT_TRUE(apply(state, epoch, freed));
    epoch.epoch = 2;
    EXPECT_FALSE(apply(state, epoch, freed));
}

TEST(StateTest, a_new_start_frees_the_files_of_whole_segments_only) {
    LogState state = filled();
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry_of(EntryType::start, 0, 2), freed));
    EXPECT_EQ(state.start_offset, 2);
    EXPECT_TRUE(freed.empty());
    ASSERT_TRUE(apply(state, entry_of(EntryType::start, 0, 3), freed));
    EXPECT_EQ(freed.size(), 2u);
    EXPECT_EQ(state.segments.size(), 1u);
    EXPECT_EQ(state.ranges.size(), 2u);
    EXPECT_GE(state.flushed, state.segments[0].start);
}

TEST(StateTest, a_cut_range_forgets_its_checksum) {
    LogState state = new_state();
    attach(state, 1, 0, 0);
    ASSERT_TRUE(append(state, 1000, true));
    ASSERT_TRUE(append(state, 1000, false));
    state.flushed = 2000;
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry_of(EntryType::truncate, 1000, 1), freed));
    EXPECT_EQ(state.end, 1000u);
    EXPECT_EQ(state.flushed, 1000u);
    ASSERT_EQ(state.ranges.size(), 1u);
    EXPECT_EQ(state.ranges[0].size, 1000u);
    EXPECT_FALSE(state.ranges[0].crc_known);
}

TEST(StateTest, a_cut_takes_a_roll_without_records_back) {
    LogState state = filled();
    const uint64_t end = state.end;
    ASSERT_NE(end % io::block_size, 0u);
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry_of(EntryType::roll, align_up(end, io::block_size), state.end_offset), freed));
    attach(state, 4, state.end, state.end_offset);
    ASSERT_TRUE(append(state, 5000, true));
    const size_t segments = state.segments.size();
    ASSERT_TRUE(apply(state, entry_of(EntryType::truncate, end, state.end_offset - 1), freed));
    EXPECT_EQ(state.end, end);
    EXPECT_EQ(state.segments.size(), segments - 1);
    ASSERT_EQ(freed.size(), 1u);
    EXPECT_EQ(freed[0].number, 4u);
    EXPECT_TRUE(through_checkpoint(state));
}

TEST(StateTest, a_cut_takes_indexed_files_and_puts_back_the_ranges_of_the_last) {
    LogState state = filled();
    state.flushed = state.end;
    for (FileRef& file : state.files) file.indexed = true;
    state.ranges.clear();
    state.epochs = {{1, 0}, {2, 1}, {4, 2}};
    Entry entry = entry_of(EntryType::cut, 500'000, 1);
    entry.ranges = {{0, 0, 90, 100'000, 7, true}, {1, 100'000, 80, 400'000, 8, true}};
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry, freed));
    EXPECT_EQ(freed.size(), 2u);
    EXPECT_EQ(state.end, 500'000u);
    EXPECT_EQ(state.end_offset, 1);
    EXPECT_EQ(state.flushed, 500'000u);
    ASSERT_EQ(state.files.size(), 1u);
    EXPECT_FALSE(state.files[0].indexed);
    EXPECT_EQ(state.files[0].max_timestamp, 90);
    EXPECT_EQ(state.segments.size(), 1u);
    EXPECT_EQ(state.segments[0].max_timestamp, 90);
    EXPECT_EQ(state.ranges.size(), 2u);
    ASSERT_EQ(state.epochs.size(), 1u) << "2 begins where the log ends now";
    EXPECT_TRUE(through_checkpoint(state));
    EXPECT_TRUE(append(state, 10, true));
}

TEST(StateTest, a_cut_at_the_start_of_a_segment_leaves_it_empty) {
    LogState state = filled();
    const uint64_t start = state.segments[1].start;
    state.segments[1].compacted = true;
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry_of(EntryType::cut, start, 3), freed));
    EXPECT_TRUE(freed.empty()) << "its file stays";
    ASSERT_EQ(state.segments.size(), 2u);
    EXPECT_FALSE(state.segments[1].compacted);
    EXPECT_EQ(state.ranges.size(), 3u);
    EXPECT_TRUE(through_checkpoint(state));
    EXPECT_TRUE(append(state, 10, true));
}

TEST(StateTest, a_cut_that_does_not_fit_is_refused) {
    auto fits = [](auto change) {
        LogState state = filled();
        Entry entry = entry_of(EntryType::cut, 100'000, 1);
        entry.ranges = {{0, 0, 90, 100'000, 7, true}};
        change(state, entry);
        std::vector<io::FileId> freed;
        return apply(state, entry, freed);
    };
    EXPECT_TRUE(fits([](LogState&, Entry&) {}));
    EXPECT_FALSE(fits([](LogState& s, Entry& e) { e.offset = s.end_offset + 1; }));
    EXPECT_FALSE(fits([](LogState& s, Entry& e) { e.position = s.end + 1; }));
    EXPECT_FALSE(fits([](LogState& s, Entry& e) { s.start_offset = 2, e.offset = 1; }));
    EXPECT_FALSE(fits([](LogState&, Entry& e) { e.ranges[0].size = 100'001; })) << "beyond the end";
    EXPECT_FALSE(fits([](LogState&, Entry& e) { e.ranges.push_back(e.ranges[0]); })) << "one over the other";
    EXPECT_FALSE(fits([](LogState& s, Entry& e) { e.position = s.segments[0].end + 1, e.offset = 2; }))
        << "where no segment has bytes";
}

TEST(StateTest, skipped_offsets_are_missing_from_their_segment) {
    LogState state = filled();
    Entry entry = entry_of(EntryType::skip, 0, state.end_offset);
    entry.offset_to = 50;
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry, freed));
    EXPECT_EQ(state.end_offset, 50);
    EXPECT_TRUE(state.segments.back().compacted);
    EXPECT_TRUE(append(state, 10, true));
    EXPECT_FALSE(apply(state, entry, freed)) << "from where the log does not end";
    EXPECT_TRUE(through_checkpoint(state));
}

TEST(StateTest, a_log_can_begin_anywhere) {
    Entry entry = entry_of(EntryType::create_at, 0, 70);
    entry.key.partition = 3;
    LogState state = created(entry);
    EXPECT_EQ(state.start_offset, 70);
    EXPECT_EQ(state.end_offset, 70);
    EXPECT_EQ(state.segments.front().base_offset, 70);
    EXPECT_TRUE(through_checkpoint(state));
}

/// An append of one small batch of `records` by a producer.
bool produce(LogState& state, int64_t producer, int32_t sequence, int32_t records) {
    Entry entry = entry_of(EntryType::append, state.end, state.end_offset);
    entry.offset_to = state.end_offset + records;
    entry.position_to = state.end + 100;
    entry.payload_from = state.end;
    entry.pieces.push_back({100, 1, 2, state.end_offset, 500, state.ranges.empty()});
    entry.producers.push_back({producer, 0, sequence, records - 1, state.end_offset, 1000});
    std::vector<io::FileId> freed;
    return apply(state, entry, freed);
}

TEST(StateTest, producers_go_with_the_log_through_checkpoints_and_cuts) {
    LogState state = new_state();
    attach(state, 1, 0, 0);
    for (int32_t i = 0; i < 7; ++i) {
        ASSERT_TRUE(produce(state, 70, 3 * i, 3));
        ASSERT_TRUE(produce(state, 80, i, 1));
    }
    const auto again = through_checkpoint(state);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->producers.size(), 2u);
    EXPECT_TRUE(again->producers == state.producers);
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, entry_of(EntryType::truncate, state.end - 300, state.end_offset - 5), freed));
    EXPECT_EQ(state.producers.find(80)->last().first_sequence, 4);
    EXPECT_EQ(state.producers.find(70)->last().first_sequence, 15);
    EXPECT_EQ(state.producers.find(70)->count, 4u);
}

TEST(StateTest, producers_whose_batches_lie_outside_of_the_log_are_refused) {
    LogState state = new_state();
    attach(state, 1, 0, 0);
    ASSERT_TRUE(produce(state, 70, 0, 3));
    ASSERT_TRUE(produce(state, 70, 3, 3));
    EXPECT_TRUE(through_checkpoint(state));
    LogState beyond = state;
    beyond.producers.record({70, 0, 6, 0, 6, 1000});
    EXPECT_FALSE(through_checkpoint(beyond));
    LogState overlapping = state;
    overlapping.producers.record({70, 0, 6, 0, 5, 1000});
    EXPECT_FALSE(through_checkpoint(overlapping));
    LogState twice = state;
    twice.producers.record({80, 0, 6, 0, 3, 1000});
    EXPECT_FALSE(through_checkpoint(twice)) << "two producers of one batch";
}

Entry replacement(const LogState& state) {
    Entry entry = entry_of(EntryType::replace, 0, 0);
    entry.position_to = state.segments.back().start;
    entry.segment_end = 50'000;
    entry.max_timestamp = 501;
    entry.wall_ms = 1500;
    entry.files = {{{io::FileKind::pool_1m, 9}, 0, 0, 501, true}};
    return entry;
}

TEST(StateTest, a_compacted_segment_takes_the_place_of_the_old_ones) {
    LogState state = filled();
    state.flushed = 4096;  // replay knows of flushes only what the last frame said
    std::vector<io::FileId> freed;
    ASSERT_TRUE(apply(state, replacement(state), freed));
    ASSERT_EQ(freed.size(), 2u);
    EXPECT_EQ(freed[0].number, 1u);
    EXPECT_EQ(freed[1].number, 2u);
    ASSERT_EQ(state.segments.size(), 2u);
    EXPECT_TRUE(state.segments[0].compacted);
    EXPECT_EQ(state.segments[0].end, 50'000u);
    EXPECT_EQ(state.segments[0].created_ms, 1500);
    EXPECT_FALSE(state.segments[1].compacted);
    ASSERT_EQ(state.files.size(), 2u);
    EXPECT_EQ(state.files[0].file.number, 9u);
    EXPECT_EQ(state.ranges.size(), 2u) << "those of the active segment";
    EXPECT_EQ(state.flushed, state.segments[1].start) << "what the journal still holds of the old bytes is void";
    EXPECT_EQ(state.end_offset, 5);
    EXPECT_TRUE(through_checkpoint(state));
    EXPECT_TRUE(append(state, 10, false));
}

TEST(StateTest, a_replacement_that_does_not_fit_is_refused) {
    auto fits = [](auto change) {
        LogState state = filled();
        Entry entry = replacement(state);
        change(entry);
        std::vector<io::FileId> freed;
        return apply(state, entry, freed);
    };
    EXPECT_TRUE(fits([](Entry&) {}));
    EXPECT_FALSE(fits([](Entry& e) { e.position = io::block_size; })) << "no segment starts there";
    EXPECT_FALSE(fits([](Entry& e) { e.position_to += io::block_size; }));
    EXPECT_FALSE(fits([](Entry& e) { e.position_to = 0; }));
    EXPECT_FALSE(fits([](Entry& e) { e.offset = 1; }));
    EXPECT_FALSE(fits([](Entry& e) { e.segment_end = e.position_to + 1; }));
    EXPECT_FALSE(fits([](Entry& e) { e.segment_end = file_data + 1; })) << "more than its files hold";
    EXPECT_FALSE(fits([](Entry& e) { e.files[0].start = io::block_size; }));
    EXPECT_FALSE(fits([](Entry& e) { e.files.clear(); }));
    EXPECT_FALSE(fits([](Entry& e) { std::swap(e.position, e.position_to); }));
}

TEST(StateTest, of_many_cleanings_the_closest_in_time_count_as_the_later) {
    LogState state = filled();
    state.end_offset = 1000;
    std::vector<io::FileId> freed;
    auto clean = [&](int64_t offset, int64_t wall_ms) {
        Entry entry = entry_of(EntryType::clean, 0, offset);
        entry.wall_ms = wall_ms;
        return apply(state, entry, freed);
    };
    for (int64_t i = 0; i < static_cast<int64_t>(cleanings_max); ++i) {
        ASSERT_TRUE(clean(i, i == 20 ? 19'500 : i * 1000));
    }
    EXPECT_FALSE(clean(62, 100'000)) << "a log does not become dirtier";
    EXPECT_FALSE(clean(1001, 100'000)) << "beyond its end";
    ASSERT_TRUE(clean(64, 100'000));
    EXPECT_EQ(state.cleanings.size(), cleanings_max);
    EXPECT_EQ(state.clean_offset(), 64);
    EXPECT_EQ(state.cleanings[19].offset, 20) << "19 counts as cleaned when 20 was";
    ASSERT_TRUE(clean(65, 90'000));
    EXPECT_EQ(state.cleanings.back().wall_ms, 100'000) << "a clock that went back makes nothing older";
    EXPECT_TRUE(through_checkpoint(state));
    Entry cut = entry_of(EntryType::truncate, state.end, 64);
    ASSERT_TRUE(apply(state, cut, freed));
    EXPECT_EQ(state.clean_offset(), 63) << "65 was clean at the same time as 64, which it stood for";
}

TEST(StateTest, a_state_whose_bytes_lie_in_no_file_is_refused) {
    auto decodes = [](auto change) {
        LogState state = filled();
        change(state);
        return through_checkpoint(state).has_value();
    };
    EXPECT_TRUE(decodes([](LogState&) {}));
    EXPECT_FALSE(decodes([](LogState& s) { s.files.erase(s.files.begin() + 1); }));
    EXPECT_FALSE(decodes([](LogState& s) { s.files.back().start += io::block_size; }));
    EXPECT_FALSE(decodes([](LogState& s) { s.segments.back().start -= 1; }));
    EXPECT_FALSE(decodes([](LogState& s) { s.segments.front().end = s.segments.back().start + 1; }));
    EXPECT_FALSE(decodes([](LogState& s) { s.ranges[2].size += io::block_size; }));
}

TEST(StateTest, bytes_journaled_again_no_longer_count_as_flushed) {
    LogState state = new_state();
    attach(state, 1, 0, 0);
    ASSERT_TRUE(append(state, 5000, true));
    state.flushed = 5000;
    ASSERT_TRUE(append(state, 10, false, 4096));
    EXPECT_EQ(state.flushed, 4096u);
}

TEST(StateTest, encoding_keeps_everything) {
    LogState state = filled();
    state.flushed = 8192;
    state.files[0].indexed = true;
    state.epochs.push_back({3, 1});
    state.segments[0].compacted = true;
    state.cleanings = {{1, 5000}, {2, 6000}};
    const std::optional<LogState> again = through_checkpoint(state, 77);
    ASSERT_TRUE(again.has_value());
    Bytes first, second;
    encode_state(first, state, 77);
    encode_state(second, *again, 77);
    EXPECT_EQ(first, second);
}

TEST(StateTest, hostile_bytes_never_break_it) {
    Bytes good;
    encode_state(good, filled(), 77);
    Random random(5);
    for (size_t cut = 0; cut < good.size(); ++cut) {
        FieldReader in(std::span<const std::byte>(good).first(cut));
        LogState state;
        uint64_t as_of = 0;
        EXPECT_FALSE(decode_state(in, state, as_of)) << cut;
    }
    for (int i = 0; i < 20'000; ++i) {
        Bytes bytes = good;
        for (uint64_t n = random.between(1, 4); n > 0; --n) {
            bytes[random.below(bytes.size())] = static_cast<std::byte>(random.next());
        }
        FieldReader in(bytes);
        LogState state;
        uint64_t as_of = 0;
        if (!decode_state(in, state, as_of)) continue;
        // What it lets through is fit to be used.
        EXPECT_FALSE(state.segments.empty());
        for (const IndexRange& range : state.ranges) EXPECT_LT(state.file_of(range.position), state.files.size());
    }
}

}  // namespace
}  // namespace penstock::log
