// What the plug-in exports, and the programs look up.
#pragma once

#include "dpdk/device_plan.h"

namespace penstock::dpdk {

/// PENSTOCK_VERSION of the plug-in's build: both sides must be of one, since C++ passes between them.
using PluginVersion = const char*();
using PluginOpen = void(const DevicePlan&, Opened<std::unique_ptr<Device>>&);

inline constexpr const char* plugin_version_name = "penstock_dpdk_version";
inline constexpr const char* plugin_open_name = "penstock_dpdk_open";

}  // namespace penstock::dpdk
