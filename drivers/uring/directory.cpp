#include "uring/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/assert.h"
#include "socket/outlast.h"

namespace penstock::uring {

namespace {

constexpr const char* folder_names[io::file_kind_count] = {"super",   "journal", "checkpoint",
                                                           "pool-1m", "pool-4m", "pool-16m"};
constexpr const char* probe_name = "probe";
constexpr int64_t zfs_magic = 0x2fc12fc1;  // not in the kernel's list, since ZFS is not in the kernel

std::unexpected<socket::Failure> failed(const std::string& what, int os_error, const std::string& advice = {}) {
    return std::unexpected(socket::Failure{{Errc::io, os_error}, what + ": " + std::strerror(os_error) + advice});
}

}  // namespace

const char* filesystem_note(int64_t magic) {
    switch (magic) {
        case TMPFS_MAGIC:
        case RAMFS_MAGIC:
            return "is in memory (tmpfs): nothing survives a restart of the machine, and writes are buffered";
        case BTRFS_SUPER_MAGIC:
            return "is on btrfs: copy-on-write makes every durable write slower; use ext4 or XFS, or switch it off for "
                   "the directory before first use (chattr +C)";
        case zfs_magic:
            return "is on ZFS: copy-on-write makes every durable write slower; use ext4 or XFS";
        case OVERLAYFS_SUPER_MAGIC:
            return "is on an overlay (a container's own layer): mount a volume on ext4 or XFS there";
        case NFS_SUPER_MAGIC:
            return "is on NFS: what durable means is up to the server, and the lock may not hold across machines";
        default: return nullptr;
    }
}

bool is_in_memory(int64_t magic) { return magic == TMPFS_MAGIC || magic == RAMFS_MAGIC; }

const char* folder_name(io::FileKind kind) { return folder_names[static_cast<uint8_t>(kind)]; }

void DataDirectory::file_name(uint32_t number, char (&out)[name_size]) {
    for (size_t i = name_size - 1; i-- > 0; number /= 10) out[i] = static_cast<char>('0' + number % 10);
    out[name_size - 1] = '\0';
}

socket::Opened<std::unique_ptr<DataDirectory>> DataDirectory::open(const DirectoryOptions& options) {
    std::unique_ptr<DataDirectory> directory(new DataDirectory);
    directory->path_ = options.path;
    directory->read_only_ = options.read_only;
    if (!options.read_only && ::mkdir(options.path.c_str(), 0750) != 0 && errno != EEXIST) {
        return failed("cannot make the data directory " + options.path, errno,
                      errno == ENOENT ? "; its parent must exist" : "");
    }
    directory->root_ = ::open(options.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->root_ < 0) return failed("cannot open the data directory " + options.path, errno);
    if (!options.read_only) {
        if (auto locked = directory->take_lock(); !locked) return std::unexpected(locked.error());
    }
    if (auto opened = directory->open_folders(); !opened) return std::unexpected(opened.error());
    if (auto examined = directory->examine(); !examined) return std::unexpected(examined.error());
    return directory;
}

DataDirectory::~DataDirectory() {
    for (const int folder : folders_) {
        if (folder >= 0) ::close(folder);
    }
    if (lock_ >= 0) ::close(lock_);  // gives the lock back
    if (root_ >= 0) ::close(root_);
}

socket::Opened<void> DataDirectory::take_lock() {
    lock_ = ::openat(root_, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock_ < 0) return failed("cannot open " + path_ + "/lock", errno);
    char text[24] = {};
    int locked = -1;
    socket::outlast(2 * second_ns, [&] {
        locked = ::flock(lock_, LOCK_EX | LOCK_NB);
        return locked == 0 || errno != EWOULDBLOCK;
    });
    if (locked != 0) {
        if (errno != EWOULDBLOCK) return failed("cannot lock " + path_ + "/lock", errno);
        const bool named = ::pread(lock_, text, sizeof text - 1, 0) > 0;
        return std::unexpected(socket::Failure{{Errc::refused, EWOULDBLOCK},
            "the data directory " + path_ + " is in use by another process" +
            (named ? " (pid " + std::to_string(std::strtol(text, nullptr, 10)) + ")" : std::string()) +
            "; stop it, or give this one a data directory of its own"});
    }
    const auto length = static_cast<size_t>(std::snprintf(text, sizeof text, "%ld\n", static_cast<long>(::getpid())));
    // Only for the message above: a full disk, where this fails, must not keep us from starting.
    [[maybe_unused]] const bool named = ::ftruncate(lock_, 0) == 0 && ::pwrite(lock_, text, length, 0) > 0;
    return {};
}

socket::Opened<void> DataDirectory::open_folders() {
    for (uint8_t kind = 0; kind < io::file_kind_count; ++kind) {
        const char* name = folder_names[kind];
        if (!read_only_ && ::mkdirat(root_, name, 0750) != 0 && errno != EEXIST) {
            return failed("cannot make " + path_ + "/" + name, errno);
        }
        folders_[kind] = ::openat(root_, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folders_[kind] < 0 && !(read_only_ && errno == ENOENT)) {
            return failed("cannot open " + path_ + "/" + name, errno);
        }
    }
    if (!read_only_ && ::fsync(root_) != 0) return failed("cannot sync " + path_, errno);
    return {};
}

Result<io::DiskSpace> DataDirectory::space() const {
    struct statfs filesystem{};
    if (::fstatfs(root_, &filesystem) != 0) return fail(Errc::io, errno);
    const auto block = static_cast<uint64_t>(filesystem.f_frsize > 0 ? filesystem.f_frsize : filesystem.f_bsize);
    return io::DiskSpace{filesystem.f_blocks * block, filesystem.f_bavail * block};
}

socket::Opened<void> DataDirectory::examine() {
    struct statfs filesystem{};
    if (::fstatfs(root_, &filesystem) != 0) return failed("cannot look at the filesystem of " + path_, errno);
    const auto magic = static_cast<int64_t>(filesystem.f_type);
    if (const char* note = filesystem_note(magic)) notes_.push_back("data directory " + path_ + " " + note);
    if (is_in_memory(magic)) {
        direct_ = false;
        return {};
    }
    if (!read_only_) return probe_direct();
    direct_ = false;  // asks nothing of the filesystem; the kernel keeps the page cache in step with direct writers
    return {};
}

std::string DataDirectory::direct_obstacle(int probe) {
    struct statx status{};
    if (::statx(probe, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 && (status.stx_mask & STATX_DIOALIGN) != 0) {
        const uint32_t offsets = status.stx_dio_offset_align, memory = status.stx_dio_mem_align;
        if (offsets == 0 || memory == 0) return "has no direct I/O";
        if (io::block_size % offsets != 0 || io::block_size % memory != 0) {
            return "wants direct I/O in blocks of " + std::to_string(offsets) + " bytes";
        }
    }
    // Some filesystems accept the flag and refuse the write.
    alignas(io::block_size) static const std::byte block[io::block_size] = {};
    const iovec vector{const_cast<std::byte*>(block), sizeof block};
    const bool refused = ::pwritev2(probe, &vector, 1, 0, RWF_DSYNC) < 0 && (errno == EINVAL || errno == EOPNOTSUPP);
    // Other errors (a full disk) say nothing about O_DIRECT, and whoever writes hears them.
    return refused ? "refuses direct writes" : "";
}

socket::Opened<void> DataDirectory::probe_direct() {
    ::unlinkat(root_, probe_name, 0);
    const int probe = ::openat(root_, probe_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_DIRECT, 0640);
    if (probe < 0 && errno != EINVAL && errno != EOPNOTSUPP) return failed("cannot write in " + path_, errno);
    const std::string obstacle = probe < 0 ? "refuses O_DIRECT" : direct_obstacle(probe);
    if (probe >= 0) ::close(probe);
    ::unlinkat(root_, probe_name, 0);
    if (obstacle.empty()) return {};
    direct_ = false;
    notes_.push_back("the filesystem of data directory " + path_ + " " + obstacle +
                     ": writes go through the page cache and fdatasync, which is slower; use ext4 or XFS");
    return {};
}

Result<std::vector<io::FileEntry>> DataDirectory::list() const {
    std::vector<io::FileEntry> files;
    for (uint8_t kind = 0; kind < io::file_kind_count; ++kind) {
        if (folders_[kind] < 0) continue;
        const int again = ::openat(folders_[kind], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (again < 0) return fail(Errc::io, errno);
        DIR* folder = ::fdopendir(again);
        if (folder == nullptr) {
            ::close(again);
            return fail(Errc::io, errno);
        }
        int os_error = 0;
        for (errno = 0; const dirent* entry = ::readdir(folder); errno = 0) {
            const std::string_view name = entry->d_name;
            uint32_t number = 0;
            const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
            if (name.size() != name_size - 1 || code != std::errc{} || end != name.data() + name.size()) continue;
            struct stat status{};
            if (::fstatat(again, entry->d_name, &status, 0) != 0) {
                if (errno == ENOENT) continue;  // removed under a read-only reader
                os_error = errno;
                break;
            }
            if (S_ISREG(status.st_mode)) {
                files.push_back({{static_cast<io::FileKind>(kind), number}, static_cast<uint64_t>(status.st_size)});
            }
        }
        if (os_error == 0) os_error = errno;
        ::closedir(folder);
        if (os_error != 0) return fail(Errc::io, os_error);
    }
    return files;
}

}  // namespace penstock::uring
