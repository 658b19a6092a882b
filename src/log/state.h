// What survives of one log besides its bytes: segments, files, ranges, epochs, producers, ends. A state machine whose
// only input is journal entries: the running store applies an entry when it builds the commit, recovery applies the
// same entry when it replays it, and checkpoints hold the result. So both sides cannot differ.
//
// Positions count the bytes of a log from its creation. Each segment starts at a new file, on a block boundary; the
// bytes between the end of a segment and the start of the next belong to nobody.
#pragma once

#include <cstdint>
#include <vector>

#include "log/format.h"
#include "log/producers.h"

namespace penstock::log {

struct Segment {
    int64_t base_offset = 0;
    uint64_t start = 0;         ///< position
    uint64_t end = 0;           ///< position behind its last batch; 0 while it is the active one
    int64_t max_timestamp = -1;
    int64_t created_ms = 0;     ///< Unix time
    bool compacted = false;     ///< offsets may be missing: it was compacted, here or where its records came from
};

/// A pass of compaction ended: below the offset no key has two records.
struct Cleaning {
    int64_t offset = 0;
    int64_t wall_ms = 0;
};
inline constexpr size_t cleanings_max = 64;

struct EpochStart {
    int32_t epoch = 0;
    int64_t offset = 0;
};

struct LogState {
    uint64_t id = 0;              ///< never reused within the data directory
    LogKey key;
    int64_t start_offset = 0;
    int64_t end_offset = 0;
    uint64_t end = 0;             ///< position
    uint64_t flushed = 0;         ///< the bytes below are durable in the segment's files
    std::vector<Segment> segments;   // at least one
    std::vector<FileRef> files;
    std::vector<IndexRange> ranges;  // of the files that are not indexed, in order
    std::vector<EpochStart> epochs;
    std::vector<Cleaning> cleanings; // in order of both; of many the closest in time count as one, the later
    ProducerTable producers;

    /// Where the files end; the next one is attached here.
    uint64_t covered() const;
    /// Index of the file that holds a position below covered(); files.size() if none does.
    size_t file_of(uint64_t position) const;
    /// How many files, from the first on, stay if the log ends at `position` of the segment that starts at
    /// `segment_start`: those that begin before, and the segment's first.
    size_t files_kept(uint64_t position, uint64_t segment_start) const;
    int64_t clean_offset() const { return cleanings.empty() ? 0 : cleanings.back().offset; }
    int32_t last_epoch() const { return epochs.empty() ? -1 : epochs.back().epoch; }
};

/// An empty log from a create or create_at entry.
LogState created(const Entry& entry);

/// Applies one entry of this log (not create or remove). Files that it frees are appended to `freed`. False, with the
/// state unchanged or useless, when the entry does not fit the state: bytes from outside, or a bug.
bool apply(LogState& state, const Entry& entry, std::vector<io::FileId>& freed);

/// Kafka's answer to where `epoch` ends in a log from `start` to `end`, by the starts of its epochs in order. An epoch
/// that the next one left no records of, or whose records are all below `start`, counts as if it had never been.
EpochEnd end_of_epoch(const std::vector<EpochStart>& epochs, int32_t epoch, int64_t start, int64_t end);

void encode_state(Bytes& out, const LogState& state, uint64_t as_of);
bool decode_state(FieldReader& in, LogState& state, uint64_t& as_of);

}  // namespace penstock::log
