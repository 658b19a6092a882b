#include "socket/datagram_socket.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "socket/endpoint.h"
#include "socket/outlast.h"
#include "socket/socket.h"

namespace penstock::socket {

namespace {

constexpr int ipv4_headers = 20 + 8, ipv6_headers = 40 + 8;

/// Above net.core.rmem_max and wmem_max only with CAP_NET_ADMIN; else as much as they allow.
void set_buffer(int socket, int forced, int option, uint32_t bytes) {
    const auto value = static_cast<int>(std::min<uint32_t>(bytes, INT32_MAX / 2));
    if (!set_option(socket, SOL_SOCKET, forced, value)) set_option(socket, SOL_SOCKET, option, value);
}

Result<int> bound_socket(const SocketName& name, const DatagramSocketOptions& options) {
    const sa_family_t family = name.storage.sin6_family;
    const int socket = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return fail(Errc::io, errno);
    bool ok = set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (family == AF_INET6) {
        ok = ok && set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0) &&
             set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    }
    if (!ok || ::bind(socket, reinterpret_cast<const sockaddr*>(&name.storage), name.size) != 0) {
        const int os_error = errno;
        ::close(socket);
        return fail(os_error == EADDRINUSE ? Errc::exists : Errc::io, os_error);
    }
    set_buffer(socket, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_bytes);
    set_buffer(socket, SO_SNDBUFFORCE, SO_SNDBUF, options.send_bytes);
    set_option(socket, IPPROTO_UDP, UDP_GRO, 1);  // without it every datagram comes alone
    return socket;
}

}  // namespace

Result<DatagramSocket> open_datagram_socket(const io::Address& address, const DatagramSocketOptions& options) {
    io::Endpoint own{.port = address.port};
    const bool any = address.host.empty() || address.host == "::";
    if (!any) {
        auto found = resolve(address, true, 1);
        if (!found) return std::unexpected(found.error());
        own = endpoint_of(&found->front().storage, found->front().size);
    }
    DatagramSocket made{.ipv4 = any || is_ipv4(own), .ipv6 = any || !is_ipv4(own)};
    auto socket = bound_socket(socket_name(own, AF_INET6), options);
    if (!socket && socket.error().code != Errc::exists && made.ipv4) {
        // A machine without IPv6.
        constexpr sockaddr_in everywhere{.sin_family = AF_INET};
        if (any) own.ip = endpoint_of(&everywhere, sizeof everywhere).ip;
        auto ipv4 = bound_socket(socket_name(own, AF_INET), options);
        if (!ipv4) return std::unexpected(ipv4.error());
        return DatagramSocket{.descriptor = *ipv4, .family = AF_INET, .ipv4 = true, .ipv6 = false};
    }
    if (!socket) return std::unexpected(socket.error());
    made.descriptor = *socket;
    return made;
}

Result<void> probe_datagram_port(const io::Address& address, int64_t patience_ns) {
    Result<DatagramSocket> probed;
    outlast(patience_ns, [&] {
        probed = open_datagram_socket(address, {.receive_bytes = 4096, .send_bytes = 4096});
        return probed || probed.error().code != Errc::exists;
    });
    if (!probed) return std::unexpected(probed.error());
    ::close(probed->descriptor);
    return {};
}

uint32_t granted_receive_bytes(int socket) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    if (::getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, &size) != 0) return 0;
    return static_cast<uint32_t>(bytes);
}

uint64_t dropped_datagrams(int socket) {
    uint32_t counts[SK_MEMINFO_VARS] = {};
    socklen_t size = sizeof counts;
    if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, counts, &size) != 0) return 0;
    return counts[SK_MEMINFO_DROPS];
}

uint32_t route_datagram_bytes(const io::Endpoint& to) {
    const bool ipv4 = is_ipv4(to);
    const SocketName name = socket_name(to, ipv4 ? AF_INET : AF_INET6);
    const int socket = ::socket(name.storage.sin6_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return 0;
    int mtu = 0;
    socklen_t size = sizeof mtu;
    const bool known = ::connect(socket, reinterpret_cast<const sockaddr*>(&name.storage), name.size) == 0 &&
                       ::getsockopt(socket, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_MTU : IPV6_MTU, &mtu,
                                    &size) == 0;
    ::close(socket);
    const int headers = ipv4 ? ipv4_headers : ipv6_headers;
    if (!known || mtu <= headers) return 0;
    return std::min(static_cast<uint32_t>(mtu - headers), io::burst_bytes_max);
}

}  // namespace penstock::socket
