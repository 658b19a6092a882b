// What the core asks of a disk: aligned blocks in numbered files, asynchronously, in bursts.
//
// One Disk belongs to one shard thread. Operations are submitted and complete in any order. A write of kind
// `write_durable` is on stable storage when it completes; a plain `write` is there only after a later `flush`
// of its file completed. Nothing is ordered unless the caller waits for a completion first.
//
// Drivers: drivers/uring (O_DIRECT, or buffered + fdatasync where the filesystem refuses it), drivers/sim.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace penstock::io {

inline constexpr uint32_t block_size = 4096;  ///< alignment of memory, offsets and lengths of all I/O

/// The folder that a file lives in; the driver maps (kind, number) to a path. Values are on disk: never renumber.
enum class FileKind : uint8_t {
    super = 0,       ///< "super/0": which generation of the data directory counts
    journal = 1,     ///< "journal/N": extents of the shards' journals
    checkpoint = 2,  ///< "checkpoint/N"
    pool_1m = 3,     ///< "pool-1m/N": log files of 1 MiB
    pool_4m = 4,
    pool_16m = 5,
};
inline constexpr uint8_t file_kind_count = 6;

struct FileId {
    FileKind kind = FileKind::super;
    uint32_t number = 0;
    friend auto operator<=>(const FileId&, const FileId&) = default;
};

struct MutableFragment {
    std::byte* data = nullptr;
    uint32_t size = 0;
};

enum class DiskOpKind : uint8_t {
    read,           ///< into `fragments`; short only at the end of the file (bytes says how much came)
    write,          ///< from `fragments`; may extend the file
    write_durable,  ///< the same, durable at completion
    flush,          ///< everything that completed before on this file is durable at completion
    create,         ///< creates an empty file, its directory entry durable at completion; Errc::exists if there
    remove,         ///< removes the file; not durable by itself
};

constexpr bool is_write(DiskOpKind kind) { return kind == DiskOpKind::write || kind == DiskOpKind::write_durable; }

/// `fragments` and what they point to must stay valid and unchanged until the completion. All data pointers,
/// sizes and offsets are multiples of block_size. At most max_fragments fragments.
struct DiskOp {
    DiskOpKind kind = DiskOpKind::read;
    FileId file;
    uint64_t offset = 0;
    std::span<const MutableFragment> fragments;
    uint64_t token = 0;  ///< comes back in the completion
};
inline constexpr uint32_t max_fragments = 256;

struct DiskCompletion {
    uint64_t token = 0;
    uint64_t bytes = 0;          ///< transferred; a short write is reported as an error, never as success
    bool ok = false;
    Error error;                 ///< when !ok: io, disk_full, not_found, exists
};

struct FileEntry {
    FileId file;
    uint64_t size = 0;
};

/// Of the filesystem that the data directory lies on.
struct DiskSpace {
    uint64_t total_bytes = 0;
    uint64_t usable_bytes = 0;
};

class Disk {
public:
    virtual ~Disk() = default;

    /// Takes operations from the front of `ops`; returns how many were taken (fewer when the queue is full:
    /// submit the rest after a completion). `ops` itself need not outlive the call.
    virtual size_t submit(std::span<const DiskOp> ops) = 0;

    /// Moves finished operations into `out`; returns how many. Never blocks.
    virtual size_t poll(std::span<DiskCompletion> out) = 0;

    /// Blocks until poll would return something. Only start-up and tools call it, with operations under way.
    virtual void wait() = 0;

    /// All files of the data directory. Blocks; start-up and tools only.
    virtual Result<std::vector<FileEntry>> list() = 0;

    /// As the filesystem counts now. It waits for no disk, but costs a system call: not on the hot path.
    virtual Result<DiskSpace> space() = 0;
};

}  // namespace penstock::io
