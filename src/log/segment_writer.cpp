#include "log/segment_writer.h"

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"

namespace penstock::log {
namespace {

constexpr uint64_t write_bytes = 256 * kib;

}  // namespace

void SegmentWriter::begin(const FileHeader& owner, uint64_t position, int64_t base_offset) {
    PENSTOCK_ASSERT(position % io::block_size == 0);
    owner_ = owner;
    position_ = end_ = covered_ = written_ = position;
    pending_.clear();
    base_offset_ = base_offset;
    max_timestamp_ = -1;
    open_file_end_ = 0;
    files_.clear();
    files_begun_ = 0;
    ranges_.clear();
    indexes_written_ = 0;
    finished_ = false;
}

void SegmentWriter::attach(io::FileId file) {
    files_.push_back({file, covered_, base_offset_, -1, true});
    covered_ = files_.back().end();
}

void SegmentWriter::add(std::span<const std::byte> batch, int64_t base_offset, int64_t max_timestamp) {
    PENSTOCK_ASSERT(has_room(batch.size()) && !finished_);
    for (; files_begun_ < files_.size(); ++files_begun_) {
        FileRef& file = files_[files_begun_];
        if (file.start >= end_ + batch.size()) break;
        // The first one may be asked for offsets that went from before its first batch.
        if (files_begun_ > 0) file.first_offset = file.start == end_ ? base_offset : base_offset + 1;
    }
    auto file = std::prev(std::ranges::upper_bound(files_, end_, {}, &FileRef::start));
    if (ranges_.empty() || ranges_.back().size >= range_bytes_min || end_ >= open_file_end_) {
        ranges_.push_back({base_offset, end_, max_timestamp, 0, 0, true});
        open_file_end_ = file->end();
    }
    IndexRange& range = ranges_.back();
    range.size += static_cast<uint32_t>(batch.size());
    range.crc = crc32c(range.crc, batch);
    range.max_timestamp = std::max(range.max_timestamp, max_timestamp);
    auto range_file = std::prev(std::ranges::upper_bound(files_, range.position, {}, &FileRef::start));
    range_file->max_timestamp = std::max(range_file->max_timestamp, range.max_timestamp);
    max_timestamp_ = std::max(max_timestamp_, max_timestamp);
    pending_.insert(pending_.end(), batch.begin(), batch.end());
    end_ += batch.size();
}

std::optional<SegmentWriter::Write> SegmentWriter::next_write() {
    if (auto write = next_data_write()) return write;
    if (!finished_ || indexes_written_ == files_.size()) return std::nullopt;
    return next_index_write();
}

std::optional<SegmentWriter::Write> SegmentWriter::next_data_write() {
    if (pending_.empty()) return std::nullopt;
    auto file = std::prev(std::ranges::upper_bound(files_, written_, {}, &FileRef::start));
    const uint64_t to = std::min({end_, file->end(), written_ + write_bytes});
    if (!finished_ && to < file->end() && to < written_ + write_bytes) return std::nullopt;
    Write write{file->file, io::block_size + (written_ - file->start), {}};
    if (written_ == file->start) {
        write.offset = 0;
        write.bytes.resize(io::block_size);
        FileHeader header = owner_;
        header.start_position = file->start;
        header.first_offset = file->first_offset;
        write_file_header(write.bytes, header);
    }
    const auto taken = pending_.begin() + static_cast<ptrdiff_t>(to - written_);
    write.bytes.insert(write.bytes.end(), pending_.begin(), taken);
    write.bytes.resize(align_up(write.bytes.size(), io::block_size));
    pending_.erase(pending_.begin(), taken);
    written_ = to;
    return write;
}

SegmentWriter::Write SegmentWriter::next_index_write() {
    const FileRef& file = files_[indexes_written_++];
    const FileGeometry shape = geometry(file.file.kind);
    auto first = std::ranges::lower_bound(ranges_, file.start, {}, &IndexRange::position);
    auto last = std::ranges::lower_bound(ranges_, file.end(), {}, &IndexRange::position);
    Write write{file.file, shape.index_offset(), Bytes(shape.index_bytes)};
    write_index(write.bytes, owner_.log_id, file.start, std::span(first, last));
    return write;
}

}  // namespace penstock::log
