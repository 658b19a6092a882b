// The coordinator's state in an existing ZooKeeper ensemble, which also elects the active one of several coordinators.
//
// Created, used and destroyed by one thread; its own thread stands for election, writes transactions and calls `wake`.
// One object is one candidacy: it stands by until it is elected, is active until it is lost, and lost for good. Whoever
// wants to stand by again makes another, in the same process: there is no state that could outlive the loss.
//
// When it is lost, at once: the session expired, the election node went, a write failed, or a majority of the ensemble
// has not confirmed for lease_share of the session's timeout that this coordinator is the elected one. The last needs
// nobody to say so: role() sees it by the clock, counted from when the confirmed request was sent, also right after the
// process stood still. The ensemble elects another only after the whole timeout, counted from later.
// Invariants: every write holds only while the election node exists, so after a loss nothing can be written. A
// transaction whose answer was lost with a connection is sent again and counted once (zookeeper_state.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/store.h"
#include "store/failure.h"
#include "store/wake.h"

namespace penstock::store {

struct ZooKeeperOptions {
    std::string servers;              ///< "host:port,host:port"
    std::string root;                 ///< "/penstock/first": absolute, no slash at its end
    std::string name;                 ///< of this coordinator, for the logs of the others
    int64_t session_timeout_ns = 0;   ///< asked for; the ensemble has bounds of its own
};

class ZooKeeper final : public io::Store {
public:
    /// Does not wait for the ensemble: while it cannot be reached, this coordinator stands by.
    static Checked<std::unique_ptr<ZooKeeper>> open(const ZooKeeperOptions& options, Wake wake);
    /// Gives the election up at once: another need not wait for the timeout. What has no completion yet may have been
    /// written or not.
    ~ZooKeeper() override;

    io::StoreRole role(Nanos now) override;
    Result<io::StoreContents> load() override;
    Result<void> submit(io::StoreTransaction transaction) override;
    size_t poll(std::span<io::StoreCompletion> out) override;

    /// What happened, for the log: sentences in order, the role aside.
    std::optional<std::string> poll_news();
    /// Why it was lost, or load() failed. Errc::io: only the candidacy is over, another may go well.
    Failure failure() const;

private:
    struct Impl;
    explicit ZooKeeper(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::store
