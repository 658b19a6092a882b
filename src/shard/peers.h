// What one shard sends to the other brokers: for each of their shards one connection, and on it what the partitions
// that this shard leads have for their followers there, and questions for what this shard's disk has lost.
//
// Stepped by its shard: on_event() for its connections, on_view() when a view was published, and turn() once the rest
// of the turn has appended what it will. The Owner says who wants something (poll_follower) and what that is (pack);
// answers go back to it. Requests of a connection are answered in their order.
// Invariants. A follower that wants something stands in the row of its peer, or comes back through the Owner. Slices
// are lent from pack() until they are sent, or the connection is closed. What is under way is bounded for each
// follower, and for the shard; those that are not in sync get no more than a share of the disk, a request at a time.
// What it does not do: decide anything about replicas, keep a record of what was sent beyond its answer.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "broker/cluster_view.h"
#include "broker/options.h"
#include "broker/owner.h"
#include "io/stream.h"
#include "wire/node/frame_cutter.h"

namespace penstock::shard {

struct PeerCounters {
    uint64_t connections = 0;      ///< begun
    uint64_t requests = 0, bytes = 0;
    uint64_t refusals = 0;         ///< answers with an error, of one partition each
    uint64_t malformed = 0;        ///< answers; each ended its connection
};

class Peers {
public:
    /// The references must outlive it.
    Peers(broker::Owner& owner, io::Streams& streams, const broker::BrokerOptions& options);
    ~Peers();
    Peers(const Peers&) = delete;
    Peers& operator=(const Peers&) = delete;

    void on_view(const broker::ClusterView& view);
    /// False: the event is not of a connection of ours.
    bool on_event(const io::StreamEvent& event, Nanos now);
    /// True if anything was sent.
    bool turn(Nanos now);
    Nanos next_deadline() const { return next_deadline_; }
    /// Graceful stop: the connections end, nothing is sent any more.
    void begin_stop();
    /// The streams have nothing of ours any more.
    bool stopped() const { return stopping_ && by_connection_.empty(); }
    bool stopping() const { return stopping_; }

    const PeerCounters& counters() const { return counters_; }

private:
    using PeerName = std::pair<NodeId, uint32_t>;   ///< a broker, and its shard

    /// What is known of a part of a request until it is answered.
    struct Part {
        broker::FollowerName to;
        uint64_t bytes = 0;
    };
    enum class Kind : uint8_t { replicate, replica_state, read_replica };
    /// A request, from its making until it is answered and its bytes are sent.
    struct Sent {
        Arena arena{request_arena_bytes};
        std::span<const Fragment> frame;
        size_t handed = 0;                   ///< fragments that the streams have
        uint32_t sends_open = 0;
        std::vector<log::Slice> slices;
        uint64_t lent = 0;
        std::vector<Part> parts;
        Kind kind = Kind::replicate;
        uint64_t repair_id = 0;              ///< of Kind::read_replica
        bool answered = false;
        int32_t correlation = 0;
    };
    enum class State : uint8_t { closed, connecting, open };
    struct Peer {
        NodeId broker;
        State state = State::closed;
        io::ConnectionId connection;
        io::Address address;                 ///< port 0: it is not to be reached
        Uuid incarnation;
        Nanos retry_at;
        IntrusiveList<replica::Follower, replica::SendList> ready;
        std::deque<broker::RepairAsk> repairs;         ///< to be asked for
        std::deque<std::unique_ptr<Sent>> under_way;   ///< in order
        wire::node::FrameCutter answers{limits::peer_answer_bytes_max};
        int32_t correlation = 0;
    };

    static constexpr size_t request_arena_bytes = 8 * mib;
    static constexpr size_t idle_max = 64;

    void locate(const PeerName& name, Peer& peer);
    void sort_in();
    void sort_in_repairs();
    Peer* peer_of(NodeId broker, const log::LogKey& key);
    void connect(Peer& peer, Nanos now);
    void lose(Peer& peer, Nanos now);
    bool send_what_is_ready(Peer& peer, Nanos now);
    void ask_state(Peer& peer, replica::Follower& follower);
    void ask_for_batches(Peer& peer);
    bool replicate(Peer& peer, Nanos now);
    void earn_credit(Nanos now);
    bool may_send(const replica::Follower& follower, Nanos now);
    std::unique_ptr<Sent> take_sent(Peer& peer);
    template <class M>
    void begin(Peer& peer, std::unique_ptr<Sent> sent, const M& message);
    bool hand_over(Peer& peer);
    void on_sent(Peer& peer);
    static wire::node::NodeKey key_of(const Sent& sent);
    bool on_frame(Peer& peer, std::span<const std::byte> frame);
    bool on_state(const Sent& sent, wire::Reader& reader);
    bool on_settled(const Sent& sent, wire::Reader& reader);
    bool on_batches(const Peer& peer, const Sent& sent, wire::Reader& reader);
    void on_refused(const broker::FollowerName& name, int16_t error);
    void give_back(Sent& sent);
    void retire(Peer& peer);

    broker::Owner& owner_;
    io::Streams& streams_;
    const uint64_t lent_bytes_max_;                  ///< of the cache, what may be on its way
    const int64_t catch_up_bytes_per_s_;
    std::vector<broker::BrokerView> brokers_;        ///< of the latest view, by id
    std::map<PeerName, std::unique_ptr<Peer>> peers_;
    std::map<io::ConnectionId, Peer*> by_connection_;
    std::vector<std::unique_ptr<Sent>> idle_;
    Arena answer_arena_{request_arena_bytes};
    uint64_t lent_bytes_ = 0;
    int64_t catch_up_credit_ = 0;                    ///< bytes; below 0 what was sent is still to be earned
    Nanos credit_at_;
    Nanos next_deadline_ = never;
    bool stopping_ = false;
    PeerCounters counters_;
};

}  // namespace penstock::shard
