#include "log/file_pool.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::log {
namespace {

constexpr int64_t retry_ns = second_ns / 2;  // after the disk refused

uint64_t bytes_of(uint8_t file_class) { return geometry(kind_of_class(file_class)).file_bytes; }

}  // namespace

FilePool::FilePool(const Options& options, std::vector<io::FileId> ready, std::vector<io::FileId> half_made)
    : options_(options),
      half_made_(std::move(half_made)),
      next_number_(options.first_number),
      in_use_bytes_(options.in_use_bytes) {
    PENSTOCK_ASSERT(options.stride > 0);
    for (io::FileId file : ready) ready_[class_of_kind(file.kind)].push_back(file);
}

std::optional<io::FileId> FilePool::take(uint8_t file_class) {
    PENSTOCK_ASSERT(file_class < file_class_count);
    for (uint8_t c = file_class + 1; c > 0; --c) {
        auto& ready = ready_[c - 1u];
        if (ready.empty()) continue;
        io::FileId file = ready.back();
        ready.pop_back();
        in_use_bytes_ += bytes_of(static_cast<uint8_t>(c - 1));
        return file;
    }
    waited_for_[file_class] = true;
    return std::nullopt;
}

void FilePool::give(io::FileId file) {
    uint8_t c = class_of_kind(file.kind);
    PENSTOCK_ASSERT(in_use_bytes_ >= bytes_of(c));
    in_use_bytes_ -= bytes_of(c);
    disk_full_ = false;
    // Twice the target is plenty: the rest of the space belongs to whoever else uses the filesystem.
    if (ready_[c].size() >= 2 * target(c) + 4) {
        half_made_.push_back(file);
    } else {
        ready_[c].push_back(file);
    }
}

uint64_t FilePool::target(uint8_t file_class) const {
    // A quarter of the budget in small files, a quarter in middle ones, the rest in large ones; one of each at least.
    uint64_t share = file_class == 2 ? options_.ready_bytes / 2 : options_.ready_bytes / 4;
    return std::max<uint64_t>(1, share / bytes_of(file_class));
}

std::optional<uint8_t> FilePool::wanted_class() const {
    for (uint8_t c = 0; c < file_class_count; ++c) {
        if (waited_for_[c] && ready_[c].empty()) return c;
    }
    for (uint8_t c = 0; c < file_class_count; ++c) {
        if (ready_[c].size() < target(c)) return c;
    }
    return std::nullopt;
}

uint64_t FilePool::made_bytes() const {
    uint64_t bytes = in_use_bytes_;
    for (uint8_t c = 0; c < file_class_count; ++c) bytes += ready_[c].size() * bytes_of(c);
    return bytes;
}

bool FilePool::begin_file(Nanos now) {
    auto wanted = wanted_class();
    if (!wanted) return false;
    if (options_.limit_bytes != 0 && made_bytes() + bytes_of(*wanted) > options_.limit_bytes) {
        disk_full_ = waited_for_[*wanted];
        not_before_ = now + retry_ns;
        return false;
    }
    making_ = io::FileId{kind_of_class(*wanted), next_number_};
    next_number_ += options_.stride;
    made_to_ = 0;
    step_ = Step{StepKind::create, *making_, 0, 0};
    return true;
}

std::optional<FilePool::Step> FilePool::next_step(Nanos now) {
    if (under_way_ || now < not_before_) return std::nullopt;
    if (!making_ && !half_made_.empty()) {
        step_ = Step{StepKind::remove, half_made_.back(), 0, 0};
        half_made_.pop_back();
    } else if (!making_) {
        if (stopped_ || !begin_file(now)) return std::nullopt;
    }
    under_way_ = true;
    return step_;
}

void FilePool::step_done(bool ok, Errc error, Nanos now) {
    PENSTOCK_ASSERT(under_way_);
    PENSTOCK_ASSERT(step_.has_value());
    under_way_ = false;
    Step done = *step_;
    step_.reset();
    if (done.kind == StepKind::remove) return;  // a file that stays is found at the next start
    if (!ok) {
        if (error == Errc::disk_full) disk_full_ = true;
        if (done.kind != StepKind::create) half_made_.push_back(*making_);
        making_.reset();
        not_before_ = now + retry_ns;
        return;
    }
    uint8_t c = class_of_kind(making_->kind);
    if (done.kind == StepKind::write) made_to_ += done.size;
    if (done.kind == StepKind::flush) {
        ready_[c].push_back(*making_);
        waited_for_[c] = false;
        disk_full_ = false;
        making_.reset();
        return;
    }
    uint64_t left = bytes_of(c) - made_to_;
    step_ = left > 0 ? Step{StepKind::write, *making_, made_to_, std::min(left, step_bytes)}
                     : Step{StepKind::flush, *making_, 0, 0};
    bool urgent = waited_for_[0] || waited_for_[1] || waited_for_[2];
    if (!urgent && options_.bytes_per_s > 0 && done.kind == StepKind::write) {
        not_before_ = now + static_cast<int64_t>(done.size * static_cast<uint64_t>(second_ns) / options_.bytes_per_s);
    }
}

Nanos FilePool::next_deadline() const {
    if (under_way_) return never;
    if (making_ || !half_made_.empty()) return not_before_;
    return !stopped_ && wanted_class() ? not_before_ : never;
}

uint64_t FilePool::ready_count() const {
    uint64_t n = 0;
    for (const auto& ready : ready_) n += ready.size();
    return n;
}

}  // namespace penstock::log
