// A data directory: locked, its folders made, its filesystem looked at. Shared by the disks of all shards.
//
// Open it once, before the disks; it outlives them. Immutable afterwards, so any thread may use it.
// What it does not do: it knows file names, not file contents.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/disk.h"
#include "socket/failure.h"

namespace penstock::uring {

struct DirectoryOptions {
    std::string path;
    bool read_only = false;  ///< for tools: takes no lock, makes nothing, and its disks refuse to write
};

class DataDirectory final {
public:
    /// Makes the directory and its folders where they are missing. Fails when another process holds its lock.
    static socket::Opened<std::unique_ptr<DataDirectory>> open(const DirectoryOptions& options);
    ~DataDirectory();
    DataDirectory(const DataDirectory&) = delete;
    DataDirectory& operator=(const DataDirectory&) = delete;

    /// What the operator should know about the filesystem; main logs it at start.
    std::span<const std::string> notes() const { return notes_; }
    const std::string& path() const { return path_; }
    bool read_only() const { return read_only_; }
    /// False where the filesystem refuses O_DIRECT: writes go through the page cache, fdatasync follows durable ones.
    bool direct() const { return direct_; }
    /// The open folder of a kind; -1 if it does not exist (read only).
    int folder(io::FileKind kind) const { return folders_[static_cast<uint8_t>(kind)]; }
    /// All files, folder by folder; names that are not ours are passed over.
    Result<std::vector<io::FileEntry>> list() const;
    Result<io::DiskSpace> space() const;

    /// Why a file opened with O_DIRECT cannot serve; empty if it can. Writes a block of zeroes at its beginning.
    static std::string direct_obstacle(int probe);

    /// "0000000007", with its terminating zero.
    static constexpr size_t name_size = 11;
    static void file_name(uint32_t number, char (&out)[name_size]);

private:
    DataDirectory() = default;
    socket::Opened<void> take_lock();
    socket::Opened<void> open_folders();
    socket::Opened<void> examine();
    socket::Opened<void> probe_direct();

    std::string path_;
    std::vector<std::string> notes_;
    bool read_only_ = false;
    bool direct_ = true;
    int root_ = -1;
    int lock_ = -1;
    int folders_[io::file_kind_count] = {-1, -1, -1, -1, -1, -1};
};

/// What to say of filesystems (by statfs's f_type) that keep data differently from what our writes assume, as the rest
/// of a sentence about the data directory; null for the others.
const char* filesystem_note(int64_t magic);
/// Whether it is one in memory: those accept O_DIRECT in newer kernels, and then buffer all the same.
bool is_in_memory(int64_t magic);

/// "journal", "pool-1m", ...
const char* folder_name(io::FileKind kind);

}  // namespace penstock::uring
