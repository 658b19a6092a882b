// The coordinator's state in SQLite: one file, full-sync mode, written by a thread of its own.
//
// Created, used and destroyed by one thread; its own thread only writes transactions and calls `wake`. While it lives
// it holds an exclusive lock on the directory, so there is one writer. Invariants: transactions are written in order;
// after one failed, all later ones fail, for what reached the disk is known only after opening again. Checksums cover
// every row, their number and the revision: load() refuses rot instead of passing it on.
//
//     DIRECTORY/coordinator.lock   locked by the process that its text names
//     DIRECTORY/coordinator.db     the database; with -wal beside it while it is open, and after a crash
// A backup is a copy of these files while the coordinator is stopped; restoring is copying them back.
#pragma once

#include <memory>
#include <string>

#include "io/store.h"
#include "store/failure.h"
#include "store/wake.h"

namespace penstock::store {

class Sqlite final : public io::Store {
public:
    /// Creates the directory and the database if they are missing. Blocks.
    static Checked<std::unique_ptr<Sqlite>> open(const std::string& directory, Wake wake);
    /// Waits for the transactions that were submitted.
    ~Sqlite() override;

    io::StoreRole role(Nanos) override { return io::StoreRole::active; }  // the lock on the directory sees to it
    Result<io::StoreContents> load() override;
    Result<void> submit(io::StoreTransaction transaction) override;
    size_t poll(std::span<io::StoreCompletion> out) override;

    /// What the last failure of load() or of a transaction was about, with SQLite's words; empty if there was none.
    std::string detail() const;

private:
    struct Impl;
    explicit Sqlite(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::store
