#include "log/file_pool.h"

#include <algorithm>

#include "base/assert.h"

namespace penstock::log {
namespace {

constexpr int64_t pool_retry_ns = second_ns / 2;  // after the disk refused

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
    auto file = take_ready(file_class);
    if (!file) waited_for_[file_class] = true;
    return file;
}

std::optional<io::FileId> FilePool::take_spare(uint8_t file_class) {
    if (ready_count() < 2) return std::nullopt;
    return take_ready(file_class);
}

std::optional<io::FileId> FilePool::take_ready(uint8_t file_class) {
    PENSTOCK_ASSERT(file_class < file_class_count);
    for (uint8_t step = 0; step < file_class_count; ++step) {
        const auto c = static_cast<uint8_t>(step <= file_class ? file_class - step : step);
        if (ready_[c].empty()) continue;
        io::FileId file = ready_[c].back();
        ready_[c].pop_back();
        in_use_bytes_ += bytes_of(c);
        return file;
    }
    return std::nullopt;
}

void FilePool::give(io::FileId file) {
    uint8_t c = class_of_kind(file.kind);
    PENSTOCK_ASSERT(in_use_bytes_ >= bytes_of(c));
    in_use_bytes_ -= bytes_of(c);
    disk_full_ = false;
    class_max_ = file_class_count - 1;
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

uint64_t FilePool::making(uint8_t file_class) const {
    return static_cast<uint64_t>(std::ranges::count_if(
        makers_, [&](const Maker& m) { return m.file && class_of_kind(m.file->kind) == file_class; }));
}

Nanos FilePool::next_begin() const {
    return urgent() ? retry_at_ : std::max({retry_at_, refill_at_, std::min(paced_until_, loaded_until_)});
}

bool FilePool::urgent() const {
    return ready_count() == 0 && std::ranges::any_of(waited_for_, [](bool waited) { return waited; });
}

std::optional<uint8_t> FilePool::wanted_class() const {
    for (uint8_t c = 0; c < file_class_count; ++c) {
        if (urgent() && waited_for_[c]) return c;
    }
    for (uint8_t c = 0; c < file_class_count; ++c) {
        if (ready_[c].size() + making(c) < target(c)) return c;
    }
    return std::nullopt;
}

uint64_t FilePool::made_bytes() const {
    uint64_t bytes = in_use_bytes_;
    for (uint8_t c = 0; c < file_class_count; ++c) bytes += (ready_[c].size() + making(c)) * bytes_of(c);
    return bytes;
}

/// Not while a file is removed: it was in the way of one that somebody waits for.
bool FilePool::may_begin() const {
    return !stopped_ && !yielding_ && std::ranges::none_of(makers_, [](const Maker& m) {
        return m.under_way && m.step.kind == StepKind::remove;
    });
}

bool FilePool::begin_file(Maker& maker, Nanos now) {
    auto wanted = wanted_class();
    if (!wanted) return false;
    const bool waited = urgent();
    uint8_t c = *wanted;
    const auto fits = [&] {
        const bool within = options_.limit_bytes == 0 || made_bytes() + bytes_of(c) <= options_.limit_bytes;
        return c <= class_max_ && within;
    };
    while (waited && c > 0 && !fits()) --c;  // who waits gets a smaller one rather than none
    if (!fits()) {
        disk_full_ |= waited;
        class_max_ = file_class_count - 1;   // the next try may find that others have made room
        (waited ? retry_at_ : refill_at_) = now + pool_retry_ns;
        return false;
    }
    maker.file = io::FileId{kind_of_class(c), next_number_};
    next_number_ += options_.stride;
    maker.made_to = 0;
    maker.step = {StepKind::create, 0, *maker.file, 0, 0};
    return true;
}

bool FilePool::begin_step(Maker& maker, Nanos now) {
    if (maker.file) return true;
    if (!half_made_.empty()) {
        maker.step = {StepKind::remove, 0, half_made_.back(), 0, 0};
        half_made_.pop_back();
        return true;
    }
    return may_begin() && begin_file(maker, now);
}

std::optional<FilePool::Step> FilePool::next_step(Nanos now) {
    const bool hurry = urgent();
    if (now < next_begin()) return std::nullopt;
    for (uint32_t i = 0; i < makers_max; ++i) {
        Maker& maker = makers_[i];
        if (!maker.under_way && begin_step(maker, now)) {
            maker.under_way = true;
            maker.step.maker = i;
            return maker.step;
        }
        if (!hurry && maker.under_way) return std::nullopt;
    }
    return std::nullopt;
}

void FilePool::step_done(uint32_t index, bool ok, Errc error, Nanos now) {
    Maker& maker = makers_[index];
    PENSTOCK_ASSERT(maker.under_way);
    maker.under_way = false;
    const Step done = maker.step;
    if (done.kind == StepKind::remove) return;  // a file that stays is found at the next start
    if (!ok) {
        const uint8_t refused = class_of_kind(maker.file->kind);
        if (done.kind != StepKind::create) half_made_.push_back(*maker.file);
        maker.file.reset();
        if (error == Errc::disk_full && refused > 0 && urgent()) {
            class_max_ = std::min<uint8_t>(class_max_, refused - 1);
            return;  // what was made of it goes first, then a smaller one comes
        }
        disk_full_ |= error == Errc::disk_full && urgent();
        (urgent() ? retry_at_ : refill_at_) = now + pool_retry_ns;
        return;
    }
    if (done.kind == StepKind::flush) {
        ready_[class_of_kind(maker.file->kind)].push_back(*maker.file);
        waited_for_.fill(false);  // who waits takes any; who finds none says so again
        if (now >= retry_at_) disk_full_ = false;  // else another maker was refused meanwhile
        maker.file.reset();
        return;
    }
    if (done.kind == StepKind::write) maker.made_to += done.size;
    const uint64_t left = bytes_of(class_of_kind(maker.file->kind)) - maker.made_to;
    maker.step = left > 0 ? Step{StepKind::write, 0, *maker.file, maker.made_to, std::min(left, step_bytes)}
                          : Step{StepKind::flush, 0, *maker.file, 0, 0};
    if (options_.bytes_per_s > 0 && done.kind == StepKind::write) {
        paced_until_ = now + static_cast<int64_t>(done.size * static_cast<uint64_t>(second_ns) / options_.bytes_per_s);
    }
}

void FilePool::yield() {
    yielding_ = true;
    for (Maker& maker : makers_) {
        if (!maker.file || maker.under_way) continue;
        if (maker.step.kind != StepKind::create) half_made_.push_back(*maker.file);
        maker.file.reset();
    }
    if (!half_made_.empty()) return;
    for (auto& ready : ready_) {
        if (ready.empty()) continue;
        half_made_.push_back(ready.back());
        ready.pop_back();
        return;
    }
}

bool FilePool::idle() const {
    return std::ranges::none_of(makers_, &Maker::under_way);
}

Nanos FilePool::next_deadline() const {
    const bool hurry = urgent();
    const bool begun = std::ranges::any_of(makers_, [](const Maker& m) { return m.file && !m.under_way; });
    const bool more = begun || !half_made_.empty() || (may_begin() && wanted_class());
    const bool free = std::ranges::any_of(makers_, [](const Maker& m) { return !m.under_way; });
    return more && free && (hurry || idle()) ? next_begin() : never;
}

uint64_t FilePool::ready_count() const {
    uint64_t n = 0;
    for (const auto& ready : ready_) n += ready.size();
    return n;
}

}  // namespace penstock::log
