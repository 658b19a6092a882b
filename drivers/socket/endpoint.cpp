#include "socket/endpoint.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace penstock::socket {

namespace {

constexpr size_t ipv4_at = 12;
constexpr std::array<std::byte, ipv4_at> mapped{{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::byte{0xff},
                                                 std::byte{0xff}}};

}  // namespace

bool is_ipv4(const io::Endpoint& endpoint) { return std::equal(mapped.begin(), mapped.end(), endpoint.ip.begin()); }

SocketName socket_name(const io::Endpoint& endpoint, sa_family_t family) {
    SocketName name;
    if (family == AF_INET6) {
        name.storage.sin6_family = AF_INET6;
        name.storage.sin6_port = htons(endpoint.port);
        std::memcpy(&name.storage.sin6_addr, endpoint.ip.data(), endpoint.ip.size());
        name.size = sizeof(sockaddr_in6);
    } else if (is_ipv4(endpoint)) {
        sockaddr_in ipv4{.sin_family = AF_INET, .sin_port = htons(endpoint.port)};
        std::memcpy(&ipv4.sin_addr, endpoint.ip.data() + ipv4_at, sizeof ipv4.sin_addr);
        std::memcpy(&name.storage, &ipv4, sizeof ipv4);
        name.size = sizeof(sockaddr_in);
    }
    return name;
}

io::Endpoint endpoint_of(const void* address, socklen_t size) {
    io::Endpoint endpoint;
    sa_family_t family = AF_UNSPEC;
    if (size >= sizeof family) std::memcpy(&family, address, sizeof family);
    static_assert(offsetof(sockaddr, sa_family) == 0);
    if (family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
        sockaddr_in6 ipv6;
        std::memcpy(&ipv6, address, sizeof ipv6);
        std::memcpy(endpoint.ip.data(), &ipv6.sin6_addr, endpoint.ip.size());
        endpoint.port = ntohs(ipv6.sin6_port);
    } else if (family == AF_INET && size >= sizeof(sockaddr_in)) {
        sockaddr_in ipv4;
        std::memcpy(&ipv4, address, sizeof ipv4);
        std::copy(mapped.begin(), mapped.end(), endpoint.ip.begin());
        std::memcpy(endpoint.ip.data() + ipv4_at, &ipv4.sin_addr, sizeof ipv4.sin_addr);
        endpoint.port = ntohs(ipv4.sin_port);
    }
    return endpoint;
}

}  // namespace penstock::socket
