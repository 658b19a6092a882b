// TCP sockets before they belong to a ring or a poller: resolved, made, bound, given their options.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "io/stream.h"

namespace penstock::socket {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

/// Blocks while a name resolves. At least one address, at most `count_max`.
Result<std::vector<SocketAddress>> resolve(const io::Address& address, bool to_listen, size_t count_max);

/// Whether calls on a socket wait. For io_uring they must: where they would not, its operations would not either.
enum class Calls : uint8_t { wait, return_at_once };

/// A listening socket (SO_REUSEPORT); accepted ones inherit TCP_NODELAY and keepalive from it.
Result<int> listening_socket(const SocketAddress& address, int backlog, Calls calls);
/// Errc::exists if somebody listens there already. SO_REUSEPORT lets a second process of the same user share a port in
/// silence; a program asks this once, before it listens. Waits for a killed process to let go of the port.
Result<void> probe_port(const io::Address& address, int64_t patience_ns);
Result<int> connecting_socket(const SocketAddress& address, Calls calls);
/// Of an option that is an int.
bool set_option(int socket, int level, int option, int value);
uint16_t local_port(int socket);
/// "1.2.3.4:5678" or "[::1]:5678" of the peer; empty if it is gone.
void peer_text(int socket, char (&out)[48]);

}  // namespace penstock::socket
