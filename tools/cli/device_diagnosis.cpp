// What `doctor` concludes about the devices: network interfaces, and the disk below the data directory.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/units.h"
#include "cli/diagnosis.h"
#include "cli/output.h"
#include "io/disk.h"
#include "transport/packet.h"

namespace penstock::cli {

namespace {

/// IPv6 and UDP before a datagram.
constexpr int64_t datagram_headers_bytes = 40 + 8;
constexpr int64_t mtu_min = transport::datagram_bytes_min + datagram_headers_bytes;
constexpr int64_t mtu_ethernet = 1500;
constexpr int64_t mtu_good = 9000;
/// Below it the network is slower than one spinning disk.
constexpr int64_t speed_min_mbit = 1000;
/// Below it a single NVMe writes faster than the network brings records.
constexpr int64_t speed_good_mbit = 10'000;

/// A drive that keeps its cache through a power loss answers a durable block within 10 to 50 us; 200 allow for a loaded
/// one. Drives without that protection write to flash first: 1 ms and more, which a handful of commits a second turns
/// into waiting producers.
constexpr Duration write_p50_good = std::chrono::microseconds(200);
constexpr Duration write_p50_max = std::chrono::milliseconds(2);
constexpr Duration write_p99_good = std::chrono::milliseconds(2);
constexpr Duration write_p99_max = std::chrono::milliseconds(20);

/// storage.journal_bytes and storage.pool_bytes of the default configuration: what a shard prepares at its start.
constexpr uint64_t journal_bytes = 64 * mib;
constexpr uint64_t shard_disk_bytes = journal_bytes + 256 * mib;
constexpr uint64_t free_share_min = 20;  ///< a twentieth; below it filesystems scatter what they are given

std::string show_time(Duration time) {
    return show_microseconds(static_cast<uint64_t>(time / std::chrono::microseconds(1)));
}

std::string show_size(uint64_t bytes) { return show_bytes(static_cast<double>(bytes)); }

void diagnose_driver(const NetworkFacts& network, const IommuFacts& iommu, SubjectFindings& found) {
    const std::string driver = network.driver.value_or("");
    if (driver.empty() && !network.interface) {
        found.add(Level::warning, "driver", "no driver has it", "neither the kernel nor the broker can use it",
                  fmt::format("modprobe vfio-pci && penstock-bind vfio {}", shell_word(network.name)));
    } else if (driver.empty()) {
        found.unknown("driver", "the driver", "/sys and ethtool");
    } else if (driver == "vfio-pci" && !network.iommu_group) {
        found.add(Level::warning, "driver", "bound to vfio-pci, but in no IOMMU group",
                  iommu.vfio_without_iommu ? "the device can write anywhere in memory: one error of a program breaks "
                                             "the machine; it is mended by switching the IOMMU on"
                                           : "no program can open it: the IOMMU must be switched on first");
    } else if (driver == "igb_uio" || driver == "uio_pci_generic") {
        const std::string address = shell_word(network.pci_address.value_or(network.name));
        found.add(Level::warning, "driver", fmt::format("bound to {}", driver),
                  "the device can write anywhere in memory: one error of a program breaks the machine",
                  fmt::format("penstock-bind vfio {}", address));
    } else if (!network.interface) {
        found.ok("driver", fmt::format("driver {}: free for a program that bypasses the kernel", driver));
    } else {
        found.ok("driver", fmt::format("driver {}: the kernel's sockets use it", driver));
    }
}

void diagnose_link(const NetworkFacts& network, SubjectFindings& found) {
    const std::string name = shell_word(network.interface.value_or(""));
    if (!network.up) {
        found.unknown("link", "whether it is up", "/sys/class/net");
    } else if (!*network.up) {
        found.add(Level::warning, "link", "it is down", "nothing is sent or received by it",
                  fmt::format("ip link set {} up", name));
    } else if (network.carrier && !*network.carrier) {
        found.add(Level::warning, "link", "it is up, but has no carrier",
                  "nothing is sent or received by it: look at the cable, the switch, the other end");
    } else {
        found.ok("link", "up");
    }
    if (!network.speed_mbit) {
        found.ok("speed", "it has no speed of its own, or does not tell it");
    } else if (*network.speed_mbit < speed_good_mbit) {
        found.add(*network.speed_mbit < speed_min_mbit ? Level::warning : Level::advice, "speed",
                  fmt::format("{} Mbit/s", *network.speed_mbit),
                  "with replicas a record crosses the network several times: the disk then waits for the network");
    } else {
        found.ok("speed", fmt::format("{} Gbit/s", *network.speed_mbit / 1000));
    }
    if (!network.mtu) {
        found.unknown("mtu", "the MTU", "/sys/class/net");
    } else if (*network.mtu < mtu_min) {
        found.add(Level::warning, "mtu", fmt::format("MTU {}", *network.mtu),
                  fmt::format("datagrams of native clients and of replication need {}", mtu_min),
                  fmt::format("ip link set {} mtu 1500", name));
    } else if (*network.mtu < mtu_ethernet) {
        found.add(Level::advice, "mtu", fmt::format("MTU {}", *network.mtu),
                  "a tunnel or a virtual network takes the rest of Ethernet's 1,500: each byte costs more so");
    } else if (*network.mtu < mtu_good) {
        found.add(Level::advice, "mtu", fmt::format("MTU {}", *network.mtu),
                  "with 9,000 a byte costs less, which shows in datagrams above all; all hosts and switches of the "
                  "network must agree",
                  fmt::format("ip link set {} mtu {}", name, mtu_good));
    } else {
        found.ok("mtu", fmt::format("MTU {}", *network.mtu));
    }
}

void diagnose_queues(const NetworkFacts& network, const CpuFacts& cpu, SubjectFindings& found) {
    if (!network.receive_queues || *network.receive_queues == 0) {
        found.unknown("queues", "the number of queues", "/sys/class/net");
        return;
    }
    const std::string text = fmt::format("{} receive and {} send queues", *network.receive_queues,
                                         network.send_queues.value_or(0));
    const size_t cores = cpu.usable ? cpu.usable->size() : 1;
    const std::string name = shell_word(*network.interface);
    const uint64_t possible = std::min<uint64_t>(network.queues_max.value_or(cores), cores);
    if (*network.receive_queues < cores) {
        // Where the device has no more, there is nothing to be mended.
        const bool more = possible > *network.receive_queues;
        const std::string mend = more ? fmt::format("ethtool -L {} combined {}", name, possible) : "";
        found.add(Level::advice, "queues", text,
                  fmt::format("{} cores share them: the kernel's part of receiving is done by as many cores as there "
                              "are queues{}",
                              cores, mend.empty() ? "; the device has no more" : ""),
                  mend);
    } else {
        found.ok("queues", text);
    }
}

void diagnose_offloads(const NetworkFacts& network, SubjectFindings& found) {
    const std::string name = shell_word(*network.interface);
    const auto judge_one = [&](std::string_view check, std::optional<bool> on, std::string_view what,
                               std::string_view why, std::string_view feature) {
        if (!on) found.unknown(check, what, "the driver");
        else if (*on) found.ok(check, fmt::format("{}: on", what));
        else found.add(Level::advice, check, fmt::format("{}: off", what), std::string(why),
                       fmt::format("ethtool -K {} {} on", name, feature));
    };
    judge_one("send_checksum", network.offloads.send_checksum, "checksums by the device",
              "the processor sums every byte that is sent, and cuts bursts into packets one by one", "tx");
    judge_one("segmentation", network.offloads.segmentation, "segmentation (GSO)",
              "each packet goes through the kernel alone, not in bursts of 64 KiB", "gso");
    judge_one("receive_offload", network.offloads.receive_offload, "receive offload (GRO)",
              "each packet comes through the kernel alone, not in bursts", "gro");
    if (network.offloads.udp_segmentation) {
        found.ok("udp_segmentation", *network.offloads.udp_segmentation ? "datagrams are cut by the device"
                                                                     : "datagrams are cut by the kernel");
    } else {
        found.ok("udp_segmentation", "whether the device cuts datagrams is unknown");
    }
}

/// Only where there are several nodes: with one everything is near.
void diagnose_network_node(const NetworkFacts& network, const DoctorFacts& facts, SubjectFindings& found) {
    const std::vector<NumaNode>& nodes = facts.machine.memory.nodes;
    if (nodes.size() < 2) return;
    if (!network.numa_node) {
        found.unknown("numa", "its NUMA node", "/sys");
        return;
    }
    const auto disk_node = facts.block ? facts.block->numa_node : std::nullopt;
    if (disk_node && *disk_node != *network.numa_node) {
        found.add(Level::warning, "numa",
                  fmt::format("on NUMA node {}, the disk on node {}", *network.numa_node, *disk_node),
                  "each record crosses the link between the processors: put both devices beside the same processor");
    } else {
        found.ok("numa", fmt::format("on NUMA node {}{}", *network.numa_node, disk_node ? ", as the disk" : ""));
    }
    const auto near = std::ranges::find_if(nodes, [&](const NumaNode& n) { return n.id == *network.numa_node; });
    if (near == nodes.end() || !facts.machine.cpu.usable) return;
    const bool all_near = std::ranges::all_of(*facts.machine.cpu.usable, [&](uint32_t core) {
        return std::ranges::find(near->cores, core) != near->cores.end();
    });
    if (!all_near) {
        found.add(Level::advice, "numa_cores", "the broker may run on cores of other NUMA nodes",
                  "what those do with this device crosses the link between the processors",
                  fmt::format("numactl --cpunodebind={0} --membind={0} penstock-broker "
                              "--config /etc/penstock/broker.toml",
                              near->id));
    }
    const bool any_huge = std::ranges::any_of(nodes, [](const NumaNode& n) { return n.huge_free_bytes > 0; });
    if (any_huge && near->huge_free_bytes == 0) {
        found.add(Level::advice, "numa_huge_pages", "no huge page is free on its NUMA node",
                  "packets would lie beside the other processor",
                  fmt::format("echo 1024 > /sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages",
                              near->id));
    }
}

void diagnose_directory(const DoctorFacts& facts, SubjectFindings& found) {
    const DiskProbe& disk = facts.disk;
    const std::string path = printable(disk.path), word = shell_word(disk.path);
    if (!disk.exists && (disk.os_error == ENOENT || disk.os_error == 0)) {
        found.add(Level::fault, "directory", fmt::format("the data directory {} does not exist", path),
                  "nothing can be tried there, and the broker makes the last folder of a path only",
                  fmt::format("mkdir -p {}", word));
        return;
    }
    switch (disk.os_error) {
        case 0: found.ok("directory", fmt::format("files can be made in {}", path)); return;
        case ENOENT:
            found.add(Level::fault, "directory",
                      fmt::format("no file can be made in {}: its filesystem takes none", path),
                      "the broker cannot start: name a directory on a disk");
            return;
        case ENOTDIR:
            found.add(Level::fault, "directory", fmt::format("{} is not a directory", path),
                      "the broker keeps its files in folders below it: name a directory");
            return;
        case EROFS:
            found.add(Level::fault, "directory", fmt::format("{} is mounted read-only", path),
                      "the broker cannot start; a filesystem becomes so by itself after an error of its disk: look at "
                      "the kernel's log",
                      fmt::format("mount -o remount,rw {}", facts.mount ? shell_word(facts.mount->mount_point) : word));
            return;
        case EACCES:
        case EPERM:
            found.add(Level::fault, "directory", fmt::format("no file can be made in {}: permission denied", path),
                      "the broker cannot start as this user: ask as the service's, which is penstock if it is ours",
                      fmt::format("chown penstock {}", word));
            return;
        default:
            found.add(Level::fault, "directory",
                      fmt::format("no file can be made in {}: {}", path, std::strerror(disk.os_error)),
                      "the broker cannot start");
    }
}

/// "rw,relatime,nobarrier"
bool has_option(std::string_view options, std::string_view option) {
    return ("," + std::string(options) + ",").find("," + std::string(option) + ",") != std::string::npos;
}

void diagnose_filesystem(const DoctorFacts& facts, SubjectFindings& found) {
    const DiskProbe& disk = facts.disk;
    const std::string type = facts.mount ? facts.mount->type : "of an unknown kind";
    if (disk.in_memory) {
        found.add(Level::fault, "filesystem", fmt::format("the filesystem, {}, is in memory", type),
                  "what was acknowledged is gone after a restart of the machine: use ext4 or XFS on a local disk");
        return;
    }
    if (!disk.note.empty()) {
        found.add(Level::warning, "filesystem", fmt::format("the directory {}", disk.note),
                  "the broker is made for ext4 and XFS on a local disk");
    } else if (!facts.mount) {
        found.unknown("filesystem", "the kind of filesystem", "/proc/self/mountinfo");
    } else if (type != "ext4" && type != "xfs") {
        found.add(Level::advice, "filesystem", fmt::format("the filesystem is {}", type),
                  "the broker is made for, and tried on, ext4 and XFS");
    } else {
        found.ok("filesystem", type);
    }
    const std::string_view options = facts.mount ? std::string_view(facts.mount->options) : "";
    if (has_option(options, "nobarrier") || has_option(options, "barrier=0")) {
        // A drive without a volatile cache has nothing to flush.
        const bool harmless = facts.block && facts.block->volatile_cache == false;
        found.add(harmless ? Level::warning : Level::fault, "barrier", "it is mounted without barriers",
                  "the filesystem then does not flush the drive's cache: a power loss takes what was acknowledged",
                  fmt::format("mount -o remount,barrier {}", shell_word(facts.mount->mount_point)));
    }
    if (disk.direct_obstacle.empty()) {
        found.ok("direct", "it takes direct writes (O_DIRECT)");
    } else {
        // The broker starts, and keeps its promises with fdatasync, so this is no fault.
        found.add(Level::warning, "direct", fmt::format("it {}", disk.direct_obstacle),
                  "writes go through the page cache and are flushed one by one, which is slower: use ext4 or XFS");
    }
}

void diagnose_space(const DoctorFacts& facts, SubjectFindings& found) {
    if (!facts.disk.free_bytes || !facts.disk.total_bytes) {
        found.unknown("space", "the free space", "the filesystem");
        return;
    }
    const uint64_t free = *facts.disk.free_bytes, total = *facts.disk.total_bytes;
    const auto& usable = facts.machine.cpu.usable;
    const uint64_t shards = usable && !usable->empty() ? usable->size() : 1;
    const uint64_t wanted = shards * shard_disk_bytes;
    const std::string text = fmt::format("{} of {} free", show_size(free), show_size(total));
    if (free < journal_bytes) {
        found.add(Level::fault, "space", text, "not even the journal of one shard fits: a new broker cannot start");
    } else if (free < wanted) {
        found.add(Level::warning, "space", text,
                  fmt::format("the {} shards of a new broker prepare {} with the default settings", shards,
                              show_size(wanted)));
    } else if (free < total / free_share_min) {
        found.add(Level::warning, "space", text,
                  "a full disk refuses records, and a nearly full filesystem is slow: set "
                  "topics.default_retention_bytes");
    } else {
        found.ok("space", text);
    }
}

void diagnose_latency(const DiskProbe& disk, SubjectFindings& found) {
    if (!disk.latency) {
        const std::string reason = disk.latency_failure.empty() ? "it was not measured" : disk.latency_failure;
        found.add(Level::warning, "latency", fmt::format("no durable write could be measured: {}", printable(reason)),
                  "each commit of the broker is such a write");
        return;
    }
    const WriteLatency& latency = *disk.latency;
    const std::string text = fmt::format("a durable write of 4 KiB takes {} (p99 {}, {} writes)",
                                         show_time(latency.p50), show_time(latency.p99), latency.writes);
    const bool good = latency.p50 <= write_p50_good && latency.p99 <= write_p99_good;
    const bool bad = latency.p50 > write_p50_max || latency.p99 > write_p99_max;
    if (good) {
        found.ok("latency", text);
    } else {
        found.add(bad ? Level::warning : Level::advice, "latency", text,
                  "every acknowledgement waits for at least one: drives with power-loss protection take 10 to 50 us, "
                  "others milliseconds; measured beside other load, it is that load's, too");
    }
}

void diagnose_cache(const BlockFacts& block, SubjectFindings& found) {
    if (!block.volatile_cache) {
        found.unknown("write_cache", "whether the drive has a volatile cache", "/sys/block");
    } else if (!*block.volatile_cache) {
        found.ok("write_cache", "no volatile write cache: it is protected, or there is none");
    } else if (!block.fua) {
        found.unknown("write_cache", "whether the drive writes through its volatile cache (FUA)", "/sys/block");
    } else if (*block.fua) {
        // Safe: what we acknowledge was written with RWF_DSYNC, which becomes FUA.
        found.ok("write_cache", "a volatile write cache, not protected as the drive says; durable writes go through "
                              "it (FUA)");
    } else {
        found.add(Level::advice, "write_cache", "a volatile write cache, and no way to write through it (FUA)",
                  "safe, but each durable write flushes the whole cache: a drive with power-loss protection is faster");
    }
}

void diagnose_block_device(const BlockFacts& block, const DiskProbe& disk, SubjectFindings& found) {
    std::string name = block.device;
    if (block.parts.size() > 1 || (block.parts.size() == 1 && block.parts.front() != block.device)) {
        name += fmt::format(" on {}", fmt::join(block.parts, ", "));
    }
    if (!block.models.empty()) name += fmt::format(" ({})", fmt::join(block.models, ", "));
    found.ok("device", name);
    if (!block.rotational) {
        found.unknown("rotational", "whether the disk rotates", "/sys/block");
    } else if (*block.rotational) {
        // Virtual disks often claim it; one that rotates cannot be that fast.
        const bool fast = disk.latency && disk.latency->p50 < std::chrono::milliseconds(1);
        found.add(fast ? Level::advice : Level::warning, "rotational",
                  fast ? "the disk says that it rotates, but is too fast for that" : "the disk rotates",
                  fast ? "the kernel orders its requests as for one that does"
                       : "each acknowledgement waits for a turn of it, some 10 ms",
                  fast ? fmt::format("echo 0 > /sys/block/{}/queue/rotational", shell_word(block.device)) : "");
    } else {
        found.ok("rotational", "a solid-state disk, as it says");
    }
    diagnose_cache(block, found);
    if (!block.logical_block_bytes) {
        found.unknown("blocks", "the block size", "/sys/block");
    } else if (*block.logical_block_bytes > io::block_size) {
        found.add(Level::warning, "blocks", fmt::format("blocks of {} bytes", *block.logical_block_bytes),
                  fmt::format("the broker writes directly in blocks of {}", io::block_size));
    } else {
        found.ok("blocks", fmt::format("blocks of {} bytes, {} inside", *block.logical_block_bytes,
                                     block.physical_block_bytes.value_or(*block.logical_block_bytes)));
    }
    // A dm or md device has none; what lies below it does.
    if (!block.scheduler || block.scheduler->empty()) {
        found.ok("scheduler", "no scheduler of its own");
    } else if (*block.scheduler != "none" && block.rotational == false) {
        found.add(Level::advice, "scheduler", fmt::format("scheduler {}", *block.scheduler),
                  "a solid-state disk needs no order: the scheduler only costs time",
                  fmt::format("echo none > /sys/block/{}/queue/scheduler", shell_word(block.device)));
    } else {
        found.ok("scheduler", fmt::format("scheduler {}", *block.scheduler));
    }
}

}  // namespace

void diagnose_network(const NetworkFacts& network, const DoctorFacts& facts, std::vector<Finding>& out) {
    SubjectFindings found(out, "network", printable(network.name));
    diagnose_driver(network, facts.machine.iommu, found);
    if (network.interface) {
        diagnose_link(network, found);
        diagnose_queues(network, facts.machine.cpu, found);
        diagnose_offloads(network, found);
    }
    diagnose_network_node(network, facts, found);
}

void diagnose_disk(const DoctorFacts& facts, std::vector<Finding>& out) {
    SubjectFindings found(out, "disk");
    diagnose_directory(facts, found);
    if (!facts.disk.exists) return;
    if (facts.block) diagnose_block_device(*facts.block, facts.disk, found);
    else if (!facts.disk.in_memory) found.unknown("device", "the device below the directory", "/sys/dev/block");
    if (facts.disk.os_error != 0) return;
    diagnose_filesystem(facts, found);
    diagnose_space(facts, found);
    diagnose_latency(facts.disk, found);
}

}  // namespace penstock::cli
