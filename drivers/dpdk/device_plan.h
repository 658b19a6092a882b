// What an operator says of a device, as DPDK and a port take it. Pure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "dpdk/device.h"
#include "dpdk/link.h"
#include "dpdk/port.h"

namespace penstock::dpdk {

struct DevicePlan {
    std::string name;                     ///< that DPDK will have for it
    std::string virtual_device;           ///< with its arguments, to be made; empty: it exists
    std::vector<std::string> arguments;   ///< of DPDK's environment, but for the virtual device
    PortOptions port;
    LinkOptions link;                     ///< of each lane
};

/// `core` is for DPDK's own thread, which sleeps. The error is a sentence without an end: what cannot be used, and why.
std::expected<DevicePlan, std::string> plan_device(const DeviceOptions& options, uint32_t core);

}  // namespace penstock::dpdk
