#include "socket/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "socket/outlast.h"

namespace penstock::socket {

namespace {

/// No delay: we coalesce ourselves. Keepalive: a peer that vanished without a word is gone after two minutes.
bool set_common_options(int socket) {
    return set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1) && set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60) && set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 15) &&
           set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

int stream_type(Calls calls) {
    return SOCK_STREAM | SOCK_CLOEXEC | (calls == Calls::wait ? 0 : SOCK_NONBLOCK);
}

std::unexpected<Error> close_and_fail(int socket) {
    const int os_error = errno;
    ::close(socket);
    return fail(os_error == EADDRINUSE ? Errc::exists : Errc::io, os_error);
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(const io::Address& address, bool to_listen, size_t count_max) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (to_listen ? AI_PASSIVE : AI_ADDRCONFIG);
    const std::string port = std::to_string(address.port);
    const char* host = address.host.empty() ? nullptr : address.host.c_str();
    addrinfo* found = nullptr;
    // Addresses first: looking them up as names would drop them where no interface has their family.
    hints.ai_flags |= AI_NUMERICHOST;
    int result = ::getaddrinfo(host, port.c_str(), &hints, &found);
    if (result == EAI_NONAME) {
        hints.ai_flags &= ~AI_NUMERICHOST;
        result = ::getaddrinfo(host, port.c_str(), &hints, &found);
    }
    if (result != 0) return fail(Errc::not_found, result == EAI_SYSTEM ? errno : 0);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* at = found; at != nullptr && addresses.size() < count_max; at = at->ai_next) {
        SocketAddress one;
        std::memcpy(&one.storage, at->ai_addr, at->ai_addrlen);
        one.size = at->ai_addrlen;
        addresses.push_back(one);
    }
    ::freeaddrinfo(found);
    if (addresses.empty()) return fail(Errc::not_found);
    return addresses;
}

Result<int> listening_socket(const SocketAddress& address, int backlog, Calls calls) {
    const int socket = ::socket(address.storage.ss_family, stream_type(calls), 0);
    if (socket < 0) return fail(Errc::io, errno);
    if (!set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1) || !set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1) ||
        !set_common_options(socket) ||
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
        ::listen(socket, backlog) != 0) {
        return close_and_fail(socket);
    }
    return socket;
}

namespace {

Result<void> probe_once(const SocketAddress& address) {
    const int socket = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return fail(Errc::io, errno);
    if (!set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1) ||
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
        return close_and_fail(socket);
    }
    ::close(socket);
    return {};
}

}  // namespace

Result<void> probe_port(const io::Address& address, int64_t patience_ns) {
    if (address.port == 0) return {};
    auto addresses = resolve(address, true, 1);
    if (!addresses) return std::unexpected(addresses.error());
    const SocketAddress& first = addresses->front();
    Result<void> probed;
    outlast(patience_ns, [&] {
        probed = probe_once(first);
        return probed || probed.error().code != Errc::exists;
    });
    return probed;
}

Result<int> connecting_socket(const SocketAddress& address, Calls calls) {
    const int socket = ::socket(address.storage.ss_family, stream_type(calls), 0);
    if (socket < 0) return fail(Errc::io, errno);
    if (!set_common_options(socket)) return close_and_fail(socket);
    return socket;
}

bool set_option(int socket, int level, int option, int value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

uint16_t local_port(int socket) {
    SocketAddress own;
    own.size = sizeof own.storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) return 0;
    // The port lies at the same place in both families.
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    return ntohs(reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_port);
}

void peer_text(int socket, char (&out)[48]) {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    out[0] = '\0';
    auto* address = reinterpret_cast<sockaddr*>(&peer.storage);
    if (::getpeername(socket, address, &peer.size) != 0) return;
    char host[40] = {}, port[6] = {};
    constexpr int flags = NI_NUMERICHOST | NI_NUMERICSERV;
    if (::getnameinfo(address, peer.size, host, sizeof host, port, sizeof port, flags) != 0) return;
    const bool v6 = peer.storage.ss_family == AF_INET6;
    std::snprintf(out, sizeof out, v6 ? "[%s]:%s" : "%s:%s", host, port);
}

}  // namespace penstock::socket
