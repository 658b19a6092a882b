// The background look for rot: reads what lies on disk, log by log, and verifies it as every read does. What has
// rotted is repaired then, while replicas that have it are there, and not when somebody wants it.
//
// A burst at a time, so that a shard that sleeps is woken seldom, and one range after the other within it, so that
// nobody waits long for the disk. What it reads it gives back at once; what others have in the cache it passes over.
// The first pass after a start begins at any log, or restarts that come sooner than a pass ends would neglect the last.
#include <algorithm>

#include "base/random.h"
#include "log/store_impl.h"

namespace penstock::log {
namespace {

constexpr uint64_t burst_bytes = mib;
constexpr uint32_t steps_max = 64;                 // in a turn: logs without anything on disk cost a step, too
constexpr int64_t wait_ns = 10 * millisecond_ns;   // for memory, or the disk, when others want it

}  // namespace

Nanos Store::Impl::scrub_due() const { return options.scrub_bytes_per_s == 0 || scrub.waits ? never : scrub.at; }

void Store::Impl::run_scrub(Time time) {
    if (options.scrub_bytes_per_s == 0 || stopping || time.now < scrub.at) return;
    scrub.waits = false;
    const auto owned = [](const auto& entry) { return entry.second->owner != nullptr; };
    if (!scrub.in_pass && !logs.empty() && std::ranges::none_of(logs, owned)) {
        scrub.at = time.now + second_ns;
        return;
    }
    if (!scrub.in_pass) {
        // A key that nobody chose, at the start; then from the first on.
        if (!scrub.whole) scrub.log = {make_uuid(mix64(generation.salt), mix64(generation.number)), 0};
        scrub.in_pass = true;
        scrub.pass_began = time.now;
    }
    for (uint32_t i = 0; i < steps_max; ++i) {
        if (scrubbed_log() == nullptr) {
            scrub.at = scrub.whole ? scrub.pass_began + options.scrub_interval_ns : time.now + wait_ns;
            scrub.at = std::max(scrub.at, time.now + wait_ns);
            if (scrub.whole) ++counters.scrub_passes;
            scrub.whole = true;
            scrub.in_pass = false;
            scrub.log = {};
            return;
        }
        if (!scrub_step(scrub.burst)) return;
        if (scrub.burst < burst_bytes) continue;
        scrub.at = time.now + static_cast<int64_t>(scrub.burst * uint64_t{second_ns} / options.scrub_bytes_per_s);
        scrub.burst = 0;
        return;
    }
}

LogData* Store::Impl::scrubbed_log() {
    auto found = logs.lower_bound(scrub.log);
    if (found == logs.end()) return nullptr;
    if (found->first != scrub.log) {
        scrub.log = found->first;
        scrub.position = scrub.fresh_to = 0;
        scrub.asked = false;
    }
    return found->second.get();
}

void Store::Impl::next_scrubbed_log() {
    ++scrub.log.partition;
    scrub.position = scrub.fresh_to = 0;
    scrub.asked = false;
}

/// The next range of the log at hand; `bytes` counts what was read. False: it waits, or looks again later.
bool Store::Impl::scrub_step(uint64_t& bytes) {
    LogData& log = *scrubbed_log();
    const auto& files = log.state.files;
    scrub.position = std::max(scrub.position, log.state.segments.front().start);
    const size_t file = log.state.file_of(scrub.position);
    if (file < files.size() && files[file].indexed && scrub.fresh_to <= scrub.position) {
        // An index that is cached says nothing of the disk.
        const auto cached = indexes.find(files[file].file);
        if (cached != indexes.end() && cached->second->state == ColdIndex::State::ready) indexes.erase(cached);
        scrub.fresh_to = file + 1 < files.size() ? files[file + 1].start : files[file].end();
    }
    IndexRange range;
    ReadStatus status = log.failed() ? ReadStatus::failed : range_from(log, scrub.position, 0, range);
    if (status == ReadStatus::corrupt) {
        scrub.position = scrub.fresh_to;
        return true;
    }
    // Also what is in memory: it may have been read back from what had rotted.
    if (status == ReadStatus::ready) status = scrub_range(log, range);
    if (status == ReadStatus::pending) {
        scrub.waits = true;
        return false;
    }
    if (status == ReadStatus::busy) {
        scrub.at = now.now + wait_ns;
        return false;
    }
    if (status != ReadStatus::ready) {
        next_scrubbed_log();
        return true;
    }
    scrub.asked = false;
    scrub.position = range.position + range.size;
    bytes += range.size;
    counters.scrubbed_bytes += range.size;
    return true;
}

/// Ready: it was read and verified, by us or, lately, by others; or it has rotted, and that is known now.
ReadStatus Store::Impl::scrub_range(LogData& log, const IndexRange& range) {
    const auto key = std::make_pair(static_cast<const LogData*>(&log), range.position);
    auto there = cold.find(key);
    const auto lent = [](const ColdRange& in) {
        return std::ranges::any_of(in.blocks, [](const Block* block) { return block->pins > 0; });
    };
    if (there != cold.end() && there->second->state == ColdRange::State::loading)
        return scrub.asked ? ReadStatus::pending : ReadStatus::ready;
    ColdRange* found = nullptr;
    if (scrub.asked) {
        if (there == cold.end()) return ReadStatus::ready;
        if (there->second->state == ColdRange::State::corrupt) cold_range(log, range, 0, found);
        else if (!there->second->used && !lent(*there->second)) free_cold(*there->second);
        return ReadStatus::ready;
    }
    if (there != cold.end() && lent(*there->second)) return ReadStatus::ready;
    if (there != cold.end()) free_cold(*there->second);
    const ReadStatus status = cold_range(log, range, 0, found);
    if (status == ReadStatus::ready) free_cold(*found);
    if (status != ReadStatus::pending) return status;
    scrub.asked = true;
    there = cold.find(key);
    if (there != cold.end()) there->second->used = false;
    return status;
}

}  // namespace penstock::log
