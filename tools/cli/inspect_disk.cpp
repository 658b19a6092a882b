#include "cli/inspect_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>

#include "cli/values.h"

namespace penstock::cli {

Outcome<std::unique_ptr<InspectDisk>> InspectDisk::open(const std::string& path) {
    auto directory = uring::DataDirectory::open({.path = path, .read_only = true});
    if (!directory) return refuse(directory.error().detail);
    return std::unique_ptr<InspectDisk>(new InspectDisk(std::move(*directory)));
}

size_t InspectDisk::submit(std::span<const io::DiskOp> ops) {
    for (const io::DiskOp& op : ops) finished_.push_back(run(op));
    return ops.size();
}

size_t InspectDisk::poll(std::span<io::DiskCompletion> out) {
    size_t n = 0;
    while (n < out.size() && !finished_.empty()) {
        out[n++] = finished_.front();
        finished_.pop_front();
    }
    return n;
}

io::DiskCompletion InspectDisk::run(const io::DiskOp& op) const {
    io::DiskCompletion done{.token = op.token, .bytes = 0, .ok = false, .error = {Errc::io, EROFS}};
    if (op.kind != io::DiskOpKind::read) return done;
    char name[uring::DataDirectory::name_size];
    uring::DataDirectory::file_name(op.file.number, name);
    const int folder = directory_->folder(op.file.kind);
    const int fd = folder < 0 ? -1 : ::openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        done.error = {folder < 0 || errno == ENOENT ? Errc::not_found : Errc::io, folder < 0 ? ENOENT : errno};
        return done;
    }
    done.ok = true;
    for (const io::MutableFragment& fragment : op.fragments) {
        uint32_t filled = 0;
        while (done.ok && filled < fragment.size) {
            const ssize_t n = ::pread(fd, fragment.data + filled, fragment.size - filled,
                                      static_cast<off_t>(op.offset + done.bytes));
            if (n == 0) break;
            if (n < 0) {
                done.ok = false;
                done.error = {Errc::io, errno};
            } else {
                filled += static_cast<uint32_t>(n);
                done.bytes += static_cast<uint64_t>(n);
            }
        }
        if (filled < fragment.size) break;
    }
    ::close(fd);
    return done;
}

Outcome<InspectTarget> find_inspect_target(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path absolute = fs::weakly_canonical(path, error);
    if (error || !fs::exists(absolute, error)) return refuse(fmt::format("there is no '{}'", path));
    if (fs::is_directory(absolute, error)) return InspectTarget{.directory = absolute, .file = {}};
    for (uint8_t kind = 0; kind < io::file_kind_count; ++kind) {
        if (absolute.parent_path().filename() != uring::folder_name(static_cast<io::FileKind>(kind))) continue;
        const auto number = parse_number<uint32_t>(absolute.filename().native());
        if (!number) break;
        return InspectTarget{.directory = absolute.parent_path().parent_path(),
                             .file = io::FileId{static_cast<io::FileKind>(kind), *number}};
    }
    return refuse(fmt::format("'{}' is not a file of a data directory", path),
                  "Those lie in its folders super, journal, checkpoint, pool-1m, pool-4m and pool-16m.");
}

std::string file_label(io::FileId file) {
    char name[uring::DataDirectory::name_size];
    uring::DataDirectory::file_name(file.number, name);
    return fmt::format("{}/{}", uring::folder_name(file.kind), name);
}

}  // namespace penstock::cli
