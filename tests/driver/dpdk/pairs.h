// Two stations on devices that are no rings: made when they are wanted, in this process.
#pragma once

#include <memory>
#include <string>

#include "wire.h"

namespace penstock::dpdk {

/// Which station has the end of vhost, which of the two is the virtual machine's host.
enum class VhostAt { first, second };

/// vhost-user over a socket in a folder of its own, with virtio-user at the other end. virtio keeps what it sends until
/// the other end has read it, as a NIC does, and leaves the sum of UDP to who reads.
std::unique_ptr<Stations> make_vhost_pair(const PortOptions& options, VhostAt vhost);

/// Why no such pair can be had here; empty: it can.
std::string veth_missing();
std::string af_xdp_missing();
std::string taps_missing();

/// By whom DPDK has a kernel's interface.
enum class Through {
    af_packet,   ///< a copy of what passes it
    af_xdp,      ///< all that arrives
    tap,         ///< it is its other end
};

/// Two of the kernel's Ethernet interfaces, in a network namespace that nobody else sees: a veth pair, or taps at a
/// bridge. The thread is in the namespace until they end.
std::unique_ptr<Stations> make_kernel_pair(const PortOptions& options, Through through);

}  // namespace penstock::dpdk
