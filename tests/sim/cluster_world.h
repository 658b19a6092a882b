// A whole cluster in one thread under virtual time: brokers of some shards, each with a disk and a clock of its own,
// one coordinator or two over one store, and whoever else lives in it (its inhabitants: clients).
//
// step() moves the time to the next moment at which anything happens, and gives a turn to those who have something to
// do then: hours in which only heartbeats pass cost little. Equal seeds and calls give equal runs.
// What happens to the cluster from outside (crashes, cuts, pauses) are methods here; when, cluster_faults.h says.
// What it does not do: judge. Only what breaks the contract of the disk ends in fail_run().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "history.h"
#include "scenario/broker_process.h"
#include "scenario/coordinator_process.h"
#include "sim/clock.h"
#include "sim/crash.h"

namespace penstock::sim {

struct ClusterWorldOptions {
    uint64_t seed = 1;
    uint32_t brokers = 3;
    uint32_t shards = 2;
    uint32_t coordinators = 1;
    int16_t replicas = 1;             ///< of topics and of internal ones
    int64_t replica_lag_ns = 10 * second_ns;   ///< after which who is behind is not in sync
};

/// Whoever else has turns.
class Inhabitant {
public:
    virtual ~Inhabitant() = default;
    /// Called when its deadline has come; false if there was nothing to do.
    virtual bool turn(const Time& time) = 0;
    /// What has arrived counts as long past.
    virtual Nanos next_deadline() const = 0;
};

class ClusterWorld {
public:
    struct Broker {
        int32_t id = 0;
        std::string host;
        int64_t clock_ns = 0;              ///< its clocks are ahead of the world's
        int64_t wall_ms = 0;
        std::unique_ptr<Directory> directory, put_away;   ///< the second: the real one, while another is in its place
        std::unique_ptr<scenario::BrokerProcess> process; ///< null: down
        Nanos paused_until;                ///< as by SIGSTOP
        Uuid storage_id;                   ///< of its real disk
        uint64_t starts = 0;
        uint64_t rotted = 0;               ///< blocks of its disk
    };
    struct CoordinatorSeat {
        std::string host;
        int64_t clock_ns = 0;
        std::unique_ptr<scenario::CoordinatorProcess> process;
        Nanos paused_until;
        uint64_t starts = 0;
    };

    ClusterWorld(const ClusterWorldOptions& options, History& history);
    ~ClusterWorld();

    /// False: nothing happens before `end`, which is now.
    bool step(Nanos end);
    void run(int64_t ns);
    template <class Condition>
    bool run_until(Condition condition, int64_t ns_max) {
        const Nanos end = clock.now() + ns_max;
        while (!condition())
            if (!step(end)) return condition();
        return true;
    }

    // Brokers. A start may be refused by what is on the disk: then the broker stays down.
    bool start(Broker& broker);
    void stop(Broker& broker);
    /// The power goes; `choice` says what of the writes that were not durable is there at the next start.
    void crash(Broker& broker, const CrashChoice& choice);
    /// An empty disk in place of the broker's, or its own again. It must be down.
    void swap_disk(Broker& broker);
    /// Bits flip in some blocks of its logs' files. It must be down, and have stopped by itself: what a crash may have
    /// torn cannot be told from what has rotted.
    void rot_disk(Broker& broker, Random& random);
    void throw_away(Broker& broker);   ///< the disk that is not in use
    bool all_serving() const;
    /// Every replica of every partition is in sync, as all brokers know.
    bool all_in_sync() const { return out_of_sync().empty(); }
    /// All replicas on other brokers are on record as in sync: nothing that was promised is on its disk alone.
    bool others_in_sync(const Broker& broker);
    /// A partition of which a broker knows otherwise.
    std::string out_of_sync() const;
    /// Of the first broker that does not.
    std::string waits_for() const;

    // Coordinators: one is active.
    void start(CoordinatorSeat& seat);
    void kill(CoordinatorSeat& seat, bool transaction_applied);
    /// The active one no longer is, and will notice later: nothing of what it writes reaches the store. Another one is.
    void depose(bool transaction_applied);
    /// It notices now, and begins anew.
    void step_down(CoordinatorSeat& seat);
    CoordinatorSeat& active() { return coordinators[active_]; }

    // The networks.
    /// Nothing passes from one host to the other, on either network.
    void cut(const std::string& from, const std::string& to, bool cut);
    std::vector<std::string> hosts() const;

    /// Of clients on either road.
    std::vector<io::Address> addresses(io::Road road) const;
    uint64_t next_seed() { return mix64(options.seed ^ ++seeds_); }

    const ClusterWorldOptions options;
    History& history;
    Clock clock;
    Network network;
    DatagramNetwork datagrams;
    StoreMedium medium;
    std::vector<Broker> brokers;
    std::vector<CoordinatorSeat> coordinators;
    std::vector<Inhabitant*> inhabitants;
    std::vector<std::string> client_hosts;
    uint64_t events = 0;   ///< turns that anybody had

private:
    Time time_of(const Broker& broker) const;
    Nanos next_event() const;
    std::unique_ptr<Directory> new_disk();
    void turn(Broker& broker);
    void turn(CoordinatorSeat& seat);

    size_t active_ = 0;
    uint64_t seeds_ = 0;
};

}  // namespace penstock::sim
