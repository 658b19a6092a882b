// A data directory as a Disk that only reads: one pread for each operation, done when submit() returns.
//
// For `log inspect`, which reads a few files once and must also work where io_uring is forbidden. Takes no lock, so
// it can look at the directory of a running broker; what it reads then may be half of a change.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "cli/outcome.h"
#include "io/disk.h"
#include "uring/directory.h"

namespace penstock::cli {

class InspectDisk final : public io::Disk {
public:
    static Outcome<std::unique_ptr<InspectDisk>> open(const std::string& path);

    size_t submit(std::span<const io::DiskOp> ops) override;
    size_t poll(std::span<io::DiskCompletion> out) override;
    void wait() override {}
    Result<std::vector<io::FileEntry>> list() override { return directory_->list(); }
    Result<io::DiskSpace> space() override { return directory_->space(); }

private:
    explicit InspectDisk(std::unique_ptr<uring::DataDirectory> directory) : directory_(std::move(directory)) {}
    io::DiskCompletion run(const io::DiskOp& op) const;

    std::unique_ptr<uring::DataDirectory> directory_;
    std::deque<io::DiskCompletion> finished_;
};

/// What a path names: a data directory, or one file in it.
struct InspectTarget {
    std::string directory;
    std::optional<io::FileId> file;
};
Outcome<InspectTarget> find_inspect_target(const std::string& path);

/// "pool-1m/0000000007", as the file lies in its directory.
std::string file_label(io::FileId file);

}  // namespace penstock::cli
