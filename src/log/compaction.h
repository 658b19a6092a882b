// A pass of compaction under way: its only state. One log of a shard is compacted at a time.
//
//   mapping   reads what is dirty, and notes the last offset of each key, until the memory for that is used up
//   copying   reads a run of segments that become one, from the log's start on, and writes what stays into new files
//   writing   waits for those writes, the index blocks included
//   replacing waits for the journal's entry that puts the new segment in the place of the run; then the next run
//
// Nothing but that entry changes the log, so a crash at any point finds either the old segments or the new one. A pass
// ends with an entry that says up to where the log is clean. Memory: the map of keys, one range as it is read, a batch,
// and a few writes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "log/key_map.h"
#include "log/segment_writer.h"
#include "log/store.h"
#include "wire/batch_filter.h"

namespace penstock::log {

struct LogData;

struct Compaction {
    enum class Phase : uint8_t { idle, mapping, copying, writing, replacing, abandoned };
    Phase phase = Phase::idle;
    LogData* log = nullptr;
    Nanos wake_at{0};              ///< the next look for a log that needs a pass, or at what a step waits for
    Nanos paced_until{0};
    Nanos moved_at{0};             ///< when something last went on
    LogKey cursor;                 ///< of that look

    // The pass.
    std::unique_ptr<KeyMap> keys;
    int64_t dirty_from = 0;        ///< offset
    int64_t mapped_to = 0;         ///< offset: nothing at or above is judged
    int64_t tombstones_to = 0;     ///< offset: tombstones below were clean for long enough, and may go
    uint64_t limit = 0;            ///< position: the first segment that stays as it is
    bool incomplete = false;       ///< a record had to stay that should have gone

    // The run.
    uint64_t run_from = 0, run_to = 0;   ///< positions: starts of segments
    uint64_t run_end = 0;                ///< behind its last batch
    int64_t run_base = 0;                ///< offset
    int64_t run_created_ms = 0;
    bool changed = false;
    SegmentWriter writer;
    uint32_t writes = 0;           ///< under way, and flushes
    size_t files_flushed = 0;      ///< of the writer's
    bool write_failed = false;
    bool run_replaced = false;

    // Reading.
    uint64_t position = 0;         ///< behind the batch that was read last
    int64_t next_offset = 0;       ///< no batch from here on has a lower base offset
    Bytes range;
    size_t range_used = 0;
    std::span<const std::byte> batch;    ///< whose records are being judged, some in each turn
    wire::RecordCursor records;
    bool judging = false;
    std::span<const std::byte> waiting;  ///< judged, and not added yet: there was no file for it
    uint64_t budget_used = 0;      ///< bytes since the last pacing

    wire::BatchFilter filter;
    std::vector<uint8_t> kept;
    std::vector<std::byte> rewritten;

    Nanos due() const { return phase == Phase::idle ? wake_at : std::max(wake_at, paced_until); }
};

}  // namespace penstock::log
