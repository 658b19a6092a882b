// The programs' side of the plug-in: finds it, and asks it for the device.
#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include "dpdk/device_plan.h"
#include "dpdk/plugin.h"

namespace penstock::dpdk {

namespace {

constexpr const char* plugin_file = "libpenstock_dpdk.so";

std::unexpected<Failure> refuse(std::string detail) {
    return std::unexpected(Failure{{Errc::refused}, std::move(detail)});
}

/// That the process may run on.
uint32_t first_core() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    uint32_t core = 0;
    while (core + 1 < CPU_SETSIZE && !CPU_ISSET(core, &set)) ++core;
    return core;
}

}  // namespace

Opened<std::unique_ptr<Device>> open_device(const DeviceOptions& options) {
    auto plan = plan_device(options, first_core());
    if (!plan) return refuse("the DPDK port cannot be used: " + plan.error());
    // DPDK would begin to use it, and crash where it ends.
    const uint64_t memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                  static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    if (options.memory_bytes > memory_bytes) {
        return refuse("the DPDK port cannot be used: it is to have " + std::to_string(options.memory_bytes / mib) +
                      " MiB of memory, and the machine has " + std::to_string(memory_bytes / mib));
    }
    // It stays for good, as DPDK's own libraries must.
    void* const library = ::dlopen(plugin_file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) {
        return refuse(std::string("DPDK cannot be loaded (are Penstock's DPDK plug-in and DPDK's libraries "
                                  "installed?): ") + ::dlerror());
    }
    const auto version = reinterpret_cast<PluginVersion*>(::dlsym(library, plugin_version_name));
    const auto open = reinterpret_cast<PluginOpen*>(::dlsym(library, plugin_open_name));
    if (version == nullptr || open == nullptr || std::string_view(version()) != PENSTOCK_VERSION)
        return refuse(std::string(plugin_file) + " is of another version than this program");
    Opened<std::unique_ptr<Device>> opened;
    open(*plan, opened);
    return opened;
}

}  // namespace penstock::dpdk
