// What the core asks of TCP: connections that deliver received bytes in lent buffers and send fragments
// without copying them. One Streams belongs to one shard thread.
//
// Every connection has one receive direction that can be paused (back-pressure) and an ordered send queue.
// Drivers: drivers/uring (io_uring: multishot accept and receive into provided buffers), drivers/socket (epoll),
// drivers/sim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace penstock::io {

/// Names a connection for ever: ids are never used again, so late events cannot hit a successor.
struct ConnectionId {
    uint64_t value = 0;
    friend auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

/// A lent receive buffer. Must be given back by release() exactly once, at any time, also after close.
struct ReceiveBuffer {
    const std::byte* data = nullptr;
    uint32_t size = 0;   ///< bytes received
    uint32_t index = 0;  ///< the driver's
};

enum class StreamEventKind : uint8_t {
    accepted,   ///< a peer connected to the listener; `peer` is its address
    connected,  ///< a connect() succeeded
    received,   ///< `buffer` holds the next bytes of the connection
    sent,       ///< the send with `token` was handed over whole: its fragments are the caller's again
    ended,      ///< the peer sends no more; it may have gone, or wait for what we still send. close() is up to us.
    closed,     ///< the last event of a connection: error, or close(). Sends not reported before are over: their
                ///< fragments are the caller's again.
};

/// How bytes travel.
enum class Road : uint8_t {
    tcp,     ///< the kernel's TCP: Kafka's clients
    native,  ///< streams of transport/, over datagrams
};

struct StreamEvent {
    StreamEventKind kind = StreamEventKind::closed;
    ConnectionId connection;
    ReceiveBuffer buffer;     ///< received
    uint64_t token = 0;       ///< sent
    Error error;              ///< closed: why, when it was not a plain end (os_error 0)
    char peer[48] = {};       ///< accepted: "1.2.3.4:5678" or "[::1]:5678"
    Road road = Road::tcp;    ///< accepted
    bool proven = false;      ///< accepted: the peer showed that it knows the cluster's secret
};

struct Address {
    std::string host;
    uint16_t port = 0;
    Road road = Road::tcp;

    friend bool operator==(const Address&, const Address&) = default;
};

class Streams {
public:
    virtual ~Streams() = default;

    /// Starts listening; several shards may listen on one port (SO_REUSEPORT). Port 0 lets the kernel choose;
    /// the port that is in use comes back.
    virtual Result<uint16_t> listen(const Address& address) = 0;
    /// Stops accepting; connections go on.
    virtual void stop_listening() = 0;

    /// Starts connecting (host: a name or address; names resolve before the call returns, blocking).
    /// Ends in `connected` or `closed`.
    virtual Result<ConnectionId> connect(const Address& address) = 0;

    /// Queues bytes behind all earlier sends of the connection. The fragments' memory must stay valid until `sent`
    /// or `closed`; the span itself is copied. At most max_send_fragments. Errc::would_block when the connection has
    /// max_sends_queued sends waiting: the caller must keep it and try again after a `sent`.
    virtual Result<void> send(ConnectionId connection, std::span<const Fragment> fragments, uint64_t token) = 0;

    /// Stops or restarts receiving. A few `received` events may still follow a pause.
    virtual void pause(ConnectionId connection) = 0;
    virtual void resume(ConnectionId connection) = 0;

    /// Gives a buffer back to the pool that all connections of this shard receive into.
    virtual void release(const ReceiveBuffer& buffer) = 0;
    /// How much of that pool is free, 0 to 1. Below a half, holders should copy out what they keep long.
    virtual double free_buffer_share() const = 0;

    /// Drops queued sends and closes; `closed` follows. Unknown ids are ignored.
    virtual void close(ConnectionId connection) = 0;

    /// Moves events into `out`; returns how many. Never blocks.
    virtual size_t poll(std::span<StreamEvent> out) = 0;
};

inline constexpr uint32_t max_send_fragments = 512;
inline constexpr uint32_t max_sends_queued = 64;

}  // namespace penstock::io
