// Endpoints as the kernel writes them, and back.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "io/link.h"

namespace penstock::socket {

bool is_ipv4(const io::Endpoint& endpoint);

/// Both families of addresses fit.
struct SocketName {
    sockaddr_in6 storage{};
    socklen_t size = 0;
};

/// For a socket of `family`. Size 0 if such a socket cannot say it: an IPv6 address for an IPv4 socket.
SocketName socket_name(const io::Endpoint& endpoint, sa_family_t family);

/// Of an AF_INET or AF_INET6 address; of any other, all zero.
io::Endpoint endpoint_of(const void* address, socklen_t size);

}  // namespace penstock::socket
