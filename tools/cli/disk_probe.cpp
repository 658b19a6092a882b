#include "cli/disk_probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/assert.h"
#include "io/disk.h"
#include "uring/directory.h"

namespace penstock::cli {

namespace {

constexpr size_t writes_max = 400;    // p99 then stands on four writes
constexpr size_t block_count = 256;   // 1 MiB: what is written in turn

/// A file without a name in the directory, or an errno.
struct ProbeFile {
    int fd = -1;
    int os_error = 0;

    ProbeFile(const std::string& directory, int flags) {
        const std::string path = directory + "/.penstock-doctor-" + std::to_string(::getpid());
        ::unlink(path.c_str());  // of one that was killed between the next two lines
        fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0600);
        if (fd < 0) os_error = errno;
        else ::unlink(path.c_str());
    }
    ~ProbeFile() {
        if (fd >= 0) ::close(fd);
    }
    ProbeFile(const ProbeFile&) = delete;
    ProbeFile& operator=(const ProbeFile&) = delete;
};

struct alignas(io::block_size) Block {
    std::byte bytes[io::block_size];
};

void look_at_filesystem(DiskProbe& probe) {
    struct stat status{};
    if (::stat(probe.path.c_str(), &status) == 0) {
        probe.major = major(status.st_dev);
        probe.minor = minor(status.st_dev);
    }
    struct statfs filesystem{};
    if (::statfs(probe.path.c_str(), &filesystem) != 0) return;
    const auto magic = static_cast<int64_t>(filesystem.f_type);
    const auto block = static_cast<uint64_t>(filesystem.f_frsize > 0 ? filesystem.f_frsize : filesystem.f_bsize);
    probe.in_memory = uring::is_in_memory(magic);
    if (const char* note = uring::filesystem_note(magic)) probe.note = note;
    probe.total_bytes = filesystem.f_blocks * block;
    probe.free_bytes = filesystem.f_bavail * block;
}

/// One block, durable when this returns; the broker's way for either kind of file. 0 or an errno.
int write_durably(int fd, bool direct, const Block& block, size_t index) {
    const iovec vector{const_cast<Block*>(&block), sizeof block};
    const auto offset = static_cast<off_t>(index * sizeof block);
    const ssize_t n = ::pwritev2(fd, &vector, 1, offset, direct ? RWF_DSYNC : 0);
    if (n < 0) return errno;
    if (static_cast<size_t>(n) != sizeof block) return EIO;
    return direct || ::fdatasync(fd) == 0 ? 0 : errno;
}

/// Space that was never written costs the filesystem's own writes, too; the broker's is prepared, so this is as well.
int prepare(int fd, const Block& block) {
    std::array<iovec, block_count> vectors;
    vectors.fill({const_cast<Block*>(&block), sizeof block});
    const ssize_t n = ::pwritev2(fd, vectors.data(), block_count, 0, 0);
    if (n < 0) return errno;
    if (static_cast<size_t>(n) != block_count * sizeof block) return ENOSPC;
    return ::fsync(fd) == 0 ? 0 : errno;
}

void measure(DiskProbe& probe, int fd, Duration time) {
    const bool direct = probe.direct_obstacle.empty() && !probe.in_memory;
    Block block;
    std::memset(&block, 0x5a, sizeof block);  // zeroes are what some devices do not store
    int os_error = prepare(fd, block);
    std::vector<Duration> samples;
    const auto begun = Clock::now();
    for (auto now = begun; os_error == 0 && samples.size() < writes_max && now - begun < time;) {
        const size_t index = samples.size();
        std::memcpy(&block, &index, sizeof index);
        os_error = write_durably(fd, direct, block, index % block_count);
        const auto after = Clock::now();
        samples.push_back(after - now);
        now = after;
    }
    if (os_error != 0) probe.latency_failure = std::strerror(os_error);
    else if (samples.empty()) probe.latency_failure = "preparing the file took all the time";
    else probe.latency = summarise(samples);
}

}  // namespace

WriteLatency summarise(std::vector<Duration>& samples) {
    PENSTOCK_ASSERT(!samples.empty());
    std::sort(samples.begin(), samples.end());
    const size_t count = samples.size();
    return {.writes = static_cast<uint32_t>(count), .p50 = samples[(count - 1) / 2],
            .p99 = samples[(count - 1) * 99 / 100], .max = samples.back()};
}

DiskProbe probe_disk(const std::string& path, Duration time) {
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    DiskProbe probe{.path = error ? path : real.native()};
    if (error) {
        probe.os_error = error.value();
        return probe;
    }
    if (!std::filesystem::is_directory(real, error)) {
        probe.os_error = ENOTDIR;
        return probe;
    }
    probe.exists = true;
    look_at_filesystem(probe);
    const ProbeFile direct(probe.path, O_DIRECT);
    if (direct.fd >= 0) {
        if (!probe.in_memory) probe.direct_obstacle = uring::DataDirectory::direct_obstacle(direct.fd);
    } else if (direct.os_error == EINVAL || direct.os_error == EOPNOTSUPP) {
        probe.direct_obstacle = "refuses O_DIRECT";
    } else {
        probe.os_error = direct.os_error;
        return probe;
    }
    if (probe.direct_obstacle.empty() && !probe.in_memory) {
        measure(probe, direct.fd, time);
        return probe;
    }
    const ProbeFile buffered(probe.path, 0);
    probe.os_error = buffered.os_error;
    if (buffered.fd >= 0) measure(probe, buffered.fd, time);
    return probe;
}

}  // namespace penstock::cli
