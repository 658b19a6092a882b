#include "store/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace penstock::store {

LockFile::~LockFile() {
    if (file_ >= 0) ::close(file_);  // the lock goes with it, the file stays
}

Result<void> LockFile::lock(const std::string& path) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) return fail(Errc::io, errno);
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        char text[64] = {};
        const ssize_t size = ::pread(file_, text, sizeof text - 1, 0);
        holder_.assign(text, size > 0 ? static_cast<size_t>(size) : 0);
        while (!holder_.empty() && holder_.back() == '\n') holder_.pop_back();
        return fail(why == EWOULDBLOCK ? Errc::refused : Errc::io, why);
    }
    const std::string own = "pid " + std::to_string(::getpid()) + "\n";
    // Only for people to read: a failure changes nothing.
    if (::ftruncate(file_, 0) == 0 && ::pwrite(file_, own.data(), own.size(), 0) < 0) return {};
    return {};
}

}  // namespace penstock::store
