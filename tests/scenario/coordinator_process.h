// One candidacy of a coordinator in a simulation: over a store's medium and a network that outlive it.
//
// As its program does: while it stands by, its port refuses; once the store says that it is active it loads the state
// and serves; when the role is lost it is over(). Stepped by whoever owns the world.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "coordinator/coordinator.h"
#include "coordinator/server.h"
#include "sim/datagram_network.h"
#include "sim/link.h"
#include "sim/store.h"
#include "transport/streams.h"

namespace penstock::scenario {

struct CoordinatorProcessOptions {
    coordinator::CoordinatorOptions coordinator;
    std::string host = "coordinator";
    uint16_t port = 9090;
    std::string secret;      ///< of the nodes; empty: nothing is proven
    io::StoreRole role = io::StoreRole::active;   ///< at first
    uint64_t seed = 1;
};

class CoordinatorProcess {
public:
    CoordinatorProcess(sim::DatagramNetwork& datagrams, sim::StoreMedium& medium,
                       const CoordinatorProcessOptions& options);
    ~CoordinatorProcess();   ///< as when it is killed: the brokers hear nothing

    /// True if it had something to do.
    bool turn(Nanos now);
    /// What has arrived counts as long past.
    Nanos next_deadline() const;
    /// Its store's role changed, or went on after a while: nothing else says so.
    void wake() { deadline_ = Nanos(0); }
    /// Says good-bye to the brokers, as the program does when it stops. The last thing.
    void close_all(Nanos now);

    /// The role is lost, or the state cannot be written or made sense of: nothing is done any more.
    bool over() const { return over_; }
    sim::Store& store() { return store_; }
    /// Null while it is not active.
    coordinator::Coordinator* coordinator() { return coordinator_ ? &*coordinator_ : nullptr; }

private:
    void become_active(Nanos now);

    const CoordinatorProcessOptions options_;
    sim::Store store_;
    sim::Link link_;
    transport::Streams streams_;
    std::optional<coordinator::Coordinator> coordinator_;
    std::optional<coordinator::Server> server_;
    bool over_ = false;
    Nanos deadline_;         ///< at first: at once
};

}  // namespace penstock::scenario
