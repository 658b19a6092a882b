// What goes wrong in a cluster, and when: from a seed that first draws how often each kind of fault comes, or never, so
// that runs differ in what they are about, and then each single one.
//
// An Inhabitant of its world. Each fault ends by itself after a while; heal() ends all at once and begins no more.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "cluster_clients.h"
#include "cluster_world.h"

namespace penstock::sim {

struct FaultCounters {
    uint64_t crashes = 0, stops = 0, pauses = 0, cuts = 0, splits = 0, disks_swapped = 0, disks_failed = 0,
             disks_stalled = 0, disks_full = 0, coordinators_killed = 0, coordinators_deposed = 0,
             clients_killed = 0, clock_jumps = 0, blocks_rotted = 0;
};

class ClusterFaults final : public Inhabitant {
public:
    ClusterFaults(ClusterWorld& world, ClusterModel& model, std::vector<ClusterClient*> clients, uint64_t seed);
    ~ClusterFaults() override;

    bool turn(const Time& time) override;
    Nanos next_deadline() const override;
    /// Everything that was begun ends now, and everybody is up again; not all of them started anew.
    void heal();

    const FaultCounters& counters() const { return counters_; }

private:
    using Broker = ClusterWorld::Broker;
    struct Kind {
        void (ClusterFaults::*begin)();
        int64_t pause_ns;   ///< between two of them, where they come at all: a typical one
    };
    static const std::array<Kind, 16> kinds;

    void change_weather();
    void cut_pair();
    void isolate();
    void split();
    void crash_broker();
    void crash_all();
    void crash_all_but(const Broker& spared, int64_t down_ns);
    void join_late();
    void stop_broker();
    void pause_broker();
    void stall_disk();
    void fail_disk();
    void fill_disk();
    void swap_disk();
    void decide_about_disk(Broker& broker);
    void jump_clock();
    void kill_coordinator();
    void stall_coordinator();
    void hold_store(int64_t ns);
    void kill_client();

    Broker& any_broker() { return world_.brokers[random_.below(world_.brokers.size())]; }
    std::string any_host();
    void cut(const std::string& from, const std::string& to, int64_t ns);
    void crash(Broker& broker, int64_t down_ns);
    void start_later(Broker& broker, int64_t ns);
    void hold_as_it_joins(Broker& joins);
    void rot(Broker& broker);
    bool is_last_copy(const Broker& broker) const;
    CrashChoice any_choice();
    /// Mostly short, now and then long: from `low` to `high`, each order of magnitude as likely.
    int64_t duration(int64_t low, int64_t high);
    void after(int64_t ns, std::function<void()> then);

    ClusterWorld& world_;
    ClusterModel& model_;
    std::vector<ClusterClient*> clients_;
    Random random_;
    std::array<int64_t, 16> pauses_{};   ///< 0: this kind never comes
    std::array<Nanos, 16> next_{};
    std::multimap<Nanos, std::function<void()>> ends_;
    std::multimap<std::pair<std::string, std::string>, bool> cuts_;   ///< under way; a pair may be cut twice
    const size_t rots_;   ///< the broker whose disk rots: others have what it loses
    bool healed_ = false;
    FaultCounters counters_;
};

}  // namespace penstock::sim
