// All connections of one port: takes datagrams to the connection that they are for, makes connections, and sends what
// they have to say.
//
// Stepped by its shard: turn() receives, lets time pass and sends, each within a bound; next_deadline() says when it
// must be called even if nothing arrives. The application finds a connection by its id, acts on it, and takes events;
// whatever it did is sent in the next turn. Whoever has not shown that it receives at its address costs no memory.
// What it does not do: no streams' contents, no resolving of names (the link does).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer_heap.h"
#include "io/link.h"
#include "transport/connection.h"
#include "transport/handshake.h"

namespace penstock::transport {

struct EndpointOptions {
    Seed seed{};                            ///< of all that must be hard to guess
    std::vector<std::byte> secret;          ///< the cluster's; empty: nothing is proven
    bool accepts = false;
    bool proven_only = false;               ///< who does not prove that it knows the secret is refused
    uint32_t connections_max = 16 * 1024;
    uint64_t copied_bytes_max = 64 * mib;   ///< of what arrived out of order
    Parameters parameters{.idle_timeout_ms = 30'000,
                          .acknowledgement_delay_us = 1000,
                          .connection_credit = 4 * mib,
                          .stream_credit = 4 * mib,
                          .streams = 1024,
                          .datagram_bytes_max = datagram_bytes_max};
};

struct EndpointCounters {
    uint64_t datagrams_received = 0, damaged = 0, strange = 0;   ///< strange: of no kind, or not to be answered
    uint64_t cookies_sent = 0, refusals_sent = 0, resets_sent = 0;
    uint64_t accepted = 0, opened = 0;
};

enum class EndpointEventKind : uint8_t {
    connected,    ///< what connect() began
    accepted,
    connection,   ///< see `event`; with EventKind::closed it is the last
};

struct EndpointEvent {
    EndpointEventKind kind = EndpointEventKind::connection;
    ConnectionId connection;
    Event event;
};

class Endpoint {
public:
    /// The link is open, and outlives it.
    Endpoint(io::Link& link, const EndpointOptions& options);
    ~Endpoint();
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    /// True if it did anything.
    bool turn(Nanos now);
    Nanos next_deadline() const { return dirty_.empty() || waiting_burst_ ? timers_.next_deadline() : Nanos(0); }

    /// Ends in `connected` or in `closed`.
    ConnectionId connect(const io::Endpoint& to, bool with_proof, Nanos now);
    /// Null for one that is not open, or no more. What is done with it is sent in the next turn.
    Connection* find(ConnectionId id);
    const io::Endpoint* peer_of(ConnectionId id) const;
    /// Whether the peer proved that it knows the secret.
    bool proven(ConnectionId id) const;
    std::optional<EndpointEvent> next_event();
    /// The peers hear of it in the next turn.
    void close_all();
    /// From now on, HELLOs are answered or not.
    void set_accepting(bool accepts) { options_.accepts = accepts; }
    /// The reader is done with a slice.
    void release(uint32_t buffer) { buffers_.release(buffer); }
    double free_buffer_share() const { return link_.free_buffer_share(); }

    uint64_t copied_bytes() const { return buffers_.copied_bytes(); }
    size_t connections() const { return peers_.size(); }
    const EndpointCounters& counters() const { return counters_; }

private:
    struct DirtyList;
    struct EventList;

    struct Peer : Timer, ListLink<DirtyList>, ListLink<EventList> {
        ConnectionId id;
        io::Endpoint address;
        bool opener = false, with_proof = false, proven = false;
        bool told_open = false;            ///< the event `connected` or `accepted` was taken
        bool failed = false;
        CloseCode failure = CloseCode::none;
        Nonce nonce{};
        Cookie cookie{};
        Nanos begun_at, try_again_at = never;
        uint32_t tries = 0;
        ConnectionId peer_id;              ///< in the handshake; the connection knows it later
        std::unique_ptr<Connection> connection;
    };
    using PeerNames = std::map<std::pair<io::Endpoint, uint64_t>, Peer*>;

    bool receive(Nanos now);
    void take(const io::Endpoint& from, std::span<const std::byte> packet, uint32_t buffer, Nanos now);
    void take_data(const io::Endpoint& from, std::span<const std::byte> packet, uint32_t buffer, Nanos now);
    void take_reset(const io::Endpoint& from, std::span<const std::byte> packet);
    void send_reset(const io::Endpoint& to, ConnectionId unknown, Nanos now);

    // endpoint_handshake.cpp
    void take_hello(const io::Endpoint& from, std::span<const std::byte> packet, Nanos now);
    void take_cookie(const io::Endpoint& from, std::span<const std::byte> packet, Nanos now);
    void take_welcome(const io::Endpoint& from, std::span<const std::byte> packet, Nanos now);
    void take_versions(const io::Endpoint& from, std::span<const std::byte> packet);
    void take_refusal(const io::Endpoint& from, std::span<const std::byte> packet);
    Peer* opening(const io::Endpoint& from, ConnectionId id, const Nonce& nonce);
    void accept(const io::Endpoint& from, const Hello& hello, Nanos now);
    void send_welcome(const Peer& peer);
    void send_hello(Peer& peer, Nanos now);
    void refuse(const io::Endpoint& to, const Hello& hello, CloseCode code);
    void send_one(const io::Endpoint& to, std::span<const std::byte> packet);
    bool open(Peer& peer, const Parameters& grants, Nanos now);
    void fail(Peer& peer, CloseCode code);
    void step_handshake(Peer& peer, Nanos now);

    // endpoint.cpp
    Peer& add_peer(const io::Endpoint& address);
    Peer* find_peer(ConnectionId id) const;
    ConnectionId new_id();
    void mark(Peer& peer);
    void expire(Nanos now);
    bool flush(Nanos now);
    void set_timer(Peer& peer, Nanos now);
    bool send_burst();
    void remove_if_done(Peer& peer);

    io::Link& link_;
    EndpointOptions options_;
    SecretBits secrets_;
    Hash cookie_key_;
    Random random_;
    ReceivedBuffers buffers_;
    Scratch scratch_;
    std::unordered_map<uint64_t, std::unique_ptr<Peer>> peers_;
    PeerNames names_;                                ///< by address and what the peer calls the connection
    TimerHeap timers_;
    IntrusiveList<Peer, DirtyList> dirty_;           ///< something happened: they may have something to send
    IntrusiveList<Peer, EventList> eventful_;
    Burst burst_;
    io::Endpoint burst_to_;
    bool waiting_burst_ = false;                     ///< the link had no room for burst_
    std::vector<io::IncomingBurst> incoming_;
    Nanos resets_since_;
    uint32_t resets_ = 0;
    EndpointCounters counters_;
};

}  // namespace penstock::transport
