// A virtual device of DPDK's for one test, and a folder for what it needs.
#pragma once

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/assert.h"
#include "wire.h"

namespace penstock::dpdk {

/// A device that is there as long as this is, with the port on it.
class VirtualDevice {
public:
    VirtualDevice(std::string name, const std::string& arguments) : name_(std::move(name)) {
        PENSTOCK_ASSERT(rte_eal_hotplug_add("vdev", name_.c_str(), arguments.c_str()) == 0);
    }
    ~VirtualDevice() {
        const std::string pool = "penstock-" + std::to_string(id()) + "-0";
        port_.reset();
        PENSTOCK_ASSERT(rte_mempool_lookup(pool.c_str()) == nullptr);   // it stays when frames are missing
        rte_eal_hotplug_remove("vdev", name_.c_str());
    }
    VirtualDevice(const VirtualDevice&) = delete;
    VirtualDevice& operator=(const VirtualDevice&) = delete;

    void open(PortOptions options, size_t station) {
        options.subnet.own = ip_of(station);
        options.mac = mac_of(station);
        auto port = Port::open(name_, options);
        PENSTOCK_ASSERT(port.has_value());
        port_ = std::move(*port);
    }
    Port& port() { return *port_; }

    bool up() const {
        rte_eth_link link{};
        return rte_eth_link_get_nowait(id(), &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
    }

private:
    uint16_t id() const {
        uint16_t id = 0;
        PENSTOCK_ASSERT(rte_eth_dev_get_port_by_name(name_.c_str(), &id) == 0);
        return id;
    }

    const std::string name_;
    std::unique_ptr<Port> port_;
};

/// A number for names of devices, which are the process's.
inline std::string next_number() {
    static int made = 0;
    return std::to_string(made++);
}

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string path = (std::filesystem::temp_directory_path() / "penstock-dpdk-XXXXXX").string();
        PENSTOCK_ASSERT(::mkdtemp(path.data()) != nullptr);
        path_ = path;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string file(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

}  // namespace penstock::dpdk
