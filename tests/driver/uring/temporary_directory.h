// An empty directory that goes away with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace penstock::tests {

class TemporaryDirectory {
public:
    /// Under `parent`; path() is empty if that is not writable.
    explicit TemporaryDirectory(const std::string& parent = std::filesystem::temp_directory_path()) {
        std::string name = parent + "/penstock-XXXXXX";
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace penstock::tests
