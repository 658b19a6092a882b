// A network of datagrams in memory, under virtual time and from a seed: it may lose, repeat, reorder, damage, delay and
// throttle them, for each direction between two endpoints as a test says, and otherwise at another time.
//
// One DatagramNetwork holds what is under way in a simulation; each node has one Link (sim/link.h) or several on it.
// Whoever drives the simulation calls step() or run(), between the steps of the nodes. Options hold for what is sent
// from then on. Equal seeds and calls give equal runs.
// What it does not do: no headers count, neither for sizes nor for bandwidth, and nobody hears of a loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/units.h"
#include "io/link.h"
#include "sim/clock.h"

namespace penstock::sim {

class Link;

/// One direction. A path keeps the order of its datagrams but for those that are repeated or `reordered`.
struct PathOptions {
    int64_t delay_ns_min = 20 * microsecond_ns, delay_ns_max = 200 * microsecond_ns;
    uint32_t reordered_per_million = 0;          ///< take up to `reordered_ns_max` longer, and others pass them
    int64_t reordered_ns_max = 2 * millisecond_ns;
    uint32_t lost_per_million = 0;               ///< how often a row of losses begins
    uint32_t losses_in_a_row_max = 1;            ///< any length up to here is as likely
    uint32_t repeated_per_million = 0;           ///< arrive once more, up to `reordered_ns_max` later
    uint32_t damaged_per_million = 0;            ///< a bit is another, bytes at the end are missing, or there are more
    uint32_t datagram_bytes_max = 65'507;        ///< larger ones are lost
    uint64_t bytes_per_second = 0;               ///< 0: as many as come
    uint64_t queue_bytes = 256 * kib;            ///< with bytes_per_second: what finds no room in the queue is lost
    bool blackout = false;                       ///< nothing passes, nor what is under way when it begins
};

/// Datagrams. What was sent is lost for one of the reasons, or arrives; what is repeated arrives once more.
struct DatagramCounters {
    uint64_t sent = 0, arrived = 0, injected = 0;
    uint64_t lost = 0, blacked_out = 0, too_large = 0, queue_full = 0;
    uint64_t nobody = 0;          ///< the endpoint is not open
    uint64_t no_buffer = 0;       ///< its receive buffers were all lent
    uint64_t repeated = 0, reordered = 0, damaged = 0;
};

/// The endpoint of a host: "10.0.0.1" and "fd00::1" are what they say, any other name has an address of its own.
io::Endpoint endpoint_of(const std::string& host, uint16_t port);

class DatagramNetwork {
public:
    /// The clock must outlive the network, the network all its Links.
    DatagramNetwork(Clock& clock, uint64_t seed, const PathOptions& paths = {});
    ~DatagramNetwork();

    /// For all paths that have no options of their own.
    void set_paths(const PathOptions& options);
    /// For one direction: from and to these endpoints, or, with port 0 in both, all that these two hosts exchange;
    /// those then share the path's bandwidth and queue.
    void set_path(const io::Endpoint& from, const io::Endpoint& to, const PathOptions& options);
    /// What holds for this direction now; to change one thing of it.
    PathOptions path(const io::Endpoint& from, const io::Endpoint& to) const;
    /// Nothing passes anywhere, whatever the options say.
    void set_blackout(bool blackout) { blackout_ = blackout; }
    /// Nothing passes from one host to the other, whatever the options say.
    void set_cut(const std::string& from, const std::string& to, bool cut);

    /// A datagram arrives now, from whomever it names: no path is in its way.
    void inject(const io::Endpoint& from, const io::Endpoint& to, std::span<const std::byte> datagram);

    /// When something happens next; never if nothing is under way.
    Nanos next_event() const;
    /// Lets everything happen that is due.
    void run();
    /// Moves the clock to the next event and runs it. False if there is none.
    bool step();

    const DatagramCounters& counters() const { return counters_; }

private:
    friend class Link;
    using Direction = std::pair<io::Endpoint, io::Endpoint>;
    struct Path {
        Nanos idle_from;       ///< when all that waits in the queue is on its way
        Nanos last_arrival;
        uint32_t losses_left = 0;
    };
    struct Datagram {
        io::Endpoint from, to;
        std::vector<std::byte> bytes;  ///< empty: only lets time pass, for whoever waits for room to send
    };

    Direction rule_of(const io::Endpoint& from, const io::Endpoint& to) const;
    bool is_dark(const io::Endpoint& from, const io::Endpoint& to) const;
    void send(const io::Endpoint& from, const io::Endpoint& to, std::vector<std::byte> bytes);
    bool is_lost(Path& path, const PathOptions& options);
    Nanos leave(Path& path, const PathOptions& options, size_t bytes);
    Nanos arrival(Path& path, const PathOptions& options, Nanos left);
    void damage(std::vector<std::byte>& bytes);
    void schedule(Nanos at, Datagram datagram);
    void happen_next();
    void hand_over(const Datagram& datagram);

    Clock& clock_;
    Random random_;
    PathOptions paths_;
    bool blackout_ = false;
    std::map<Direction, PathOptions> rules_;
    std::set<Direction> cuts_;          ///< of hosts: port 0
    std::map<Direction, Path> states_;  ///< by the rule, or by the endpoints where there is none
    std::map<io::Endpoint, Link*> links_;
    std::map<std::pair<Nanos, uint64_t>, Datagram> under_way_;  ///< those of one moment in the order they were made
    uint64_t next_sequence_ = 0;
    uint16_t next_port_ = 20'000;
    DatagramCounters counters_;
};

}  // namespace penstock::sim
