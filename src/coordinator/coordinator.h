// The coordinator: a deterministic state machine that knows who is alive, who leads each partition, and what topics
// exist.
//
// Stepped by Server (or a test), once a turn: on_frame()/on_closed()/on_stored() for what came in, on_turn(now), then
// poll_*() until each is empty. It holds no socket and no file.
//
// Invariants. Every change is part of one store transaction at a time, and nothing that depends on a change is sent
// before the store has confirmed it: while a transaction is under way requests wait, so what is answered is always
// durable. Heartbeats alone are answered at once, for they tell nothing of the state. All requests that waited go into
// the next transaction together. After a failed write nothing is sent any more: what reached the disk is known only
// after a restart. What it does not do: cut streams into frames, log (see poll_note), move records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/random.h"
#include "base/units.h"
#include "coordinator/leader_elections.h"
#include "coordinator/sessions.h"
#include "coordinator/state.h"
#include "coordinator/topics.h"
#include "coordinator/watch.h"
#include "io/store.h"
#include "io/stream.h"

namespace penstock::coordinator {

struct CoordinatorOptions {
    int64_t session_timeout_ns = 500 * millisecond_ns;  ///< a broker that is silent for so long is fenced
    TopicDefaults topic_defaults;
    /// How often partitions that somebody else leads go back to their preferred leaders
    int64_t leader_rebalance_interval_ns = 30 * second_ns;
    /// Of ids of the cluster, topics and sessions: from the system's entropy, different at every start
    uint64_t seed = 0;
};

/// A whole frame, size first.
struct OutgoingFrame {
    io::ConnectionId connection;
    std::vector<std::byte> bytes;
};

/// Something that an operator may want to read in a log.
struct Note {
    bool warning = false;
    std::string text;
};

class Coordinator {
public:
    Coordinator(const CoordinatorOptions& options, State state, Nanos now);

    // What came in.
    /// A frame without its size. Connections are known from their first frame on.
    void on_frame(io::ConnectionId connection, std::span<const std::byte> frame, Nanos now);
    void on_closed(io::ConnectionId connection);
    void on_stored(const io::StoreCompletion& completion, Nanos now);
    /// Deadlines; then everything that waits becomes answers or the next transaction.
    void on_turn(Nanos now);

    // What must go out.
    std::optional<io::StoreTransaction> poll_transaction();
    std::optional<OutgoingFrame> poll_frame();
    std::optional<io::ConnectionId> poll_close();
    std::optional<Note> poll_note();
    Nanos next_deadline() const;

    /// Set for good once a write failed: stop the process, start again.
    const std::optional<Error>& failure() const { return failure_; }
    const State& state() const { return state_; }

private:
    struct Request {
        io::ConnectionId connection;
        wire::RequestHeader header;
        std::vector<std::byte> body;
    };
    struct Watch {
        WatchPosition position;
        wire::RequestHeader header;
        Nanos deadline;
    };
    struct Peer {
        NodeId broker = no_node;        ///< set by its registration
        uint32_t requests_waiting = 0;
        std::optional<Watch> watch;
    };

    // Frames.
    void accept(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header, wire::Reader& reader,
                Nanos now);
    void enqueue(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header, wire::Reader& reader);
    void drop(io::ConnectionId connection, std::string why);
    template <class M>
    void answer(io::ConnectionId connection, const wire::RequestHeader& header, const M& message,
                std::deque<OutgoingFrame>& into) {
        encode_arena_.reset();
        push(connection, wire::response_frame(encode_arena_, header.correlation_id, message, header.version), into);
    }
    void push(io::ConnectionId connection, const Result<std::span<const Fragment>>& frame,
              std::deque<OutgoingFrame>& into);
    /// The session that the connection registered, if `id` names it and it is not over.
    Session* session_of(io::ConnectionId connection, const Peer& peer, int64_t id);

    // Requests: coordinator_requests.cpp has those that may change the state.
    void on_heartbeat(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header, wire::Reader& reader,
                      Nanos now);
    void on_watch(io::ConnectionId connection, Peer& peer, const wire::RequestHeader& header, wire::Reader& reader,
                  Nanos now);
    bool handle(const Request& request, Peer& peer, Nanos now);
    bool on_register(const Request& request, Peer& peer, wire::Reader& reader, Nanos now);
    bool on_create_topics(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_delete_topics(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_create_partitions(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_alter_configs(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_allocate_producer_ids(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_alter_partitions(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_elect_leaders(const Request& request, const Peer& peer, wire::Reader& reader);
    bool on_alter_reassignments(const Request& request, const Peer& peer, wire::Reader& reader);
    template <class Response>
    void answer_topics(const Request& request, wire::kafka::ErrorCode error, const std::vector<TopicOutcome>& outcomes);
    template <class Response>
    void answer_partitions(const Request& request, wire::kafka::ErrorCode error,
                           const std::vector<PartitionOutcome>& outcomes, bool more);
    /// Of the state with the changes that are being gathered.
    int64_t next_revision() const {
        return static_cast<int64_t>(state_.revision() + (state_.dirty_rows() > 0 ? 1 : 0));
    }

    // The turn.
    void fence_expired(Nanos now);
    void let_stop();
    void rebalance(Nanos now);
    void raise_internal();
    void confirm_deletions();
    void handle_waiting(Nanos now);
    void release(Nanos now);
    void answer_watches(Nanos now);
    void note(bool warning, std::string text);

    CoordinatorOptions options_;
    State state_;
    Sessions sessions_;
    Random random_;
    Arena decode_arena_, encode_arena_;
    std::map<io::ConnectionId, Peer> peers_;
    std::deque<Request> waiting_;
    uint64_t waiting_bytes_ = 0;
    std::set<NodeId> confirming_;            ///< brokers whose applied revision moved on
    std::set<NodeId> wanting_to_stop_;       ///< brokers whose heartbeats said so
    std::set<NodeId> stopping_;              ///< of them, those whose hand-over the store is to confirm
    Nanos rebalance_at_;
    bool raising_ = false;                   ///< internal topics want more raises than the last transaction holds
    std::vector<NodeId> opened_;             ///< sessions whose registration is not answered yet
    bool store_busy_ = false;
    std::optional<io::StoreTransaction> transaction_;
    std::deque<OutgoingFrame> held_;         ///< until the store has confirmed what they say
    std::deque<OutgoingFrame> outgoing_;
    std::deque<io::ConnectionId> closing_;
    std::deque<Note> notes_;
    std::optional<Error> failure_;
};

}  // namespace penstock::coordinator
