// One TCP connection as Streams keeps it, and the events that wait to be polled. Private to Streams.
#pragma once

#include <cstdint>
#include <vector>

#include "io/stream.h"
#include "socket/send_queue.h"
#include "socket/socket.h"

namespace penstock::socket {

enum class ConnectionState : uint8_t {
    free,        ///< the slot is nobody's
    connecting,
    open,
    ended,       ///< `closed` is queued; polling it frees the slot
};

struct Connection {
    explicit Connection(uint32_t own_index) : index(own_index) {}

    const uint32_t index;
    io::ConnectionId id;
    ConnectionState state = ConnectionState::free;
    int descriptor = -1;
    bool readable = false;          ///< the kernel may have something: bytes, an end, an error
    bool end_near = false;          ///< the kernel spoke of an end or an error: a short read is not the last
    bool in_readable_row = false;
    bool paused = false;
    bool peer_ended = false;        ///< no more bytes will come; sending goes on
    bool no_room = false;           ///< the kernel takes no more bytes until it says so
    bool in_sending_row = false;
    Error error{Errc::io, 0};
    char peer[48] = {};
    SendQueue sends;

    std::vector<SocketAddress> targets;  ///< connecting: what the name stands for
    size_t target = 0;                   ///< the one being tried
};

struct QueuedEvent {
    io::StreamEventKind kind = io::StreamEventKind::closed;
    uint32_t connection = 0;  ///< index; its slot is not used again before `closed` is polled
    uint64_t token = 0;
};

}  // namespace penstock::socket
