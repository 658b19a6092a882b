// Disk operations of the store: making them, queueing what the disk cannot take yet, and who gets told of their end.
#include <algorithm>

#include "log/store_impl.h"

namespace penstock::log {

IoTask& Store::Impl::make_task(TaskKind kind, LogData* log) {
    if (free_tasks.empty()) {
        tasks.push_back(std::make_unique<IoTask>());
        free_tasks.push_back(tasks.back().get());
    }
    IoTask& task = *free_tasks.back();
    free_tasks.pop_back();
    task.kind = kind;
    task.log = log;
    if (log != nullptr) ++log->io;
    return task;
}

void Store::Impl::start(IoTask& task, io::DiskOpKind op, io::FileId file, uint64_t offset) {
    task.want_bytes = 0;
    for (const auto& fragment : task.fragments) task.want_bytes += fragment.size;
    waiting_ops.push_back({op, file, offset, task.fragments, reinterpret_cast<uint64_t>(&task)});
    ++ops_under_way;
}

void Store::Impl::pump() {
    size_t taken = 0;
    while (taken < waiting_ops.size()) {
        size_t n = disk.submit(std::span<const io::DiskOp>(waiting_ops).subspan(taken));
        if (n == 0) break;
        taken += n;
    }
    waiting_ops.erase(waiting_ops.begin(), waiting_ops.begin() + static_cast<ptrdiff_t>(taken));
}

void Store::Impl::free_task(IoTask& task) {
    if (task.log != nullptr) --task.log->io;
    auto fragments = std::move(task.fragments);
    auto pinned = std::move(task.pinned);
    auto buffer = std::move(task.buffer);
    fragments.clear();
    pinned.clear();
    buffer.clear();
    task = {};
    task.fragments = std::move(fragments);
    task.pinned = std::move(pinned);
    task.buffer = std::move(buffer);
    free_tasks.push_back(&task);
    --ops_under_way;
}

void Store::Impl::complete(const io::DiskCompletion& completion) {
    IoTask& task = *reinterpret_cast<IoTask*>(completion.token);
    bool ok = completion.ok && completion.bytes == task.want_bytes;
    if (!ok) ++counters.disk_errors;
    switch (task.kind) {
        case TaskKind::commit:
            // Nobody guesses what a failed journal write left behind: the whole shard stops taking and giving.
            if (!ok) {
                poisoned = true;
                for (auto& [key, log] : logs) fail_log(*log);
            }
            part_done(*task.commit);
            break;
        case TaskKind::segment: segment_done(task, ok); break;
        case TaskKind::quiet: quiet_done(task, ok); break;
        case TaskKind::index: index_done(task, ok); break;
        case TaskKind::frame: frame_done(ok, completion.error.code); break;
        case TaskKind::checkpoint_file:
            checkpoint_file_done(ok || completion.error.code == Errc::exists, completion.error.code);
            break;
        case TaskKind::pool: pool->step_done(task.maker, ok, completion.error.code, now.now); break;
        case TaskKind::cold: cold_done(task, ok); break;
        case TaskKind::cold_index: cold_index_done(task, ok); break;
        case TaskKind::tail: tail_done(task, ok); break;
        case TaskKind::compaction: compaction_write_done(task, ok); break;
        case TaskKind::repair: repair_done(task, ok); break;
    }
    free_task(task);
}

void Store::Impl::run_pool() {
    uint64_t oldest = open_tickets.empty() ? UINT64_MAX : *std::ranges::min_element(open_tickets);
    std::erase_if(limbo, [&](const LimboFile& freed) {
        if (freed.ticket > oldest || freed.sequence > vouched_sequence) return false;
        pool->give(freed.file);
        return true;
    });
    if (poisoned) return;
    while (auto step = pool->next_step(now.now)) start_pool_step(*step);
}

void Store::Impl::start_pool_step(const FilePool::Step& step) {
    IoTask& task = make_task(TaskKind::pool, nullptr);
    task.maker = step.maker;
    io::DiskOpKind op = io::DiskOpKind::create;
    switch (step.kind) {
        case FilePool::StepKind::create: break;
        case FilePool::StepKind::remove: op = io::DiskOpKind::remove; break;
        case FilePool::StepKind::flush: op = io::DiskOpKind::flush; break;
        case FilePool::StepKind::write:
            op = io::DiskOpKind::write;
            if (zeros.empty()) zeros.resize(FilePool::step_bytes);
            task.fragments.push_back({zeros.data(), static_cast<uint32_t>(step.size)});
            break;
    }
    start(task, op, step.file, step.offset);
}

}  // namespace penstock::log
