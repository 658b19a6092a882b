// Addresses of the core, as IPv4 has them: ::ffff:a.b.c.d.
#pragma once

#include <optional>

#include "dpdk/frame.h"
#include "io/link.h"

namespace penstock::dpdk {

inline io::Endpoint endpoint_of(Ipv4 ip, uint16_t port) {
    io::Endpoint endpoint;
    endpoint.ip[10] = endpoint.ip[11] = std::byte{0xff};
    store_be<uint32_t>(&endpoint.ip[12], ip.value);
    endpoint.port = port;
    return endpoint;
}

/// Nothing where it is an address of IPv6.
inline std::optional<Ipv4> ipv4_of(const io::Endpoint& endpoint) {
    const Ipv4 ip{load_be<uint32_t>(&endpoint.ip[12])};
    return endpoint_of(ip, endpoint.port) == endpoint ? std::optional(ip) : std::nullopt;
}

}  // namespace penstock::dpdk
