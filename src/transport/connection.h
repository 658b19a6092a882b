// One connection: streams in both directions over numbered packets, with recovery, congestion control and credit.
//
// Stepped by its endpoint, on the endpoint's thread: on_packet() and on_deadline() for what happened, fill() for what
// must go out, next_deadline() for when it wants to be looked at. The application opens streams, pushes and reads, and
// takes events. Invariant: whatever the peer does, memory stays within the credit that was granted, and every loop
// within a packet or what is under way. The handshake is over before there is a connection.
// What it does not do: no addresses, no sending; it does not know the other connections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/units.h"
#include "transport/bbr.h"
#include "transport/burst.h"
#include "transport/handshake.h"
#include "transport/pacer.h"
#include "transport/packet.h"
#include "transport/path_mtu.h"
#include "transport/received_packets.h"
#include "transport/round_trip.h"
#include "transport/sent_packets.h"
#include "transport/stream.h"

namespace penstock::transport {

struct ConnectionOptions {
    bool opener = false;
    ConnectionId own;               ///< in what arrives
    ConnectionId peer;              ///< in what is sent
    Parameters granted;             ///< what we told the peer
    Parameters grants;              ///< what the peer told us
    uint32_t datagram_bytes_max = datagram_bytes_min;   ///< of the link
    uint64_t seed = 0;              ///< of what need not be unpredictable
};

struct ConnectionCounters {
    uint64_t packets_sent = 0, bytes_sent = 0;
    uint64_t packets_received = 0, bytes_received = 0;
    uint64_t packets_repeated = 0;  ///< that arrived once more
    uint64_t packets_lost = 0, bytes_lost = 0;
    uint64_t bytes_repeated = 0;    ///< of streams, sent once more
    uint64_t probes = 0;            ///< timeouts
};

enum class EventKind : uint8_t {
    stream_opened,   ///< by the peer
    readable,        ///< there are bytes to read, or the end; told once until all was read
    pushed,          ///< all bytes of the push with `token` arrived
    stream_over,     ///< the peer gave the stream up, or wants no more of it: nothing will come of it
    streams_granted, ///< more streams may be opened
    closed,          ///< the last event
};

struct Event {
    EventKind kind = EventKind::closed;
    uint32_t stream = 0;
    uint64_t token = 0;
    CloseCode code = CloseCode::none;   ///< closed, stream_over
};

/// What a connection needs while it works and not in between: one for all of an endpoint, since most are idle.
struct Scratch {
    SentPackets::Outcome outcome;
    std::vector<Fragment> fragments;
};

class Connection {
public:
    /// `buffers` and `scratch` must outlive it.
    Connection(const ConnectionOptions& options, ReceivedBuffers& buffers, Scratch& scratch, Nanos now);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // What happened. Packets have the right id and checksum; `buffer` holds the bytes meanwhile.
    void on_packet(const DataHeader& header, std::span<const std::byte> packet, uint32_t buffer, Nanos now);
    void on_deadline(Nanos now);
    /// The opener says something, so that the acceptor knows that it was heard.
    void greet() { ping_due_ = true; }
    /// The peer says that it does not know the connection.
    void on_reset();

    // What must go out.
    bool wants_to_send(Nanos now);
    /// Adds packets to an empty burst, as many as may leave now.
    void fill(Burst& burst, Nanos now);
    Nanos next_deadline() const;

    // The application.
    /// Nothing: the peer allows no more streams for now.
    std::optional<uint32_t> open_stream();
    /// The fragments' bytes stay where they are until the event `pushed`, `stream_over` or `closed`. False: too many
    /// pushes wait, or the stream cannot be written to.
    bool push(uint32_t stream, std::span<const Fragment> fragments, uint64_t token);
    void end(uint32_t stream);
    /// Ends our direction, and reads no more of the other: if the peer still sends, it hears that nobody does.
    void finish(uint32_t stream);
    /// Gives up both directions.
    void cancel(uint32_t stream);
    size_t pushes(uint32_t stream) const;   ///< that wait to arrive
    /// The next bytes in order; the reader releases the slice's buffer.
    std::optional<ReceiveStream::Slice> read(uint32_t stream);
    /// The peer's direction ended, and all was read.
    bool at_end(uint32_t stream) const;
    void close(CloseCode code);
    std::optional<Event> next_event();
    bool has_event() const { return !events_.empty(); }

    bool closed() const { return closed_; }
    ConnectionId own_id() const { return options_.own; }
    ConnectionId peer_id() const { return options_.peer; }
    const ConnectionCounters& counters() const { return counters_; }
    const RoundTrip& round_trip() const { return round_trip_; }
    const CongestionControl& congestion() const { return congestion_; }
    uint32_t datagram_bytes() const { return path_mtu_.bytes(); }
    size_t streams() const { return streams_.size(); }

private:
    // connection_receive.cpp
    bool take(const Frame& frame, uint32_t buffer, Nanos now);
    bool take_stream(const Frame& frame, uint32_t buffer);
    void take_acknowledgement(const Frame& frame, Nanos now);
    void take_stream_reset(const Frame& frame);
    void take_stream_stop(const Frame& frame);
    Stream* stream_of_peer(uint32_t id);
    bool count_received(const Stream& stream, uint64_t highest_before);
    static CloseCode code_of(const Frame& frame);
    void settle(Nanos now);
    void settle_acknowledged(const SentFrame& frame);
    void settle_lost(const SentFrame& frame);

    // connection_send.cpp
    int64_t acknowledgement_delay_ns() const;
    Nanos tell_at() const;
    uint64_t waiting_bytes(uint64_t enough);
    bool may_send_data(Nanos now);
    Nanos mtu_probe_at() const;
    bool add_packet(Burst& burst, bool data, Nanos now);
    void record(Burst& burst, bool is_probe, Nanos now);
    void add_acknowledgement(Burst& burst, Nanos now);
    void add_ping(Burst& burst);
    void add_control(Burst& burst);
    void add_stream_control(Burst& burst, Stream& stream);
    void add_streams(Burst& burst);
    void add_mtu_probe(Burst& burst, uint32_t bytes, Nanos now);
    void add_close(Burst& burst);

    // connection.cpp
    size_t place_of(uint32_t id) const;
    Stream* find(uint32_t id) const;
    Stream& add_stream(uint32_t id);
    void want_to_send(Stream& stream);
    void tell_readable(Stream& stream);
    void grant_read(Stream& stream);
    void discard_unread(Stream& stream);
    void forget_if_over(Stream& stream);
    void emit(const Event& event) { events_.push_back(event); }
    void end_with(CloseCode code);
    int64_t idle_timeout_ns() const;
    Nanos keep_alive_at() const;
    Nanos probe_at() const;
    Nanos unanswered_until() const;
    void probe();

    ConnectionOptions options_;
    ReceivedBuffers& buffers_;
    ReceivedPackets received_;
    SentPackets sent_;
    Scratch& scratch_;
    RoundTrip round_trip_;
    Bbr congestion_;
    Pacer pacer_;
    PathMtu path_mtu_;

    std::vector<std::unique_ptr<Stream>> streams_;   ///< by id
    IntrusiveList<Stream, SendList> sendable_;       ///< in the order of their turns
    uint32_t streams_opened_ = 0;                    ///< by whichever end opened the connection
    uint32_t streams_granted_ = 0;                   ///< how many may be, as told or as heard
    uint32_t streams_over_ = 0;

    uint64_t send_limit_ = 0, sent_bytes_ = 0;       ///< of all streams: what the peer takes
    uint64_t receive_limit_ = 0, received_bytes_ = 0, read_bytes_ = 0;

    bool credit_due_ = false, streams_credit_due_ = false, ping_due_ = false, close_due_ = false;
    CloseCode close_code_ = CloseCode::none;
    bool closed_ = false;
    uint32_t probes_due_ = 0;                        ///< packets that may leave whatever the window is
    uint32_t probes_in_a_row_ = 0;
    Nanos heard_at_, pinged_at_;
    Nanos answered_at_;                              ///< the last news of what is under way, or when that began
    bool waits_for_pace_ = false;                    ///< until the pacer has paced_bytes_
    uint64_t paced_bytes_ = 0;

    Row<Event> events_;
    ConnectionCounters counters_;
};

}  // namespace penstock::transport
