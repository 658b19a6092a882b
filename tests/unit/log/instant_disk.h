// A disk that is there for opening a directory and then, once made instant, finishes every write at once and keeps
// nothing: what is left is the cost of the store itself. Allocates nothing while it is instant.
#pragma once

#include <algorithm>
#include <array>

#include "io/disk.h"

namespace penstock::log {

class InstantDisk final : public io::Disk {
public:
    explicit InstantDisk(io::Disk& inner) : inner_(inner) {}

    void make_instant() { instant_ = true; }

    size_t submit(std::span<const io::DiskOp> ops) override {
        if (!instant_) return inner_.submit(ops);
        size_t taken = std::min(ops.size(), done_.size() - count_);
        for (const io::DiskOp& op : ops.first(taken)) {
            io::DiskCompletion& completion = done_[count_++];
            completion = {op.token, 0, op.kind != io::DiskOpKind::read, Error{Errc::io}};
            for (const io::MutableFragment& fragment : op.fragments) completion.bytes += fragment.size;
        }
        return taken;
    }
    size_t poll(std::span<io::DiskCompletion> out) override {
        if (!instant_) return inner_.poll(out);
        size_t n = std::min(out.size(), count_);
        std::copy_n(done_.begin(), n, out.begin());
        std::copy(done_.begin() + static_cast<ptrdiff_t>(n), done_.begin() + static_cast<ptrdiff_t>(count_),
                  done_.begin());
        count_ -= n;
        return n;
    }
    void wait() override {
        if (!instant_) inner_.wait();
    }
    Result<std::vector<io::FileEntry>> list() override { return inner_.list(); }
    Result<io::DiskSpace> space() override { return inner_.space(); }

private:
    io::Disk& inner_;
    bool instant_ = false;
    std::array<io::DiskCompletion, 256> done_;
    size_t count_ = 0;
};

}  // namespace penstock::log
