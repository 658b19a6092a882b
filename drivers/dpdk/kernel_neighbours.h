// Which station has which address, as the kernel knows it: on an interface that it keeps, answers to ARP go to it and
// not to us. It is also the one who asks, when we say that an address is to be used. By rtnetlink; needs no DPDK.
//
// For the links of a port together, each on its thread: calls lock. They are for when Neighbours says that an address
// is to be asked for, never for each datagram: one is two calls of the system, some microseconds; longer only while
// somebody changes the machine's interfaces. Of what is read no length is believed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "dpdk/failure.h"
#include "dpdk/frame.h"

namespace penstock::dpdk {

/// A message of rtnetlink that says something of one neighbour.
struct KernelNeighbour {
    uint32_t sequence = 0;    ///< that of the question
    std::optional<Mac> mac;   ///< nothing while, or since, the kernel does not know it
    bool sure = false;        ///< confirmed a short while ago, or for ever
};
/// Nothing if it is none. What says that there is no such neighbour is one without a MAC.
std::optional<KernelNeighbour> parse_neighbour(std::span<const std::byte> message);

class KernelNeighbours {
public:
    /// Of the interface that has our address.
    static Opened<std::unique_ptr<KernelNeighbours>> open(const std::string& interface);
    ~KernelNeighbours();
    KernelNeighbours(const KernelNeighbours&) = delete;
    KernelNeighbours& operator=(const KernelNeighbours&) = delete;

    /// As the kernel knows it now. Unless it is sure of it, it starts to find out, and knows more at a later call.
    std::optional<Mac> find(Ipv4 hop);

private:
    KernelNeighbours(int socket, uint32_t interface_index) : socket_(socket), interface_index_(interface_index) {}

    KernelNeighbour ask(uint16_t what, uint16_t how, uint8_t flags, Ipv4 hop);

    const int socket_;
    const uint32_t interface_index_;
    std::mutex mutex_;
    uint32_t sequence_ = 0;
};

}  // namespace penstock::dpdk
