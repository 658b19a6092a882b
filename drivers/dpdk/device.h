// A network device that the process has to itself, past the kernel, as programs see it. What drives it lies in a
// plug-in (plugin_entry.cpp), so that they run where DPDK is not installed, too.
//
// One in a process, since DPDK starts once. Opened and closed by one thread; a link belongs to the thread that makes
// it, which ends it, too, before the device is closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/units.h"
#include "dpdk/failure.h"
#include "io/link.h"

namespace penstock::dpdk {

struct DeviceOptions {
    /// "0000:01:00.0", or a virtual one with its arguments: "net_af_packet0,iface=eth1". "net_af_xdp0,iface=eth1" is an
    /// interface that the kernel keeps, with its address and all but the datagrams to the ports below.
    std::string device;
    std::string address;          ///< of IPv4, with its prefix: "10.0.0.1/24"
    std::string gateway;          ///< to everybody outside; empty: they are not reached
    uint16_t vlan = 0;            ///< 0: frames have no tag
    uint32_t mtu = 1500;
    std::string tap;              ///< the device that the kernel has at that address; empty: it has none
    uint64_t memory_bytes = 512 * mib;
    bool huge_pages = true;
    std::string arguments;        ///< more of them, as DPDK's environment takes them, with spaces between
    uint16_t queues = 1;          ///< one for each thread
    uint16_t lanes = 1;           ///< one for each link: see Port
    uint64_t receive_bytes = 16 * mib;   ///< lent by each link, at most
    /// Ports of UDP for links that want no particular one. On an interface that the kernel keeps no others are ours.
    uint16_t first_free_port = 61'000, last_free_port = 65'535;
};

class Device {
public:
    virtual ~Device() = default;

    /// By the thread that will drive it; a lane has one link at a time.
    virtual std::unique_ptr<io::Link> make_link(uint16_t lane) = 0;
    /// Whether there is a way to it: it is a station of this network, or there is a gateway.
    virtual bool reaches(const io::Endpoint& to) const = 0;
};

/// Loads the plug-in and starts DPDK: a second time in one process that is refused.
Opened<std::unique_ptr<Device>> open_device(const DeviceOptions& options);

}  // namespace penstock::dpdk
