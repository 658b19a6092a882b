// Opening a data directory: reads the superblock, the checkpoints and every journal that it finds, cuts what was not
// acknowledged, refuses what has rotted, and writes a new generation for the wanted number of shards.
//
// Blocks; runs once, before the shards start. The argument for each case stands in recover.cpp.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/uuid.h"
#include "io/disk.h"
#include "log/store.h"

namespace penstock::log {

struct OpenOptions {
    uint32_t shard_count = 1;
    uint64_t journal_bytes = 64 * mib;  ///< of each shard's ring
    uint64_t random_high = 0, random_low = 0;  ///< seed of the storage id, used when the directory is new
};

struct OpenReport {
    Uuid storage_id;            ///< names this data directory for ever
    bool created = false;       ///< the directory was empty
    bool clean = false;         ///< the last run ended by a graceful stop
    uint64_t generation = 0;
    uint64_t logs = 0;
    uint64_t commits_replayed = 0;
    uint64_t commits_cut = 0;   ///< of the last run, never acknowledged
};

struct OpenFailure {
    Error error;
    std::string detail;  ///< what, where, and what to do: for the operator
};

/// The recovered state of one shard, consumed by Store. Opaque outside src/log.
struct StoreState;
struct StoreImage {
    StoreImage();
    StoreImage(StoreImage&&) noexcept;
    StoreImage& operator=(StoreImage&&) noexcept;
    ~StoreImage();
    std::unique_ptr<StoreState> state;
};

struct OpenedDirectory {
    OpenReport report;
    std::vector<StoreImage> shards;  ///< shard_count of them
};

/// shard_of() says where each log went.
std::expected<OpenedDirectory, OpenFailure> open_directory(io::Disk& disk, const OpenOptions& options);

/// After every store of the directory has drained: notes that the next start need not look for torn ends.
Result<void> mark_clean(io::Disk& disk);

/// The one rule that maps partitions to shards.
uint32_t shard_of(const LogKey& key, uint32_t shard_count);

}  // namespace penstock::log
