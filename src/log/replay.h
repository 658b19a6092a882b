// Recovery of one shard's last generation: checkpoint, then journal. Reads only; writes nothing.
//
// What is trusted, by commit sequence:
//
//   case                                            | what happens
//   ------------------------------------------------+----------------------------------------------------------------
//   below replay_from of the last consistent frame  | not read: its effects are in the frame, its bytes in segments
//   replay_from .. D, readable                      | applied. D: the highest commit that is known as durable
//   replay_from .. D, unreadable                    | rot: refused. It may hold acknowledged records
//   above D, readable, its segment bytes verify     | applied: complete, though nobody may know
//   above D, unreadable or its segment bytes differ | cut here: it was never acknowledged. Everything above is void too
//   last consistent frame older than one that a     | rot: refused. Commits since then may be overwritten
//   commit vouches for                              |
//
// D is the maximum of durable_through over all readable commits of the generation and of as_of over the entries of
// frames (a frame is written only when what it tells is durable).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "log/blocking.h"
#include "log/recover.h"
#include "log/state.h"

namespace penstock::log {

/// Bytes of a log that the journal holds and the segment may not.
struct Overlay {
    uint64_t from = 0;
    std::span<const std::byte> bytes;
};

struct RecoveredLog {
    LogState state;
    uint64_t as_of = 0;
    std::vector<Overlay> overlays;  ///< in the order of the journal; later ones win
    bool unsure = false;            ///< bytes above D may be in the device's cache only
};

struct ShardReplay {
    Bytes ring;                     ///< overlays point into it
    std::map<uint64_t, RecoveredLog> logs;  // by id
    uint64_t commits_replayed = 0;
    uint64_t commits_cut = 0;
    uint64_t log_id_max = 0;
    uint64_t cut_from = 0;          ///< the first commit that was not applied
};

using FileSizes = std::map<io::FileId, uint64_t>;

std::expected<ShardReplay, OpenFailure> replay_shard(BlockingDisk& disk, const FileSizes& files,
                                                     const SuperBlock& super, uint32_t shard);

}  // namespace penstock::log
