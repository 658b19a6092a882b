// Blocking I/O for start-up and tools: runs batches of operations on a Disk and waits for all of them.
#pragma once

#include <span>

#include "log/format.h"

namespace penstock::log {

class BlockingDisk {
public:
    explicit BlockingDisk(io::Disk& disk) : disk_(disk) {}

    /// Reads [offset, offset + out.size()) whole. Errc::corrupt when the file ends before.
    Result<void> read(io::FileId file, uint64_t offset, std::span<std::byte> out);
    /// Durable when it returns.
    Result<void> write(io::FileId file, uint64_t offset, std::span<const std::byte> bytes);
    Result<void> create(io::FileId file);  ///< fine if it exists
    Result<void> flush(io::FileId file);

    // Many may be under way, in no order. Fragments stay valid until finish().
    Result<void> queue_read(io::FileId file, uint64_t offset, const io::MutableFragment& fragment);
    Result<void> queue_write(io::FileId file, uint64_t offset, std::span<const io::MutableFragment> fragments);
    Result<void> queue_flush(io::FileId file);
    /// Waits for everything that was queued; the first error, if any. Errc::corrupt when a file ended before a read.
    Result<void> finish();

private:
    Result<void> queue(const io::DiskOp& op);
    void reap();

    io::Disk& disk_;
    size_t under_way_ = 0;
    bool failed_ = false;
    Error error_;
};

}  // namespace penstock::log
