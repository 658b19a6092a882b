// A lock on a directory: a file that one process holds locked for as long as it lives, with its id inside.
#pragma once

#include <expected>
#include <string>

#include "base/error.h"

namespace penstock::store {

class LockFile {
public:
    LockFile() = default;
    ~LockFile();
    LockFile(const LockFile&) = delete;
    LockFile& operator=(const LockFile&) = delete;

    /// Errc::refused when another process holds it: holder() is its text then.
    Result<void> lock(const std::string& path);
    const std::string& holder() const { return holder_; }

private:
    int file_ = -1;
    std::string holder_;
};

}  // namespace penstock::store
