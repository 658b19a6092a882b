// Checkpoints: the states of logs, so that the journal's ring can come round. A round encodes the logs that changed
// since their last entry (or all of them, into the other slot, when the slot in use holds too much that is outdated),
// a frame of bounded size each turn. Only the last frame of a round is consistent: it tells where replay starts.
//
// Why a round need not be atomic: every entry carries the sequence it is as of, and replay skips older commits for that
// log. Why replay_from is taken when the round begins: a log encoded early with bytes still owed may have them flushed
// before the round ends, but its entry does not say so; what is owed only moves up. Why frames wait: an entry may
// include commits that are not durable yet, and a crash may cut those.
#include <algorithm>

#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint64_t frame_bytes_max = 1 * mib;
constexpr uint64_t slot_slack_bytes = 4 * mib;
constexpr int64_t refused_retry_ns = 100 * millisecond_ns;  // after the disk refused

}  // namespace

bool Store::Impl::checkpoint_needed() const {
    if (stopping) {
        bool rest = commits.empty() && unvouched.empty() && staged.empty() && owed_floor() == ring.head();
        return rest && (!dirty.empty() || ring.used() > 0);
    }
    if (ring.used() < ring.bytes() / 2) return false;
    uint64_t kept = ring.head() - owed_floor();
    return ring.used() - kept >= ring.bytes() / 8;
}

/// Frames tell only what the journal holds, too: not that a log is gone before its removal is committed, nor bytes of
/// a failed log before the commit that cuts them is durable.
bool Store::Impl::checkpoint_allowed() const {
    return !cut_staged() && durable_sequence >= cut_sequence && damaged_sequence == 0;
}

void Store::Impl::run_checkpoint() {
    using Phase = Checkpoint::Phase;
    if (poisoned || (checkpoint.phase == Phase::idle && !checkpoint_needed()) || !checkpoint_allowed()) return;
    if (checkpoint.phase == Phase::idle) {
        if (now.now < checkpoint.retry_at) return;
        checkpoint.begun_sequence = next_sequence - 1;
        checkpoint.begun_place = ring.head();
        checkpoint.replay_from = next_sequence;
        checkpoint.release_place = std::min(checkpoint.begun_place, owed_floor());
        for (const LogData* log : owed) {
            if (!log->owed.empty()) {
                checkpoint.replay_from = std::min(checkpoint.replay_from, log->owed.front().sequence);
            }
        }
        checkpoint.base = checkpoint.base || checkpoint.offset > 2 * checkpoint.base_bytes + slot_slack_bytes;
        checkpoint.queue.clear();
        if (checkpoint.base) {
            for (auto& [key, log] : logs) checkpoint.queue.push_back(log.get());
            checkpoint.slot = 1 - checkpoint.good_slot;
            checkpoint.offset = 0;
        } else {
            checkpoint.queue = dirty;
        }
        for (LogData* log : dirty) log->dirty = false;
        dirty.clear();
        checkpoint.phase = Phase::building;
        if ((checkpoint.slots_created >> checkpoint.slot & 1) == 0) {
            checkpoint.phase = Phase::creating;
            start(make_task(TaskKind::checkpoint_file, nullptr), io::DiskOpKind::create,
                  checkpoint_file(options.shard, generation.number, checkpoint.slot), 0);
        }
    }
    if (checkpoint.phase == Phase::building) build_frame();
    if (checkpoint.phase == Phase::waiting && durable_sequence >= checkpoint.wait_sequence) write_frame();
}

void Store::Impl::build_frame() {
    checkpoint.buffer.clear();
    checkpoint.buffer.resize(header_size);
    checkpoint.entries = 0;
    FieldWriter w(checkpoint.buffer);
    while (!checkpoint.queue.empty() && checkpoint.buffer.size() < frame_bytes_max) {
        LogData& log = *checkpoint.queue.back();
        checkpoint.queue.pop_back();
        if (log.removed) continue;
        w.put(static_cast<uint8_t>(FrameEntry::state));
        encode_state(checkpoint.buffer, log.state, next_sequence - 1);
        ++checkpoint.entries;
    }
    checkpoint.last = checkpoint.queue.empty();
    if (checkpoint.last) {
        for (auto [id, sequence] : checkpoint.removed) {
            w.put(static_cast<uint8_t>(FrameEntry::removed));
            w.put(id);
            ++checkpoint.entries;
        }
    }
    checkpoint.wait_sequence = next_sequence - 1;
    checkpoint.phase = Checkpoint::Phase::waiting;
}

void Store::Impl::write_frame() {
    FrameHeader header;
    header.number = checkpoint.next_frame;
    header.replay_from = checkpoint.replay_from;
    header.entry_count = checkpoint.entries;
    header.base_begin = checkpoint.base && checkpoint.offset == 0;
    header.consistent = checkpoint.last;
    seal_frame(checkpoint.buffer, generation, header);
    IoTask& task = make_task(TaskKind::frame, nullptr);
    task.fragments.push_back({checkpoint.buffer.data(), static_cast<uint32_t>(checkpoint.buffer.size())});
    checkpoint.phase = Checkpoint::Phase::writing;
    ++counters.checkpoints;
    counters.checkpoint_bytes += checkpoint.buffer.size();
    io::FileId file = checkpoint_file(options.shard, generation.number, checkpoint.slot);
    start(task, io::DiskOpKind::write_durable, file, checkpoint.offset);
}

void Store::Impl::frame_done(bool ok, Errc error) {
    if (!ok) {
        // The good slot's frames up to the last consistent one are whole; a new base in the other slot is the way out.
        checkpoint.base = true;
        checkpoint.phase = Checkpoint::Phase::idle;
        checkpoint.retry_at = now.now + refused_retry_ns;
        // Without checkpoints the journal fills, and no append is taken at all: new log files come second.
        checkpoint.no_space = error == Errc::disk_full;
        if (checkpoint.no_space) pool->yield();
        for (auto& [key, log] : logs) list_dirty(*log);
        return;
    }
    checkpoint.no_space = false;
    pool->resume();
    checkpoint.offset += checkpoint.buffer.size();
    ++checkpoint.next_frame;
    if (!checkpoint.last) {
        checkpoint.phase = Checkpoint::Phase::building;
        return;
    }
    checkpoint.good_slot = checkpoint.slot;
    if (checkpoint.base) checkpoint.base_bytes = checkpoint.offset;
    checkpoint.base = false;
    checkpoint.durable_frame = checkpoint.next_frame - 1;
    checkpoint.phase = Checkpoint::Phase::idle;
    ring.release(checkpoint.release_place);
    std::erase_if(checkpoint.removed, [&](const auto& gone) { return gone.second < checkpoint.replay_from; });
}

void Store::Impl::checkpoint_file_done(bool ok, Errc error) {
    if (!ok) {
        frame_done(false, error);
        return;
    }
    checkpoint.slots_created |= 1u << checkpoint.slot;
    checkpoint.phase = Checkpoint::Phase::building;
}

}  // namespace penstock::log
