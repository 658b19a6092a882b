// The cluster as a client sees it: its brokers, its topics and who leads their partitions, and the connections there.
//
// Stepped by the edge: turn() takes what the streams report, lets time pass, and steps every Member: the producers,
// consumers and calls of the client. These ask for connections when they have something to send: a connection that is
// not there yet is begun, and they are stepped again when it is. Invariants: one connection for each address and
// purpose; one request for metadata under way, unless its broker is silent; after a failure an address rests, longer
// each time. A broker that is silent may be dead, which only the others know: they are asked, and when it is no member
// of the cluster any more its connections are closed, long before their requests time out.
// What it does not do: read a clock, or wait.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/uuid.h"
#include "client/bootstrap.h"
#include "client/connection.h"

namespace penstock::client {

/// Each has a connection of its own, so that what waits long at a broker holds up nothing else. On the native road
/// these are streams of one connection of the transport.
enum class Purpose : uint8_t { control, produce, fetch, fetch_behind, group };

struct PartitionPlace {
    int32_t leader = -1;         ///< -1: none now
    int32_t leader_epoch = -1;
    int32_t native_port = -1;    ///< of the shard that owns it; -1: any of the leader's
};

struct Topic {
    penstock_error error = PENSTOCK_OK;   ///< why it cannot be used, if it cannot
    Uuid id;
    bool internal = false;
    std::vector<PartitionPlace> partitions;
};

struct ClusterOptions {
    ClientName name;
    int64_t connect_timeout_ns = 10 * second_ns;
    int64_t request_timeout_ns = 30 * second_ns;
    int64_t metadata_age_ns = 300 * second_ns;
    uint64_t seed = 1;
};

/// What belongs to a client and has something to do from time to time.
class Member {
public:
    virtual ~Member() = default;
    virtual void step(const Time& time) = 0;
    /// When to be stepped even if nothing arrives.
    virtual Nanos next_deadline() const = 0;
};

class Cluster final : private Requester {
public:
    Cluster(io::Streams& streams, Bootstrap bootstrap, const ClusterOptions& options);
    ~Cluster() override;

    /// True if anything happened.
    bool turn(const Time& time);
    Nanos next_deadline() const;
    /// The time of the turn that goes on or was last.
    const Time& time() const { return time_; }
    /// When members were stepped last: what next_deadline() counts from, or a deadline could recede for ever.
    Nanos stepped_at() const { return stepped_at_; }
    const ClusterOptions& options() const { return options_; }

    void add(Member& member) { members_.push_back(&member); }
    void remove(const Member& member);
    /// Something was asked of a member: it is stepped in the next turn.
    void wake() { awake_ = true; }

    // Topics.
    /// Keeps the topic's partitions known until unwatch().
    void watch(const std::string& topic, bool create);
    void unwatch(const std::string& topic);
    /// Null: not known yet.
    const Topic* find(const std::string& topic) const;
    /// What is known proved wrong.
    void refresh() { stale_ = true; }
    /// Counts the answers to metadata requests.
    uint64_t revision() const { return revision_; }

    // Connections. Null: not now; it is being seen to, or failure() says why not.
    Connection* any(Purpose purpose);
    Connection* broker(int32_t id, Purpose purpose);
    Connection* leader(const PartitionPlace& place, Purpose purpose);
    Connection* controller(Purpose purpose) { return controller_ < 0 ? nullptr : broker(controller_, purpose); }
    /// The answers interest this one no more.
    void forget(const Requester& requester);

    /// The last thing that went wrong.
    const Failure& failure() const { return failure_; }
    void report(Failure failure) { failure_ = std::move(failure); }
    Random& random() { return random_; }
    bool native() const { return bootstrap_.road == io::Road::native; }

private:
    struct Place {
        io::Address address;
        Purpose purpose;
        int32_t broker = -1;       ///< whose it is, as metadata had it; -1: not known
        std::unique_ptr<Connection> connection;
        Nanos begun;               ///< of the connection
        Nanos not_before;
        int64_t backoff_ns = 0;
        bool wanted = false;   ///< asked for while there is none
    };
    struct Broker {
        std::string host;
        int32_t port = -1, native_port = -1;
    };
    struct Watched {
        uint32_t watchers = 0;
        bool create = false;
        std::optional<Topic> topic;
    };

    static constexpr size_t events_per_round = 64;

    bool take_events();
    void expire();
    Place* find(const io::Address& address, Purpose purpose) const;
    Connection* at(int32_t id, const std::string& host, int32_t port, Purpose purpose);
    Connection* connect(const io::Address& address, Purpose purpose, int32_t broker);
    void lose(Place& place);
    Nanos silence_ends(const Place& place) const;
    bool silent(const Place& place) const { return silence_ends(place) <= time_.now; }
    bool somebody_is_silent() const;
    bool asking() const;
    void recognize_brokers();
    void close_those_who_left();
    void step_metadata();
    void on_answer(uint64_t ask, const Answer& answer, Nanos now) override;
    void on_lost(uint64_t ask, const Failure& why, Nanos now) override;
    void metadata_failed();

    io::Streams& streams_;
    Bootstrap bootstrap_;
    ClusterOptions options_;
    Random random_;
    Time time_;
    Nanos stepped_at_;
    std::vector<std::unique_ptr<Place>> places_;
    std::map<int32_t, Broker> brokers_;
    std::map<std::string, Watched> topics_;
    int32_t controller_ = -1;
    std::vector<Member*> members_;
    std::array<io::StreamEvent, events_per_round> events_;   ///< of one round: too large to be made anew in each
    size_t next_bootstrap_ = 0;
    Failure failure_;

    bool awake_ = false;
    bool stale_ = false;
    const Connection* asked_ = nullptr;   ///< for metadata; another may be, too, when this one is silent
    uint64_t revision_ = 0;
    uint64_t asks_ = 0;
    Nanos ask_not_before_, fresh_until_ = never;
    int64_t ask_backoff_ns_ = 0;
};

}  // namespace penstock::client
