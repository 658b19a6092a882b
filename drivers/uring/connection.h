// One TCP connection as Streams keeps it, and the events that wait to be polled. Private to Streams.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "io/stream.h"
#include "socket/send_queue.h"
#include "socket/socket.h"

namespace penstock::uring {

enum class ConnectionState : uint8_t {
    free,        ///< the slot is nobody's
    connecting,
    open,
    ending,      ///< waits until nothing is under way in the kernel
    ended,       ///< `closed` is queued; polling it frees the slot
};

struct Connection {
    explicit Connection(uint32_t own_index) : index(own_index) {}

    const uint32_t index;
    io::ConnectionId id;
    ConnectionState state = ConnectionState::free;
    int socket = -1;
    uint32_t under_way = 0;         ///< operations in the kernel
    bool receive_armed = false;     ///< a multishot receive is among them
    bool cancel_under_way = false;  ///< of the receive
    bool paused = false;
    bool starved = false;           ///< waits for a receive buffer
    bool in_starved_row = false;    ///< stands in the row of those that wait, or did when it left off waiting
    bool peer_ended = false;        ///< no more bytes will come; sending goes on
    bool closed_by_caller = false;  ///< what was received and not polled is of no use any more
    bool send_under_way = false;
    bool ready_to_send = false;     ///< stands in the list that on_submit() looks at
    Error error{Errc::io, 0};
    char peer[48] = {};

    socket::SendQueue sends;
    std::vector<iovec> vectors;     ///< the kernel's copy of the front of `sends` while a send is under way
    msghdr message{};

    std::vector<socket::SocketAddress> targets;  ///< connecting: what the name stands for
    size_t target = 0;                   ///< the one being tried
};

struct QueuedEvent {
    io::StreamEventKind kind = io::StreamEventKind::closed;
    uint32_t connection = 0;  ///< index; its slot is not used again before `closed` is polled
    uint64_t token = 0;
    io::ReceiveBuffer buffer;
};

}  // namespace penstock::uring
