#include "sim/directory.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/assert.h"
#include "sim/disk.h"

namespace penstock::sim {

namespace {

constexpr size_t violations_max = 100;

}  // namespace

Directory::Directory(const DirectoryOptions& options) : options_(options), random_(options.seed) {}

Directory::~Directory() = default;

std::string to_text(io::FileId file) {
    static constexpr const char* folders[] = {"super", "journal", "checkpoint", "pool-1m", "pool-4m", "pool-16m"};
    static_assert(std::size(folders) == io::file_kind_count);
    const auto kind = static_cast<size_t>(file.kind);
    return std::string(kind < std::size(folders) ? folders[kind] : "?") + "/" + std::to_string(file.number);
}

// Time.

void Directory::step(Nanos now) {
    while (!operations_.empty() && operations_.begin()->first.first <= now.value) complete_one();
    now_ = std::max(now_, now);
}

bool Directory::complete_one() {
    if (operations_.empty()) return false;
    auto node = operations_.extract(operations_.begin());
    now_ = std::max(now_, Nanos(node.key().first));
    complete(node.mapped());
    if (observer_ != nullptr) observer_->on_completed(*this);
    return true;
}

Nanos Directory::next_completion() const {
    return operations_.empty() ? never : Nanos(operations_.begin()->first.first);
}

void Directory::stall_until(Nanos time) {
    stalled_until_ = time;
    std::map<Due, Operation> later;
    for (auto it = operations_.begin(); it != operations_.end();) {
        auto node = operations_.extract(it++);
        node.key().first = std::max(node.key().first, time.value);
        later.insert(std::move(node));
    }
    operations_ = std::move(later);
}

// Submission.

void Directory::submit(Disk& disk, const io::DiskOp& op) {
    Operation operation{.number = ++operation_count_, .submitted_at = ++event_count_, .op = op,
                        .fragments = {op.fragments.begin(), op.fragments.end()}, .disk = &disk};
    operation.op.fragments = operation.fragments;
    if (options_.lies && op.kind == io::DiskOpKind::write_durable) operation.op.kind = io::DiskOpKind::write;
    const auto file = files_.find(op.file);
    if (file != files_.end() && op.kind != io::DiskOpKind::create) operation.file = file->second;
    operation.failure = injected_failure(op);
    check_submission(operation);
    if (io::is_write(op.kind)) {
        for (const io::MutableFragment& fragment : operation.fragments)
            for (uint32_t at = 0; at + io::block_size <= fragment.size; at += io::block_size)
                operation.blocks.push_back(make_block(fragment.data + at));
        check_overlap(operation);
    }
    const auto spread = static_cast<uint64_t>(options_.delay_ns_max - options_.delay_ns_min);
    // Now and then something takes ten or a hundred times as long, so that much overtakes it.
    const int64_t delay = options_.delay_ns_min + static_cast<int64_t>(random_.below(spread + 1));
    const int64_t slow = random_.chance(1, 16) ? (random_.chance(1, 8) ? 100 : 10) : 1;
    const Due due{std::max(now_.value + delay * slow, stalled_until_.value), operation.number};
    operations_.emplace(due, std::move(operation));
    ++disk.in_flight_;
}

void Directory::submitted() {
    if (observer_ != nullptr) observer_->on_submitted(*this);
}

// Runs what the dead process had submitted, without looking at its memory again.
void Directory::abandon(Disk& disk) {
    for (auto it = operations_.begin(); it != operations_.end();) {
        if (it->second.disk != &disk) {
            ++it;
            continue;
        }
        auto node = operations_.extract(it++);
        node.mapped().disk = nullptr;
        if (node.mapped().op.kind != io::DiskOpKind::read) complete(node.mapped());
    }
}

std::optional<Error> Directory::injected_failure(const io::DiskOp& op) {
    if (exhausted()) return Error{Errc::io};
    for (Fault& fault : faults_) {
        if ((fault.kinds & fault_kind(op.kind)) == 0) continue;
        if (fault.folder && *fault.folder != op.file.kind) continue;
        if (fault.skip > 0) {
            --fault.skip;
        } else if (fault.count > 0) {
            --fault.count;
            return fault.error;
        }
    }
    return std::nullopt;
}

// Checks.

void Directory::check_submission(const Operation& operation) {
    const io::DiskOp& op = operation.op;
    if (op.kind == io::DiskOpKind::remove || op.kind == io::DiskOpKind::create) {
        for (const auto& [due, other] : operations_)
            if (other.op.file == op.file) violation(operation, "with another operation on the file in flight");
        return;
    }
    if (op.kind == io::DiskOpKind::flush) return;
    if (op.offset % io::block_size != 0) violation(operation, "at an unaligned offset");
    if (op.fragments.empty()) violation(operation, "of nothing");
    if (op.fragments.size() > io::max_fragments) violation(operation, "of too many fragments");
    for (const io::MutableFragment& fragment : op.fragments) {
        if (fragment.size == 0 || fragment.size % io::block_size != 0) violation(operation, "of an unaligned size");
        if (reinterpret_cast<uintptr_t>(fragment.data) % io::block_size != 0)
            violation(operation, "at an unaligned address");
    }
}

// Two writes of one block that differ leave the outcome to chance.
void Directory::check_overlap(const Operation& operation) {
    const uint64_t first = operation.op.offset / io::block_size;
    const uint64_t end = first + operation.blocks.size();
    for (const auto& [due, other] : operations_) {
        if (!io::is_write(other.op.kind) || other.op.file != operation.op.file) continue;
        const uint64_t other_first = other.op.offset / io::block_size;
        const uint64_t from = std::max(first, other_first);
        const uint64_t to = std::min(end, other_first + other.blocks.size());
        for (uint64_t i = from; i < to; ++i) {
            if (operation.blocks[i - first]->bytes == other.blocks[i - other_first]->bytes) continue;
            violation(operation, "over a different write of the same block in flight");
            break;
        }
    }
}

void Directory::check_unchanged(const Operation& operation) {
    size_t block = 0;
    for (const io::MutableFragment& fragment : operation.fragments)
        for (uint32_t at = 0; at + io::block_size <= fragment.size; at += io::block_size, ++block)
            if (std::memcmp(fragment.data + at, operation.blocks[block]->bytes.data(), io::block_size) != 0) {
                violation(operation, "whose buffer changed in flight");
                return;
            }
}

void Directory::violation(const Operation& operation, const char* what) {
    static constexpr const char* kinds[] = {"read", "write", "write_durable", "flush", "create", "remove"};
    if (violations_.size() >= violations_max) return;
    violations_.push_back(std::string(kinds[static_cast<size_t>(operation.op.kind)]) + " #" +
                          std::to_string(operation.number) + " of " + to_text(operation.op.file) + " at " +
                          std::to_string(operation.op.offset) + " " + what);
}

// Faults and views.

bool Directory::rot(io::FileId id, uint64_t index, uint64_t seed) {
    const auto it = files_.find(id);
    if (it == files_.end()) return false;
    File& file = *it->second;
    const BlockRef visible = file.visible.at(index);
    if (!visible) return false;
    Random random(seed);
    auto rotten = std::make_shared<Block>(*visible);
    const uint64_t flips = random.between(1, 3);
    const uint64_t sector = random.below(sectors_per_block);
    // The bits are distinct, so that two flips never cancel each other.
    const uint64_t start = random.below(sector_size * 8);
    for (uint64_t i = 0; i < flips; ++i) {
        const uint64_t bit = sector * sector_size * 8 + (start + i * 31) % (sector_size * 8);
        rotten->bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    file.visible.set(index, rotten);
    file.durable.set(index, rotten);
    drop_cached(file, index);
    return true;
}

void Directory::set_operations_max(uint64_t count) {
    options_.operations_max = count == 0 ? 0 : operation_count_ + count;
}

std::vector<io::FileEntry> Directory::files() const {
    std::vector<io::FileEntry> out;
    for (const auto& [id, file] : files_) out.push_back({id, file->visible_size});
    return out;
}

std::vector<std::byte> Directory::contents(io::FileId id) const {
    const auto it = files_.find(id);
    if (it == files_.end()) return {};
    const File& file = *it->second;
    std::vector<std::byte> out(file.visible_size);
    for (uint64_t at = 0; at < file.visible_size; at += io::block_size)
        std::memcpy(out.data() + at, visible_block(file, at / io::block_size)->bytes.data(),
                    std::min<uint64_t>(io::block_size, file.visible_size - at));
    return out;
}

void Directory::replace(io::FileId id, std::span<const std::byte> bytes) {
    auto file = std::make_shared<File>();
    file->garbage_seed = random_.next();
    for (uint64_t at = 0; at < bytes.size(); at += io::block_size) {
        Block block{};
        std::memcpy(block.bytes.data(), bytes.data() + at, std::min<size_t>(io::block_size, bytes.size() - at));
        file->visible.set(at / io::block_size, make_block(block.bytes.data()));
    }
    file->durable = file->visible;
    file->visible_size = file->durable_size = align_up(bytes.size(), io::block_size);
    files_[id] = std::move(file);
}

uint64_t Directory::used_bytes() const {
    uint64_t blocks = 0;
    for (const auto& [id, file] : files_) blocks += file->visible.blocks_written();
    return blocks * io::block_size;
}

BlockRef Directory::unwritten_block(const File& file, uint64_t index) const {
    static constexpr Block zeros{};
    if (options_.zero_gaps) return make_block(zeros.bytes.data());
    return garbage_block(mix64(file.garbage_seed) + index);
}

BlockRef Directory::visible_block(const File& file, uint64_t index) const {
    BlockRef block = file.visible.at(index);
    return block ? block : unwritten_block(file, index);
}

BlockRef Directory::durable_block(const File& file, uint64_t index) const {
    BlockRef block = file.durable.at(index);
    return block ? block : unwritten_block(file, index);
}

void Directory::drop_cached(File& file, uint64_t index) {
    for (Write& write : file.cached)
        if (index >= write.first_block && index - write.first_block < write.blocks.size())
            write.blocks[index - write.first_block] = nullptr;
}

}  // namespace penstock::sim
