#include "uring/disk.h"

#include <fcntl.h>
#include <liburing.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/assert.h"

namespace penstock::uring {

namespace {

constexpr uint8_t attempts_max = 64;  ///< EAGAIN and EINTR in a row, before they count as an error
constexpr uint32_t files_open_min = 16;

Errc code_of(int os_error) {
    switch (os_error) {
        case ENOSPC:
        case EDQUOT: return Errc::disk_full;
        case ENOENT: return Errc::not_found;
        case EEXIST: return Errc::exists;
        default: return Errc::io;
    }
}

bool passes(int32_t result) { return result == -EAGAIN || result == -EINTR; }

}  // namespace

struct Disk::Operation {
    io::DiskOp op;
    Step step = Step::transfer;
    uint8_t attempts = 0;
    uint32_t slot = none;  ///< it is a user of this file
    uint32_t next = none;
    uint64_t size = 0, done = 0;
    bool ok = false;
    Error error;
    char name[DataDirectory::name_size] = {};  ///< what unlink removes
};

socket::Opened<std::unique_ptr<Disk>> Disk::create(Ring& ring, const DataDirectory& directory,
                                                    const DiskOptions& options) {
    rlimit limit{};
    uint64_t slot_count = options.files_open_max;
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) slot_count = std::min<uint64_t>(slot_count, limit.rlim_cur / 2);
    slot_count = std::max<uint64_t>(slot_count, files_open_min);
    const int result = io_uring_register_files_sparse(ring.native(), static_cast<unsigned>(slot_count));
    if (result < 0) {
        return std::unexpected(socket::Failure{{Errc::io, -result},
            "cannot register a table of " + std::to_string(slot_count) + " files: " +
            std::strerror(-result) + "; raise the limit of open files (ulimit -n, LimitNOFILE=)"});
    }
    return std::unique_ptr<Disk>(new Disk(ring, directory, options, static_cast<uint32_t>(slot_count)));
}

Disk::Disk(Ring& ring, const DataDirectory& directory, const DiskOptions& options, uint32_t slot_count)
    : ring_(ring), directory_(directory), client_(ring.attach(*this)), table_(slot_count), files_(slot_count),
      operations_(options.operations_max),
      vectors_(std::make_unique_for_overwrite<iovec[]>(size_t{options.operations_max} * io::max_fragments)) {
    PENSTOCK_ASSERT(options.operations_max > 0);
    for (uint32_t i = options.operations_max; i-- > 0;) {
        operations_[i].next = free_;
        free_ = i;
    }
}

Disk::~Disk() {
    while (under_way_ > 0) {
        io::DiskCompletion dropped[64];
        while (poll(dropped) > 0) {}  // a ring with events does not wait
        if (under_way_ > 0) ring_.wait_until(never);
    }
    ring_.detach(client_);
    io_uring_unregister_files(ring_.native());
}

size_t Disk::submit(std::span<const io::DiskOp> ops) {
    size_t taken = 0;
    while (taken < ops.size() && free_ != none && start(ops[taken])) ++taken;
    return taken;
}

size_t Disk::poll(std::span<io::DiskCompletion> out) {
    size_t n = 0;
    for (; n < out.size() && finished_head_ != none; ++n) {
        const uint32_t index = finished_head_;
        Operation& op = operations_[index];
        finished_head_ = op.next;
        if (finished_head_ == none) finished_tail_ = none;
        out[n] = {op.op.token, op.done, op.ok, op.error};
        op.next = free_;
        free_ = index;
    }
    return n;
}

void Disk::wait() {
    while (!has_events()) {
        PENSTOCK_ASSERT(under_way_ > 0);
        ring_.wait_until(never);
    }
}

Result<std::vector<io::FileEntry>> Disk::list() { return directory_.list(); }

Result<io::DiskSpace> Disk::space() { return directory_.space(); }

io_uring_sqe* Disk::next_sqe(Target target, uint32_t index) {
    ++under_way_;
    return ring_.next_sqe(client_, uint64_t{static_cast<uint8_t>(target)} << 32 | index);
}

void Disk::on_complete(uint64_t data, int32_t result, uint32_t) {
    PENSTOCK_ASSERT(under_way_ > 0);
    --under_way_;
    const auto index = static_cast<uint32_t>(data);
    switch (static_cast<Target>(data >> 32)) {
        case Target::operation: on_operation(index, result); break;
        case Target::open: on_opened(index, result); break;
        case Target::close: table_.free(index); break;  // it closed, or there was nothing in the slot
    }
}

// Starting: which file, and is it open?

bool Disk::start(const io::DiskOp& op) {
    PENSTOCK_ASSERT(op.fragments.size() <= io::max_fragments);
    PENSTOCK_ASSERT(op.offset % io::block_size == 0);
    const uint32_t index = free_;
    Operation& operation = operations_[index];
    const uint32_t next_free = operation.next;
    operation = Operation{.op = op};
    for (const io::MutableFragment& fragment : op.fragments) {
        PENSTOCK_ASSERT(fragment.size % io::block_size == 0);
        PENSTOCK_ASSERT(reinterpret_cast<uintptr_t>(fragment.data) % io::block_size == 0);
        operation.size += fragment.size;
    }
    const bool transfers = op.kind <= io::DiskOpKind::write_durable;
    PENSTOCK_ASSERT(transfers == (operation.size > 0));
    free_ = next_free;
    if (directory_.read_only() && op.kind != io::DiskOpKind::read) {
        finish(index, Errc::refused, EROFS);
    } else if (directory_.folder(op.file.kind) < 0) {
        finish(index, Errc::not_found, ENOENT);
    } else if (op.kind == io::DiskOpKind::remove) {
        start_remove(index);
    } else if (!start_on_file(index)) {
        operation.next = free_;
        free_ = index;
        return false;
    }
    return true;
}

bool Disk::start_on_file(uint32_t index) {
    Operation& operation = operations_[index];
    const bool create = operation.op.kind == io::DiskOpKind::create;
    const bool sync = create || operation.op.kind == io::DiskOpKind::flush;
    operation.step = sync ? Step::sync_file : Step::transfer;
    const uint32_t known = table_.find(operation.op.file);
    if (known != none && create) {
        finish(index, Errc::exists, EEXIST);
        return true;
    }
    if (known != none) {
        table_.add_user(known);
        operation.slot = known;
    } else {
        const FileTable::Taken taken = table_.take(operation.op.file);
        if (taken.slot == none) return false;
        operation.slot = taken.slot;
        // Opening over a slot that still holds an unused file closes that one.
        files_[taken.slot] = File{.create = create, .id = operation.op.file};
        open_file(taken.slot);
    }
    File& file = files_[operation.slot];
    if (file.open) {
        issue(index);
    } else {
        operation.next = file.waiting;
        file.waiting = index;
    }
    return true;
}

void Disk::start_remove(uint32_t index) {
    Operation& operation = operations_[index];
    operation.step = Step::unlink;
    // What is under way on the file goes on; the slot closes after its last user.
    const uint32_t slot = table_.find(operation.op.file);
    if (slot != none && table_.forget(slot)) close_file(slot);
    issue(index);
}

void Disk::open_file(uint32_t slot) {
    File& file = files_[slot];
    int flags = directory_.read_only() ? O_RDONLY : O_RDWR;
    if (directory_.direct()) flags |= O_DIRECT;
    if (file.create) flags |= O_CREAT | O_EXCL;
    DataDirectory::file_name(file.id.number, file.name);
    const int folder = directory_.folder(file.id.kind);
    io_uring_prep_openat_direct(next_sqe(Target::open, slot), folder, file.name, flags, 0640, slot);
    ++counters_.opens;
}

void Disk::on_opened(uint32_t slot, int32_t result) {
    File& file = files_[slot];
    if (passes(result) && ++file.attempts < attempts_max) {
        ++counters_.retries;
        open_file(slot);
        return;
    }
    file.open = result >= 0;
    if (!file.open && table_.known(slot)) {
        [[maybe_unused]] const bool unused = table_.forget(slot);
        PENSTOCK_ASSERT(!unused);  // the operations below use it; the last of them closes the slot
    }
    // The list is newest first; turn it round, so that operations start in the order they came.
    uint32_t first = none;
    for (uint32_t index = std::exchange(file.waiting, none); index != none;) {
        const uint32_t next = std::exchange(operations_[index].next, first);
        first = std::exchange(index, next);
    }
    while (first != none) {
        const uint32_t index = std::exchange(first, operations_[first].next);
        if (result >= 0) issue(index);
        else finish(index, code_of(-result), -result);
    }
}

void Disk::close_file(uint32_t slot) {
    files_[slot].open = false;
    io_uring_prep_close_direct(next_sqe(Target::close, slot), slot);
}

// Going on: one step after the other until the operation is whole.

void Disk::issue(uint32_t index) {
    Operation& operation = operations_[index];
    if (operation.step == Step::transfer) {
        issue_transfer(index);
        return;
    }
    io_uring_sqe* sqe = next_sqe(Target::operation, index);
    const int folder = directory_.folder(operation.op.file.kind);
    switch (operation.step) {
        case Step::sync_file:
            // A new file needs its whole inode on disk; later only what is needed to read the data back.
            io_uring_prep_fsync(sqe, static_cast<int>(operation.slot),
                                operation.op.kind == io::DiskOpKind::create ? 0 : IORING_FSYNC_DATASYNC);
            sqe->flags |= IOSQE_FIXED_FILE;
            break;
        case Step::sync_folder: io_uring_prep_fsync(sqe, folder, 0); break;
        case Step::unlink:
            DataDirectory::file_name(operation.op.file.number, operation.name);
            io_uring_prep_unlinkat(sqe, folder, operation.name, 0);
            break;
        case Step::transfer: break;  // above
    }
}

void Disk::issue_transfer(uint32_t index) {
    Operation& operation = operations_[index];
    iovec* vectors = &vectors_[size_t{index} * io::max_fragments];
    unsigned count = 0;
    uint64_t skip = operation.done;
    for (const io::MutableFragment& fragment : operation.op.fragments) {
        if (skip >= fragment.size) {
            skip -= fragment.size;
            continue;
        }
        vectors[count++] = {fragment.data + skip, fragment.size - skip};
        skip = 0;
    }
    io_uring_sqe* sqe = next_sqe(Target::operation, index);
    const auto slot = static_cast<int>(operation.slot);
    const uint64_t offset = operation.op.offset + operation.done;
    const bool read = operation.op.kind == io::DiskOpKind::read;
    if (count == 1) {  // spares the kernel the import of the vectors
        const auto size = static_cast<unsigned>(vectors[0].iov_len);
        if (read) io_uring_prep_read(sqe, slot, vectors[0].iov_base, size, offset);
        else io_uring_prep_write(sqe, slot, vectors[0].iov_base, size, offset);
    } else {
        if (read) io_uring_prep_readv(sqe, slot, vectors, count, offset);
        else io_uring_prep_writev(sqe, slot, vectors, count, offset);
    }
    sqe->flags |= IOSQE_FIXED_FILE;
    if (operation.op.kind == io::DiskOpKind::write_durable && directory_.direct()) sqe->rw_flags = RWF_DSYNC;
}

void Disk::on_operation(uint32_t index, int32_t result) {
    Operation& operation = operations_[index];
    if (passes(result) && ++operation.attempts < attempts_max) {
        ++counters_.retries;
        issue(index);
        return;
    }
    if (result < 0) {
        finish(index, code_of(-result), -result);
        return;
    }
    operation.attempts = 0;
    switch (operation.step) {
        case Step::transfer:
            if (operation.op.kind == io::DiskOpKind::read) on_read(index, static_cast<uint32_t>(result));
            else on_written(index, static_cast<uint32_t>(result));
            break;
        case Step::sync_file:
            if (operation.op.kind != io::DiskOpKind::create) return finish(index);
            operation.step = Step::sync_folder;
            issue(index);
            break;
        case Step::sync_folder:
        case Step::unlink: finish(index); break;
    }
}

void Disk::on_read(uint32_t index, uint32_t bytes) {
    Operation& operation = operations_[index];
    operation.done += bytes;
    // Nothing, or a part of a block: the end of the file.
    if (operation.done == operation.size || bytes == 0 || bytes % io::block_size != 0) return finish(index);
    ++counters_.continuations;
    issue(index);
}

void Disk::on_written(uint32_t index, uint32_t bytes) {
    Operation& operation = operations_[index];
    // A part of a block is written again with the rest, since direct writes start at blocks.
    const uint64_t progress = align_down(bytes, io::block_size);
    if (progress == 0) return finish(index, Errc::io, EIO);
    operation.done += progress;
    if (operation.done < operation.size) {
        ++counters_.continuations;
        issue(index);
    } else if (operation.op.kind == io::DiskOpKind::write_durable && !directory_.direct()) {
        operation.step = Step::sync_file;
        issue(index);
    } else {
        finish(index);
    }
}

void Disk::finish(uint32_t index) {
    operations_[index].ok = true;
    push_finished(index);
}

void Disk::finish(uint32_t index, Errc code, int32_t os_error) {
    operations_[index].error = {code, os_error};
    push_finished(index);
}

void Disk::push_finished(uint32_t index) {
    Operation& operation = operations_[index];
    if (operation.slot != none && table_.drop_user(operation.slot)) close_file(operation.slot);
    operation.next = none;
    (finished_tail_ == none ? finished_head_ : operations_[finished_tail_].next) = index;
    finished_tail_ = index;
}

}  // namespace penstock::uring
