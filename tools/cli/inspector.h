// Checks a data directory without a broker and without writing: superblock, checkpoints, journals as recovery would
// read them; then every byte of every log against the checksums of its ranges and of its batches.
//
// Damage is what recovery would refuse or a reader would be refused. What a crash leaves behind (commits that were
// never acknowledged) is counted, not called damage. A directory that a broker is writing to can look damaged for a
// moment.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/disk.h"
#include "log/replay.h"
#include "wire/batch.h"

namespace penstock::cli {

struct InspectedShard {
    uint32_t shard = 0;
    uint64_t commits = 0;           ///< readable ones in the ring, of this generation
    uint64_t first_sequence = 0, last_sequence = 0;
    uint64_t durable_through = 0;   ///< the highest that a commit vouches for
    uint64_t replayed = 0, cut = 0; ///< by recovery; cut: never acknowledged
    std::string refused;            ///< why recovery would refuse the shard
};

struct InspectedLog {
    log::LogKey key;
    uint32_t shard = 0;
    int64_t start_offset = 0, end_offset = 0;
    uint64_t bytes = 0, batches = 0, records = 0;
    size_t segments = 0, files = 0;
    log::ProducerTable producers;   ///< idempotent ones that it remembers
    uint64_t damaged = 0;           ///< findings
};

struct InspectReport {
    std::optional<log::SuperBlock> super;
    std::vector<InspectedShard> shards;
    std::vector<InspectedLog> logs;
    std::map<io::FileKind, uint64_t> files;
    uint64_t files_ready = 0;       ///< pool files that no log owns
    std::vector<std::string> damage;  ///< a line each, at most damage_lines_max
    uint64_t damage_count = 0;
};

inline constexpr size_t damage_lines_max = 1000;

struct InspectOptions {
    std::optional<io::FileId> only;  ///< pool file: check only what lies in it
    /// Called for each batch of a log, in order. May be empty.
    std::function<void(const log::LogKey&, io::FileId, const wire::BatchHeader&)> on_batch;
};

InspectReport inspect(io::Disk& disk, const InspectOptions& options);

}  // namespace penstock::cli
