// What each operation does to the medium when it completes.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "sim/directory.h"
#include "sim/disk.h"

namespace penstock::sim {

namespace {

}  // namespace

void Directory::complete(Operation& operation) {
    ++event_count_;
    const io::DiskCompletion completion = perform(operation);
    if (operation.disk == nullptr) return;
    operation.disk->finished_.push_back(completion);
    --operation.disk->in_flight_;
}

io::DiskCompletion Directory::perform(Operation& operation) {
    const io::DiskOp& op = operation.op;
    io::DiskCompletion completion{.token = op.token, .bytes = 0, .ok = false, .error = {}};
    if (io::is_write(op.kind) && operation.disk != nullptr) check_unchanged(operation);
    if (op.kind == io::DiskOpKind::create && files_.contains(op.file)) {
        completion.error = {Errc::exists};
        return completion;
    }
    if (op.kind != io::DiskOpKind::create && (!operation.file || !files_.contains(op.file))) {
        completion.error = {Errc::not_found};
        return completion;
    }
    if (operation.failure) {
        if (io::is_write(op.kind)) tear_failed_write(operation);
        completion.error = *operation.failure;
        return completion;
    }
    switch (op.kind) {
        case io::DiskOpKind::read: completion.bytes = perform_read(operation); break;
        case io::DiskOpKind::write:
        case io::DiskOpKind::write_durable:
            if (const auto error = perform_write(operation)) {
                completion.error = *error;
                return completion;
            }
            completion.bytes = operation.blocks.size() * io::block_size;
            break;
        case io::DiskOpKind::flush: perform_flush(operation); break;
        case io::DiskOpKind::create: perform_create(operation); break;
        case io::DiskOpKind::remove: perform_remove(operation); break;
    }
    completion.ok = true;
    return completion;
}

// A block that a write in flight overlaps may be seen half old and half new.
uint64_t Directory::perform_read(Operation& operation) {
    const File& file = *operation.file;
    uint64_t at = operation.op.offset, bytes = 0;
    for (const io::MutableFragment& fragment : operation.fragments) {
        for (uint32_t done = 0; done + io::block_size <= fragment.size; done += io::block_size, at += io::block_size) {
            if (at >= file.visible_size) return bytes;
            BlockRef block = visible_block(file, at / io::block_size);
            for (const auto& [due, other] : operations_) {
                const uint64_t index = (at - other.op.offset) / io::block_size;
                if (io::is_write(other.op.kind) && other.file == operation.file && at >= other.op.offset &&
                    index < other.blocks.size())
                    block = mix_blocks(block, other.blocks[index], static_cast<uint32_t>(random_.below(256)));
            }
            std::memcpy(fragment.data + done, block->bytes.data(), io::block_size);
            bytes += io::block_size;
        }
    }
    return bytes;
}

std::optional<Error> Directory::perform_write(Operation& operation) {
    File& file = *operation.file;
    const uint64_t first = operation.op.offset / io::block_size;
    const bool durable = operation.op.kind == io::DiskOpKind::write_durable;
    uint64_t free_blocks = UINT64_MAX;
    if (options_.capacity_bytes != 0) {
        const uint64_t used = used_bytes();
        free_blocks = used < options_.capacity_bytes ? (options_.capacity_bytes - used) / io::block_size : 0;
    }
    size_t count = 0;  // blocks that found room
    for (; count < operation.blocks.size(); ++count) {
        if (file.visible.at(first + count)) continue;
        if (free_blocks == 0) break;
        --free_blocks;
    }
    const bool full = count < operation.blocks.size();
    operation.blocks.resize(count);
    for (size_t i = 0; i < count; ++i) {
        file.visible.set(first + i, operation.blocks[i]);
        if (durable && !full) {
            file.durable.set(first + i, operation.blocks[i]);
            drop_cached(file, first + i);
        }
    }
    const uint64_t end = count == 0 ? 0 : (first + count) * io::block_size;
    file.visible_size = std::max(file.visible_size, end);
    if (durable && !full) file.durable_size = std::max(file.durable_size, end);
    else if (count > 0) file.cached.push_back({operation.number, event_count_, first, operation.blocks});
    if (full) return Error{Errc::disk_full, 28};
    return std::nullopt;
}

// What a failed write did is decided here, sector by sector; none of it is durable.
void Directory::tear_failed_write(Operation& operation) {
    File& file = *operation.file;
    const uint64_t first = operation.op.offset / io::block_size;
    size_t count = 0;
    for (size_t i = 0; i < operation.blocks.size(); ++i) {
        const auto sectors = static_cast<uint32_t>(random_.below(256));
        // A failing write does not allocate: beyond the end it leaves a shorter file.
        if (!file.visible.at(first + i) && sectors % 2 == 0) break;
        operation.blocks[i] = mix_blocks(visible_block(file, first + i), operation.blocks[i], sectors);
        file.visible.set(first + i, operation.blocks[i]);
        file.visible_size = std::max(file.visible_size, (first + i + 1) * io::block_size);
        ++count;
    }
    operation.blocks.resize(count);
    if (count > 0) file.cached.push_back({operation.number, event_count_, first, operation.blocks});
}

void Directory::perform_flush(const Operation& operation) {
    File& file = *operation.file;
    std::erase_if(file.cached, [&](const Write& write) {
        if (write.completed_at > operation.submitted_at) return false;
        for (size_t i = 0; i < write.blocks.size(); ++i)
            if (write.blocks[i]) file.durable.set(write.first_block + i, write.blocks[i]);
        file.durable_size =
            std::max(file.durable_size, (write.first_block + write.blocks.size()) * io::block_size);
        return true;
    });
}

void Directory::perform_create(const Operation& operation) {
    std::erase_if(removed_, [&](const Removed& removed) {
        return removed.file == operation.op.file ||
               (removed.file.kind == operation.op.file.kind && removed.completed_at < operation.submitted_at);
    });
    auto file = std::make_shared<File>();
    file->garbage_seed = random_.next();
    files_.emplace(operation.op.file, std::move(file));
}

void Directory::perform_remove(const Operation& operation) {
    files_.erase(operation.op.file);
    removed_.push_back({operation.op.file, operation.file, event_count_});
}

}  // namespace penstock::sim
