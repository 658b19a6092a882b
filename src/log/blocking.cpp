#include "log/blocking.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace penstock::log {
namespace {

constexpr size_t depth_max = 64;
constexpr uint64_t piece_max = mib;

}  // namespace

void BlockingDisk::reap() {
    std::array<io::DiskCompletion, depth_max> done;
    disk_.wait();
    size_t n = disk_.poll(done);
    for (size_t i = 0; i < n; ++i) {
        // The token of a read is its size.
        const bool cut_short = done[i].ok && done[i].token != 0 && done[i].bytes != done[i].token;
        if ((done[i].ok && !cut_short) || failed_) continue;
        failed_ = true;
        error_ = cut_short ? Error{Errc::corrupt} : done[i].error;
    }
    under_way_ -= n;
}

Result<void> BlockingDisk::queue(const io::DiskOp& op) {
    while (under_way_ >= depth_max || disk_.submit({&op, 1}) == 0) reap();
    ++under_way_;
    return {};
}

Result<void> BlockingDisk::queue_read(io::FileId file, uint64_t offset, const io::MutableFragment& fragment) {
    return queue({io::DiskOpKind::read, file, offset, {&fragment, 1}, fragment.size});
}

Result<void> BlockingDisk::queue_write(io::FileId file, uint64_t offset,
                                       std::span<const io::MutableFragment> fragments) {
    return queue({io::DiskOpKind::write_durable, file, offset, fragments, 0});
}

Result<void> BlockingDisk::queue_flush(io::FileId file) {
    return queue({io::DiskOpKind::flush, file, 0, {}, 0});
}

Result<void> BlockingDisk::finish() {
    while (under_way_ > 0) reap();
    bool failed = std::exchange(failed_, false);
    if (failed) return std::unexpected(error_);
    return {};
}

Result<void> BlockingDisk::read(io::FileId file, uint64_t offset, std::span<std::byte> out) {
    std::vector<io::MutableFragment> pieces;
    for (size_t at = 0; at < out.size(); at += piece_max) {
        pieces.push_back({out.data() + at, static_cast<uint32_t>(std::min<uint64_t>(piece_max, out.size() - at))});
    }
    for (const auto& piece : pieces) queue_read(file, offset + static_cast<uint64_t>(piece.data - out.data()), piece);
    return finish();
}

Result<void> BlockingDisk::write(io::FileId file, uint64_t offset, std::span<const std::byte> bytes) {
    std::vector<io::MutableFragment> pieces;
    for (size_t at = 0; at < bytes.size(); at += piece_max) {
        auto* data = const_cast<std::byte*>(bytes.data() + at);
        pieces.push_back({data, static_cast<uint32_t>(std::min<uint64_t>(piece_max, bytes.size() - at))});
    }
    for (const auto& piece : pieces) {
        auto at = static_cast<uint64_t>(piece.data - bytes.data());
        queue_write(file, offset + at, {&piece, 1});
    }
    return finish();
}

Result<void> BlockingDisk::create(io::FileId file) {
    queue({io::DiskOpKind::create, file, 0, {}, 0});
    auto done = finish();
    if (!done && done.error().code == Errc::exists) return {};
    return done;
}

Result<void> BlockingDisk::flush(io::FileId file) {
    queue_flush(file);
    return finish();
}

}  // namespace penstock::log
