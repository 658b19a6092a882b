// What the coordinator asks of its state store: a small ordered key-value map, written in atomic, durable
// transactions, asynchronously. The coordinator holds the whole state in memory; the store is what survives.
//
// A store lets one coordinator act at a time. Where several share one, it says which: the role. Invariant: what a
// coordinator was told to be durable was written while it was the only one, and whoever is active later finds it.
//
// Drivers: drivers/store (SQLite or ZooKeeper, each on a thread of its own), drivers/sim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace penstock::io {

enum class StoreRole : uint8_t {
    standby,  ///< another coordinator may be active: neither load nor act
    active,   ///< this one acts, and nobody else
    lost,     ///< for good: stop acting at once, and begin anew with another Store
};

struct StoreRow {
    std::string key;
    std::string value;
};

/// All or nothing. `revision` must be the store's revision + 1: a second writer is refused (Errc::refused).
struct StoreTransaction {
    uint64_t revision = 0;
    std::vector<StoreRow> puts;
    std::vector<std::string> removes;
    uint64_t token = 0;
};

struct StoreCompletion {
    uint64_t token = 0;
    bool ok = false;
    Error error;
};

struct StoreContents {
    uint64_t revision = 0;        ///< of the last transaction; 0 for a new store
    std::vector<StoreRow> rows;   ///< in key order
};

class Store {
public:
    virtual ~Store() = default;

    /// At `now`, for the role may end by time alone: ask before each turn that acts. Never blocks.
    virtual StoreRole role(Nanos now) = 0;

    /// Everything. Blocks; called once, when active.
    virtual Result<StoreContents> load() = 0;

    /// Queues a transaction; transactions are applied in order. Errc::would_block when the queue is full.
    virtual Result<void> submit(StoreTransaction transaction) = 0;

    /// Moves completions (durable, or failed) into `out`; returns how many. Never blocks.
    virtual size_t poll(std::span<StoreCompletion> out) = 0;
};

}  // namespace penstock::io
