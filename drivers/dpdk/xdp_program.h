// An interface that the kernel keeps, and what it is to bring us past the kernel: a copy of the compiled
// xdp/our_ports.c that says which datagrams are ours. DPDK's af_xdp loads it into the kernel when the port opens, and
// removes it when it closes; of a process that was killed it stays, does nothing, and is removed by the next one.
//
// The copy is in memory. Made before DPDK's environment starts, ends after the port. For one thread; one process at a
// time has an interface. Needs libbpf, but not DPDK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dpdk/failure.h"
#include "dpdk/frame.h"

namespace penstock::dpdk {

/// Datagrams of UDP to that address and those ports.
struct OurPorts {
    Ipv4 address;
    Vlan vlan = 0;
    uint16_t first_port = 0, last_port = 0;
};

/// Writes it into the compiled program. False if that is not one.
bool write_our_ports(std::span<std::byte> object, const OurPorts& ours);

class XdpProgram {
public:
    static constexpr size_t object_bytes_max = size_t{1} << 20;

    /// `object`: the path of the compiled xdp/our_ports.c.
    static Opened<std::unique_ptr<XdpProgram>> make(const std::string& object, const OurPorts& ours);
    ~XdpProgram();
    XdpProgram(const XdpProgram&) = delete;
    XdpProgram& operator=(const XdpProgram&) = delete;

    /// Takes an interface, once, and returns what DPDK's net_af_xdp is to be told of it, behind its own name. Refused
    /// is one with more queues than are read, since what arrives at the others would not come to us; one that another
    /// process has taken; and one that runs a program of somebody else's.
    Opened<std::string> take(const std::string& interface, uint16_t queues);

    /// Of the copy, for this process only.
    std::string path() const;

private:
    explicit XdpProgram(int file) : file_(file) {}

    Opened<void> lock(const std::string& interface);

    const int file_;
    int lock_ = -1;   ///< of the interface
};

}  // namespace penstock::dpdk
