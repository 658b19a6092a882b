// io::Disk on a simulated directory. Several Disks may share one Directory; each sees its own completions only.
//
// Destroying a Disk is its process being killed: what it had submitted still reaches the medium, as with a real kernel.
#pragma once

#include <deque>

#include "io/disk.h"
#include "sim/directory.h"

namespace penstock::sim {

class Disk final : public io::Disk {
public:
    explicit Disk(Directory& directory) : directory_(directory) {}
    ~Disk() override;
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    size_t submit(std::span<const io::DiskOp> ops) override;
    size_t poll(std::span<io::DiskCompletion> out) override;
    /// Completes operations, moving the directory's time, until one is this Disk's.
    void wait() override;
    Result<std::vector<io::FileEntry>> list() override;
    /// Of the directory's capacity, or of a TiB where it has no bound.
    Result<io::DiskSpace> space() override;

    size_t in_flight() const { return in_flight_; }
    bool has_completions() const { return !finished_.empty(); }

private:
    friend class Directory;

    Directory& directory_;
    std::deque<io::DiskCompletion> finished_;
    size_t in_flight_ = 0;
};

}  // namespace penstock::sim
