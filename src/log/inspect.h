// Looking into a data directory, or one file of it, without a broker: what is there, and where it is damaged.
//
// For tools. Blocks, allocates as it likes, reads through any io::Disk (O_DIRECT is not needed) and writes nothing, so
// it may look at a directory that a broker has open; what changes meanwhile then shows up as damage.
// What it does not do: print, repair, or look into the records of a batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/disk.h"
#include "log/format.h"
#include "log/state.h"

namespace penstock::log {

/// Something that is not as it should be.
struct Finding {
    io::FileId file;
    uint64_t offset = 0;   ///< in the file
    bool damage = true;    ///< false: worth a look, but a crash explains it and recovery copes
    std::string what;
};

struct SuperRow {
    uint32_t slot = 0;     ///< generation parity
    uint32_t copy = 0;
    bool valid = false;
    SuperBlock super;      ///< if valid
};

struct FrameRow {
    uint32_t shard = 0;
    uint32_t slot = 0;
    uint64_t offset = 0;   ///< in the file of its slot
    FrameHeader header;
};

enum class CommitFate : uint8_t {
    outdated,   ///< older than the last checkpoint: its space may be used again
    needed,     ///< recovery applies it
    cut,        ///< never acknowledged: recovery leaves it out
};

/// What a commit says of one log, without the bytes.
struct EntryRow {
    EntryType type = EntryType::create;
    uint64_t log_id = 0;
    int64_t offset = 0, offset_to = 0;
    uint64_t position = 0, position_to = 0;
};

struct CommitRow {
    uint64_t offset = 0;   ///< in the journal's file
    CommitHeader header;
    CommitFate fate = CommitFate::outdated;
    std::vector<EntryRow> entries;  ///< fewer than the header says: the rest breaks the format
};

struct BatchRow {
    uint64_t offset = 0;   ///< in the file, or position in the log
    uint64_t size = 0;
    int64_t base_offset = 0;
    int64_t last_offset = 0;
    int64_t max_timestamp = -1;
    int32_t leader_epoch = -1;
    int32_t records = 0;
    bool crc_good = false;
};

struct LogRow {
    uint32_t shard = 0;
    LogState state;                  ///< as recovery would leave it; ranges hold those of indexed files too
    uint64_t ranges_damaged = 0;
    uint64_t batches = 0;            ///< counted if the data was verified
    uint64_t journal_bytes = 0;      ///< of its end, only in the journal as yet
};

struct DirectoryReport {
    std::vector<SuperRow> supers;
    SuperBlock current;              ///< the one that counts; generation 0 without shards if none does
    std::vector<FrameRow> frames;
    std::vector<std::vector<CommitRow>> journals;  ///< of each shard, by sequence
    std::vector<LogRow> logs;
    std::vector<io::FileId> free_files;            ///< pool files that no log owns
    std::vector<Finding> findings;
    bool openable = false;           ///< a broker would start on it
};

struct InspectOptions {
    bool verify_data = true;   ///< read every record batch and check it; else only what describes them
};

Result<DirectoryReport> inspect_directory(io::Disk& disk, const InspectOptions& options);

/// One pool file by itself, for salvage: its header, and every batch that can be found, also behind damage. Files are
/// recycled: what lies behind the end of the log that owns it may be of an earlier owner.
struct FileReport {
    bool header_valid = false;
    FileHeader header;
    bool index_valid = false;
    std::vector<IndexRange> ranges;
    std::vector<BatchRow> batches;
    uint64_t bytes_skipped = 0;      ///< data that is no batch: damage, padding, or the end of one begun elsewhere
};
Result<FileReport> inspect_file(io::Disk& disk, io::FileId file);

}  // namespace penstock::log
