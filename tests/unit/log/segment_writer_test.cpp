#include "log/segment_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/crc32c.h"

namespace penstock::log {
namespace {

constexpr uint64_t position = 64 * io::block_size;

/// Carries out the writes on files in memory.
class SegmentWriterTest : public testing::Test {
protected:
    SegmentWriterTest() {
        FileHeader owner;
        owner.generation = 3;
        owner.log_id = 9;
        writer_.begin(owner, position, 500);
    }
    void add(size_t size, int64_t base, int64_t timestamp) {
        while (!writer_.has_room(size)) writer_.attach({io::FileKind::pool_1m, next_file_++});
        std::vector<std::byte> batch(size, static_cast<std::byte>(base));
        writer_.add(batch, base, timestamp);
        expected_.insert(expected_.end(), batch.begin(), batch.end());
    }
    void write() {
        while (auto write = writer_.next_write()) {
            ASSERT_EQ(write->offset % io::block_size, 0u);
            ASSERT_EQ(write->bytes.size() % io::block_size, 0u);
            Bytes& file = disk_[write->file];
            file.resize(geometry(write->file.kind).file_bytes);
            ASSERT_LE(write->offset + write->bytes.size(), file.size());
            std::ranges::copy(write->bytes, file.begin() + static_cast<ptrdiff_t>(write->offset));
        }
    }
    std::vector<std::byte> read(uint64_t from, uint64_t size) {
        std::vector<std::byte> out;
        for (; size > 0; ++from, --size) {
            auto file = std::prev(std::ranges::upper_bound(writer_.files(), from, {}, &FileRef::start));
            out.push_back(disk_[file->file][io::block_size + (from - file->start)]);
        }
        return out;
    }

    SegmentWriter writer_;
    uint32_t next_file_ = 1;
    std::map<io::FileId, Bytes> disk_;
    std::vector<std::byte> expected_;
};

TEST_F(SegmentWriterTest, files_headers_and_indexes_are_those_of_a_segment) {
    for (int i = 0; i < 40; ++i) {
        add(50'000 + static_cast<size_t>(i), 510 + 10 * i, 1000 + i);
        write();
        EXPECT_LT(writer_.pending_bytes(), 400 * kib) << "writes come as it grows";
    }
    writer_.finish();
    write();
    EXPECT_EQ(writer_.pending_bytes(), 0u);
    EXPECT_EQ(writer_.end(), position + expected_.size());
    EXPECT_EQ(writer_.max_timestamp(), 1039);
    ASSERT_EQ(writer_.files().size(), 2u);
    EXPECT_EQ(writer_.files()[0].start, position);
    EXPECT_EQ(writer_.files()[0].first_offset, 500) << "the segment's: the first batch may be gone";
    EXPECT_EQ(writer_.files()[1].start, writer_.files()[0].end());
    EXPECT_EQ(read(position, expected_.size()), expected_);

    uint64_t at = position;
    int64_t newest = 0;
    for (const FileRef& file : writer_.files()) {
        EXPECT_TRUE(file.indexed);
        const Bytes& bytes = disk_[file.file];
        FileHeader header;
        ASSERT_TRUE(read_file_header(std::span(bytes).first(io::block_size), header));
        EXPECT_EQ(header.log_id, 9u);
        EXPECT_EQ(header.generation, 3u);
        EXPECT_EQ(header.start_position, file.start);
        EXPECT_EQ(header.first_offset, file.first_offset);
        std::vector<IndexRange> ranges;
        const FileGeometry shape = geometry(file.file.kind);
        ASSERT_TRUE(read_index(std::span(bytes).subspan(shape.index_offset()), 9, file.start, ranges));
        ASSERT_FALSE(ranges.empty());
        EXPECT_GE(ranges.front().base_offset, file.first_offset);
        int64_t newest_here = -1;
        for (const IndexRange& range : ranges) {
            EXPECT_EQ(range.position, at);
            EXPECT_GE(range.position, file.start);
            EXPECT_LT(range.position, file.end());
            EXPECT_EQ(range.crc, crc32c(0, read(range.position, range.size)));
            at += range.size;
            newest_here = std::max(newest_here, range.max_timestamp);
        }
        EXPECT_EQ(file.max_timestamp, newest_here);
        newest = std::max(newest, newest_here);
    }
    EXPECT_EQ(at, writer_.end());
    EXPECT_EQ(newest, 1039);
}

TEST_F(SegmentWriterTest, a_batch_may_fill_files_in_which_none_starts) {
    add(100, 510, 1);
    add(3 * mib, 520, 2);
    add(100, 530, 3);
    writer_.finish();
    write();
    EXPECT_EQ(read(position, expected_.size()), expected_);
    ASSERT_EQ(writer_.files().size(), 4u);
    EXPECT_EQ(writer_.files()[1].first_offset, 521);
    EXPECT_EQ(writer_.files()[3].first_offset, 521);
    std::vector<IndexRange> ranges;
    const FileRef& passed = writer_.files()[1];
    ASSERT_TRUE(read_index(std::span(disk_[passed.file]).subspan(geometry(passed.file.kind).index_offset()), 9,
                           passed.start, ranges));
    EXPECT_TRUE(ranges.empty());
}

TEST_F(SegmentWriterTest, it_can_begin_again) {
    add(100'000, 510, 1);
    FileHeader owner;
    writer_.begin(owner, 0, 7);
    EXPECT_TRUE(writer_.files().empty());
    EXPECT_EQ(writer_.end(), 0u);
    writer_.finish();
    EXPECT_FALSE(writer_.next_write().has_value());
}

}  // namespace
}  // namespace penstock::log
