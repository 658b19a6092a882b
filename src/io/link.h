// What the core asks of a network that carries datagrams: bursts out, bursts in, received bytes in lent buffers. One
// Link belongs to one shard thread and has one port.
//
// It promises nothing about what it carries: datagrams are lost, repeated, reordered and damaged, and they tell nobody.
// transport/ makes streams of it. Drivers: drivers/uring and drivers/socket (UDP sockets with segmentation offload),
// drivers/sim.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/error.h"
#include "io/stream.h"

namespace penstock::io {

/// Where a datagram comes from or goes to. An IPv4 address is mapped (::ffff:a.b.c.d), whatever the socket is.
struct Endpoint {
    std::array<std::byte, 16> ip{};
    uint16_t port = 0;   ///< host order
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// Datagrams to one peer: all of `datagram_bytes` but the last, which may be shorter. The fragments are the row of all
/// their bytes; where one datagram ends and the next begins need not be where a fragment does.
struct OutgoingBurst {
    Endpoint to;
    uint32_t datagram_bytes = 0;
    std::span<const Fragment> fragments;
};

/// Datagrams of one peer that arrived together: all of `datagram_bytes` but the last, which may be shorter. Must be
/// given back by release() exactly once.
struct IncomingBurst {
    Endpoint from;
    uint32_t datagram_bytes = 0;
    const std::byte* data = nullptr;
    uint32_t size = 0;
    uint32_t index = 0;   ///< the driver's
};

inline constexpr uint32_t burst_datagrams_max = 64;
inline constexpr uint32_t burst_bytes_max = 65'000;   ///< what IPv4 can say of a burst that is not cut yet
inline constexpr uint32_t burst_fragments_max = 512;

class Link {
public:
    virtual ~Link() = default;

    /// Binds the port; 0 lets the kernel choose. The port that is in use comes back. Once, before anything else.
    virtual Result<uint16_t> open(const Address& address) = 0;

    /// A name or address as datagrams need it. Names resolve before the call returns, blocking.
    virtual Result<Endpoint> resolve(const Address& address) = 0;

    /// The largest datagram that the first hop to this peer carries; the path behind it may carry less.
    virtual uint32_t datagram_bytes_max(const Endpoint& to) = 0;

    /// Sends as many of the bursts, from the first on, as there is room for, and says how many. The bytes are the
    /// caller's again when it returns. If it took fewer, the shard wakes when there is room. A burst that the network
    /// refuses counts as sent: it is lost.
    virtual size_t send(std::span<const OutgoingBurst> bursts) = 0;

    /// Moves what has arrived into `out`; returns how many. Never blocks.
    virtual size_t receive(std::span<IncomingBurst> out) = 0;

    /// Gives a buffer back. While few are free, what arrives is lost.
    virtual void release(const IncomingBurst& burst) = 0;
    /// How much of the pool of receive buffers is free, 0 to 1.
    virtual double free_buffer_share() const = 0;
};

}  // namespace penstock::io
