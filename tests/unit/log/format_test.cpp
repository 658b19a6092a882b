#include "log/format.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace penstock::log {
namespace {

Generation generation_of(uint64_t number, uint64_t storage = 1) {
    return make_generation(number, make_uuid(storage, 2));
}

Bytes commit_bytes(const Generation& generation, size_t payload) {
    Bytes buffer(header_size);
    buffer.resize(header_size + payload, std::byte{7});
    CommitHeader header;
    header.sequence = 12;
    header.durable_through = 9;
    header.checkpoint_frame = 4;
    header.entry_count = 3;
    header.shard = 2;
    seal_commit(buffer, generation, header);
    return buffer;
}

TEST(FormatTest, a_commit_opens_as_it_was_sealed) {
    Bytes bytes = commit_bytes(generation_of(5), 5000);
    EXPECT_EQ(bytes.size(), 8192u);
    CommitHeader header;
    ASSERT_TRUE(open_commit(bytes, generation_of(5), header));
    EXPECT_EQ(header.sequence, 12u);
    EXPECT_EQ(header.durable_through, 9u);
    EXPECT_EQ(header.checkpoint_frame, 4u);
    EXPECT_EQ(header.entries_size, 5000u);
    EXPECT_EQ(header.shard, 2u);
}

TEST(FormatTest, a_commit_of_another_generation_or_directory_is_none) {
    Bytes bytes = commit_bytes(generation_of(5), 10);
    CommitHeader header;
    EXPECT_FALSE(open_commit(bytes, generation_of(7), header));
    EXPECT_FALSE(open_commit(bytes, generation_of(5, 3), header)) << "the salt differs";
}

TEST(FormatTest, every_changed_bit_is_noticed_even_in_the_padding) {
    Bytes bytes = commit_bytes(generation_of(5), 300);
    Random random(3);
    CommitHeader header;
    for (int i = 0; i < 2000; ++i) {
        size_t bit = random.below(bytes.size() * 8);
        bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        EXPECT_FALSE(open_commit(bytes, generation_of(5), header));
        bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    EXPECT_TRUE(open_commit(bytes, generation_of(5), header));
    EXPECT_FALSE(open_commit(std::span<const std::byte>(bytes).first(100), generation_of(5), header));
}

TEST(FormatTest, a_frame_opens_as_it_was_sealed_and_is_no_commit) {
    Bytes buffer(header_size + 10);
    FrameHeader header;
    header.number = 8;
    header.replay_from = 99;
    header.base_begin = 1;
    seal_frame(buffer, generation_of(1), header);
    FrameHeader again;
    ASSERT_TRUE(open_frame(buffer, generation_of(1), again));
    EXPECT_EQ(again.number, 8u);
    EXPECT_EQ(again.replay_from, 99u);
    EXPECT_EQ(again.base_begin, 1);
    EXPECT_EQ(again.consistent, 0);
    CommitHeader commit;
    EXPECT_FALSE(open_commit(buffer, generation_of(1), commit));
}

TEST(FormatTest, superblock_and_file_header_keep_their_fields) {
    Bytes block(io::block_size);
    SuperBlock super{9, make_uuid(1, 2), 64 * mib, 3, 1};
    write_super(block, super);
    SuperBlock super_again;
    ASSERT_TRUE(read_super(block, super_again));
    EXPECT_EQ(super_again.generation, 9u);
    EXPECT_EQ(super_again.storage_id, super.storage_id);
    EXPECT_EQ(super_again.shard_count, 3u);
    EXPECT_EQ(super_again.clean, 1);
    FileHeader header{{make_uuid(5, 6), 7}, 8, 9, 10, 11};
    EXPECT_FALSE(read_file_header(block, header));
    write_file_header(block, header);
    FileHeader header_again;
    ASSERT_TRUE(read_file_header(block, header_again));
    EXPECT_EQ(header_again.key, header.key);
    EXPECT_EQ(header_again.first_offset, 11);
    block[4000] ^= std::byte{1};
    EXPECT_FALSE(read_file_header(block, header_again));
}

TEST(FormatTest, an_index_belongs_to_one_place_of_one_log) {
    Bytes bytes(geometry(io::FileKind::pool_1m).index_bytes);
    std::vector<IndexRange> ranges{{3, 4096, 77, 70'000, 5, true}, {9, 80'000, -1, 100, 0, false}};
    write_index(bytes, 4, 4096, ranges);
    std::vector<IndexRange> again;
    ASSERT_TRUE(read_index(bytes, 4, 4096, again));
    ASSERT_EQ(again.size(), 2u);
    EXPECT_EQ(again[0].size, 70'000u);
    EXPECT_TRUE(again[0].crc_known);
    EXPECT_FALSE(again[1].crc_known);
    EXPECT_EQ(again[1].size, 100u);
    EXPECT_FALSE(read_index(bytes, 5, 4096, again));
    EXPECT_FALSE(read_index(bytes, 4, 0, again));
    bytes[70] ^= std::byte{1};
    EXPECT_FALSE(read_index(bytes, 4, 4096, again));
    EXPECT_TRUE(again.empty());
}

TEST(FormatTest, an_index_takes_as_many_small_ranges_as_there_are) {
    constexpr uint64_t index_bytes = geometry(io::FileKind::pool_1m).index_bytes;
    std::vector<IndexRange> ranges;
    uint64_t at = 4096;
    for (int64_t i = 0; i < 300; ++i) {
        ranges.push_back({i, at, 300 - i, static_cast<uint32_t>(100 + i % 7), 9, true});
        at += ranges.back().size;
    }
    fit_index(ranges, index_bytes);
    ASSERT_TRUE(index_takes(ranges.size(), index_bytes));
    EXPECT_FALSE(index_takes(ranges.size() + 1, index_bytes));
    EXPECT_EQ(ranges.front().position, 4096u);
    EXPECT_EQ(ranges.front().max_timestamp, 300);
    for (size_t i = 0; i + 1 < ranges.size(); ++i) {
        EXPECT_EQ(ranges[i].position + ranges[i].size, ranges[i + 1].position);
        EXPECT_LT(ranges[i].base_offset, ranges[i + 1].base_offset);
        EXPECT_EQ(ranges[i].crc_known, ranges[i].size <= 106 && ranges[i].size >= 100);
    }
    EXPECT_EQ(ranges.back().position + ranges.back().size, at);
    Bytes index(index_bytes);
    write_index(index, 4, 0, ranges);
    std::vector<IndexRange> again;
    ASSERT_TRUE(read_index(index, 4, 0, again));
    EXPECT_EQ(again.size(), ranges.size());
}

TEST(FormatTest, entries_come_back_and_cut_ones_are_refused) {
    Entry append;
    append.type = EntryType::append;
    append.log_id = 3;
    append.offset = 5;
    append.offset_to = 7;
    append.position = 100;
    append.position_to = 160;
    append.payload_from = 90;
    append.pieces.push_back({60, 1, 2, 5, 6, true});
    append.producers.push_back({9, 1, 7, 0, 5, 1000});
    append.producers.push_back({8, 0, 0, 0, 6, 1001});
    Bytes bytes;
    encode_entry(bytes, append);
    bytes.resize(bytes.size() + 70, std::byte{9});
    FieldReader in(bytes);
    Entry again;
    ASSERT_TRUE(decode_entry(in, again));
    EXPECT_EQ(again.offset_to, 7);
    EXPECT_EQ(again.payload.size(), 70u);
    ASSERT_EQ(again.pieces.size(), 1u);
    EXPECT_TRUE(again.pieces[0].starts_range);
    EXPECT_EQ(again.producers, append.producers);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
        FieldReader short_in(std::span<const std::byte>(bytes).first(cut));
        EXPECT_FALSE(decode_entry(short_in, again)) << cut;
    }
    Random random(8);
    for (int i = 0; i < 20'000; ++i) {
        Bytes hostile = bytes;
        hostile[random.below(hostile.size())] = static_cast<std::byte>(random.next());
        FieldReader hostile_in(hostile);
        (void)decode_entry(hostile_in, again);
    }
}

TEST(FormatTest, entries_of_compaction_come_back_and_cut_ones_are_refused) {
    Entry replace;
    replace.type = EntryType::replace;
    replace.offset = 5;
    replace.position = 4096;
    replace.position_to = 40'960;
    replace.segment_end = 9000;
    replace.max_timestamp = 77;
    replace.wall_ms = 88;
    replace.files = {{{io::FileKind::pool_1m, 3}, 4096, 5, 70, true}, {{io::FileKind::pool_16m, 4}, 8192, 6, 77, true}};
    Bytes bytes;
    encode_entry(bytes, replace);
    Entry again;
    FieldReader in(bytes);
    ASSERT_TRUE(decode_entry(in, again));
    EXPECT_EQ(again.segment_end, 9000u);
    EXPECT_EQ(again.max_timestamp, 77);
    ASSERT_EQ(again.files.size(), 2u);
    EXPECT_EQ(again.files[1].file, replace.files[1].file);
    EXPECT_EQ(again.files[1].first_offset, 6);
    EXPECT_TRUE(again.files[1].indexed);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
        FieldReader short_in(std::span<const std::byte>(bytes).first(cut));
        EXPECT_FALSE(decode_entry(short_in, again)) << cut;
    }
    bytes[bytes.size() - file_ref_size] = std::byte{0};
    FieldReader wrong(bytes);
    EXPECT_FALSE(decode_entry(wrong, again)) << "a superblock is no file of a log";

    Entry clean;
    clean.type = EntryType::clean;
    clean.offset = 12;
    clean.wall_ms = 34;
    bytes.clear();
    encode_entry(bytes, clean);
    FieldReader clean_in(bytes);
    ASSERT_TRUE(decode_entry(clean_in, again));
    EXPECT_EQ(again.offset, 12);
    EXPECT_EQ(again.wall_ms, 34);
}

TEST(FormatTest, entries_of_replicas_come_back_and_cut_ones_are_refused) {
    Entry created;
    created.type = EntryType::create_at;
    created.key.partition = 7;
    created.offset = 300;
    created.wall_ms = 5;
    Entry skip;
    skip.type = EntryType::skip;
    skip.offset = 4;
    skip.offset_to = 9;
    Entry cut;
    cut.type = EntryType::cut;
    cut.offset = 12;
    cut.position = 9000;
    cut.ranges = {{3, 4096, 77, 900, 5, true}, {9, 4996, -1, 4004, 0, false}};
    for (const Entry& entry : {created, skip, cut}) {
        Bytes bytes;
        encode_entry(bytes, entry);
        Entry again;
        FieldReader in(bytes);
        ASSERT_TRUE(decode_entry(in, again));
        EXPECT_EQ(in.left(), 0u);
        EXPECT_EQ(again.key, entry.key);
        EXPECT_EQ(again.offset, entry.offset);
        EXPECT_EQ(again.ranges.size(), entry.ranges.size());
        for (size_t size = 0; size < bytes.size(); ++size) {
            FieldReader short_in(std::span<const std::byte>(bytes).first(size));
            EXPECT_FALSE(decode_entry(short_in, again)) << size;
        }
    }
    Bytes bytes;
    encode_entry(bytes, cut);
    Entry again;
    FieldReader in(bytes);
    ASSERT_TRUE(decode_entry(in, again));
    EXPECT_EQ(again.ranges[1].position, 4996u);
    EXPECT_FALSE(again.ranges[1].crc_known);
    skip.offset_to = skip.offset;
    bytes.clear();
    encode_entry(bytes, skip);
    FieldReader nothing(bytes);
    EXPECT_FALSE(decode_entry(nothing, again)) << "skips nothing";
    created.offset = -1;
    bytes.clear();
    encode_entry(bytes, created);
    FieldReader negative(bytes);
    EXPECT_FALSE(decode_entry(negative, again));
}

TEST(FormatTest, batches_of_producers_must_lie_in_their_append) {
    Entry append;
    append.type = EntryType::append;
    append.offset = 5;
    append.offset_to = 9;
    const auto taken = [&](const std::vector<ProducerBatch>& producers) {
        append.producers = producers;
        Bytes bytes;
        encode_entry(bytes, append);
        FieldReader in(bytes);
        Entry again;
        return decode_entry(in, again);
    };
    EXPECT_TRUE(taken({{9, 1, 7, 3, 5, 1000}}));
    EXPECT_TRUE(taken({{9, 1, 7, 1, 5, 1000}, {9, 1, 9, 1, 7, 1000}}));
    EXPECT_FALSE(taken({{9, 1, 7, 1, 4, 1000}})) << "before it";
    EXPECT_FALSE(taken({{9, 1, 7, 4, 5, 1000}})) << "behind it";
    EXPECT_FALSE(taken({{9, 1, 7, 1, 5, 1000}, {9, 1, 9, 1, 6, 1000}})) << "one on the other";
    EXPECT_FALSE(taken({{-1, 1, 7, 1, 5, 1000}}));
    EXPECT_FALSE(taken({{9, -1, 7, 1, 5, 1000}}));
    EXPECT_FALSE(taken({{9, 1, -1, 1, 5, 1000}}));
    EXPECT_FALSE(taken({{9, 1, 7, -1, 5, 1000}}));
    EXPECT_FALSE(taken({{9, 1, 7, INT32_MAX, 5, 1000}}));
    EXPECT_FALSE(taken({{9, 1, 7, 1, 5, -1}}));
}

TEST(FormatTest, files_have_names) { EXPECT_EQ(name_of({io::FileKind::pool_4m, 17}), "pool-4m/17"); }

}  // namespace
}  // namespace penstock::log
