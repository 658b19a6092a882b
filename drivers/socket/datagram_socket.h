// A UDP socket before it belongs to a link: made, given its options, bound; and what its routes carry.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "base/error.h"
#include "io/link.h"

namespace penstock::socket {

struct DatagramSocketOptions {
    uint32_t receive_bytes = 8 << 20;  ///< of the kernel's buffers; it doubles them for its own bookkeeping
    uint32_t send_bytes = 4 << 20;
};

struct DatagramSocket {
    int descriptor = -1;
    sa_family_t family = AF_INET6;  ///< of the addresses it is given and gives
    bool ipv4 = true, ipv6 = true;  ///< the peers that it reaches
};

/// Bound, for both families where it can be. Fragments nothing: the transport finds out what a path carries, and says
/// when it is too much. With receive offload, where the kernel has it. Errc::exists if the port is in use.
Result<DatagramSocket> open_datagram_socket(const io::Address& address, const DatagramSocketOptions& options);

/// Errc::exists if somebody has the port. A program asks this once, before its links open. Waits for a killed process
/// to let go of it.
Result<void> probe_datagram_port(const io::Address& address, int64_t patience_ns);

/// Of its receive buffer, as the kernel granted it; without CAP_NET_ADMIN no more than net.core.rmem_max.
uint32_t granted_receive_bytes(int socket);
/// Datagrams that found the receive buffer full since the socket was made.
uint64_t dropped_datagrams(int socket);

/// The largest datagram that the route to `to` carries, by its MTU; 0 if there is no route.
uint32_t route_datagram_bytes(const io::Endpoint& to);

}  // namespace penstock::socket
