// The devices that a broker would use: network interfaces (or PCI devices that the kernel no longer drives) and what
// lies under its data directory. Plain facts, read from /proc and /sys below the reader's root; what cannot be read
// stays empty. What only the device itself can answer is in network_probe.h and disk_probe.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/fact_reader.h"
#include "cli/outcome.h"

namespace penstock::cli {

/// Empty where the driver does not know the feature or cannot be asked.
struct Offloads {
    std::optional<bool> send_checksum;
    std::optional<bool> segmentation;      ///< of any kind, generic (in software) included
    std::optional<bool> udp_segmentation;  ///< by the device
    std::optional<bool> receive_offload;   ///< GRO
};

struct NetworkFacts {
    std::string name;                        ///< as the operator calls it: the interface, or the PCI address
    std::optional<std::string> interface;    ///< none: the kernel has none for this PCI device
    std::optional<std::string> pci_address;
    bool physical = false;                   ///< a device of the machine, or a hypervisor's
    std::optional<std::string> driver;
    std::optional<bool> up;
    std::optional<bool> carrier;
    std::optional<int64_t> mtu;
    std::optional<int64_t> speed_mbit;
    std::optional<int64_t> numa_node;        ///< none too where there is only one
    std::optional<int64_t> iommu_group;
    std::optional<uint64_t> receive_queues;
    std::optional<uint64_t> send_queues;
    std::optional<uint64_t> queues_max;      ///< of each kind; see ask_interface(), as the next
    Offloads offloads;
};

/// All interfaces but the loopback's.
std::vector<NetworkFacts> read_interfaces(const FactReader& reader);

/// The interface or the PCI device ("0000:3b:00.0", "3b:00.0") of this name. Failures are of kind usage.
Outcome<NetworkFacts> find_network_device(const FactReader& reader, const std::string& name);

struct MountFacts {
    std::string mount_point;
    std::string type;     ///< "ext4"
    std::string options;  ///< of the mount and of the filesystem: "rw,relatime,data=ordered"
};

/// The mount that `path`, absolute and without links, lies in. `mountinfo` is /proc/self/mountinfo.
std::optional<MountFacts> find_mount(std::string_view mountinfo, std::string_view path);

struct BlockFacts {
    std::string device;                    ///< the whole one, not the partition: "nvme0n1", "dm-0"
    std::vector<std::string> parts;        ///< below a dm or md device; otherwise the device itself
    std::vector<std::string> models;
    std::optional<bool> rotational;
    std::optional<bool> volatile_cache;    ///< "write back"
    std::optional<bool> fua;
    std::optional<uint64_t> logical_block_bytes;
    std::optional<uint64_t> physical_block_bytes;
    std::optional<std::string> scheduler;
    std::optional<int64_t> numa_node;      ///< where all parts agree
};

/// The device of this number, as stat() gives it; nothing where there is none (tmpfs, overlays, NFS).
std::optional<BlockFacts> read_block_device(const FactReader& reader, uint32_t major, uint32_t minor);

}  // namespace penstock::cli
