#include "sim/disk.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::sim {

Disk::~Disk() { directory_.abandon(*this); }

size_t Disk::submit(std::span<const io::DiskOp> ops) {
    const size_t used = in_flight_ + finished_.size();
    const size_t room = used < directory_.options_.queue_depth ? directory_.options_.queue_depth - used : 0;
    const size_t count = std::min(room, ops.size());
    for (const io::DiskOp& op : ops.first(count)) directory_.submit(*this, op);
    if (count > 0) directory_.submitted();
    return count;
}

size_t Disk::poll(std::span<io::DiskCompletion> out) {
    const size_t count = std::min(out.size(), finished_.size());
    for (io::DiskCompletion& completion : out.first(count)) {
        completion = finished_.front();
        finished_.pop_front();
    }
    return count;
}

void Disk::wait() {
    PENSTOCK_ASSERT(in_flight_ > 0 || !finished_.empty());  // otherwise a real one would block for ever
    while (finished_.empty()) PENSTOCK_ASSERT(directory_.complete_one());
}

Result<std::vector<io::FileEntry>> Disk::list() { return directory_.files(); }

Result<io::DiskSpace> Disk::space() {
    const uint64_t capacity = directory_.options_.capacity_bytes;
    const uint64_t total = capacity != 0 ? capacity : 1024 * gib;
    const uint64_t used = directory_.used_bytes();
    return io::DiskSpace{total, used < total ? total - used : 0};
}

}  // namespace penstock::sim
