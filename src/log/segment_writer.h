// A segment that is made whole before anybody knows of it: batches in; files, index blocks and the writes of both out.
//
// Owns no I/O: the store asks next_write() what to do, and gives files when has_room() says that they are missing.
// Positions are those that the segment will have in its log. Memory: what is not written yet, bounded by the caller,
// who adds no batch while pending_bytes() is large; and the ranges, 40 bytes for each 64 KiB.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/format.h"

namespace penstock::log {

class SegmentWriter {
public:
    struct Write {
        io::FileId file;
        uint64_t offset = 0;
        Bytes bytes;
    };

    /// Forgets what was. `owner` is what file headers name; `position` and `base_offset` are the segment's.
    void begin(const FileHeader& owner, uint64_t position, int64_t base_offset);

    uint64_t end() const { return end_; }             ///< position behind the last batch
    int64_t max_timestamp() const { return max_timestamp_; }
    const std::vector<FileRef>& files() const { return files_; }
    uint64_t pending_bytes() const { return pending_.size(); }

    bool has_room(uint64_t size) const { return end_ + size <= covered_; }
    void attach(io::FileId file);
    /// has_room() must hold.
    void add(std::span<const std::byte> batch, int64_t base_offset, int64_t max_timestamp);
    /// No batch comes any more: everything is to be written, and the index of each file.
    void finish() { finished_ = true; }
    /// Nothing: nothing is worth a write yet, or all has been given out.
    std::optional<Write> next_write();

private:
    std::optional<Write> next_data_write();
    Write next_index_write();

    FileHeader owner_;
    uint64_t position_ = 0;
    uint64_t end_ = 0;
    uint64_t covered_ = 0;
    uint64_t written_ = 0;        ///< given out; on a block boundary
    Bytes pending_;               ///< [written_, end_)
    int64_t base_offset_ = 0;
    int64_t max_timestamp_ = -1;
    uint64_t open_file_end_ = 0;  ///< a batch at or beyond starts a new range
    std::vector<FileRef> files_;
    size_t files_begun_ = 0;      ///< whose first offset is known
    std::vector<IndexRange> ranges_;
    size_t indexes_written_ = 0;
    bool finished_ = false;
};

}  // namespace penstock::log
