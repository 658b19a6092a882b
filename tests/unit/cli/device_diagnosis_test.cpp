#include <gtest/gtest.h>

#include <cerrno>

#include "contains.h"
#include "good_machine.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

/// What is said of the network device when one thing of a good one is changed.
template <class Change>
Finding with_network(std::string_view check, Change change) {
    DoctorFacts facts = good_machine();
    change(facts.networks.front());
    return finding_of(facts, "network", check);
}

template <class Change>
Finding with_disk(std::string_view check, Change change) {
    DoctorFacts facts = good_machine();
    change(facts);
    return finding_of(facts, "disk", check);
}

TEST(NetworkDiagnosis, Links) {
    EXPECT_EQ(with_network("link", [](auto& n) { n.up = false; }).mend, "ip link set ens1 up");
    EXPECT_EQ(with_network("link", [](auto& n) { n.carrier = false; }).level, Level::warning);
    EXPECT_EQ(with_network("link", [](auto& n) { n.carrier.reset(); }).level, Level::ok);
    EXPECT_EQ(with_network("speed", [](auto& n) { n.speed_mbit = 100; }).level, Level::warning);
    EXPECT_EQ(with_network("speed", [](auto& n) { n.speed_mbit = 1000; }).level, Level::advice);
    EXPECT_EQ(with_network("speed", [](auto& n) { n.speed_mbit.reset(); }).level, Level::ok);
    EXPECT_EQ(with_network("mtu", [](auto& n) { n.mtu = 1500; }).level, Level::advice);
    EXPECT_EQ(with_network("mtu", [](auto& n) { n.mtu = 1500; }).mend, "ip link set ens1 mtu 9000");
    EXPECT_EQ(with_network("mtu", [](auto& n) { n.mtu = 1248; }).level, Level::advice);
    EXPECT_EQ(with_network("mtu", [](auto& n) { n.mtu = 1400; }).mend, "") << "a tunnel needs the rest";
    EXPECT_EQ(with_network("mtu", [](auto& n) { n.mtu = 1247; }).level, Level::warning);
}

TEST(NetworkDiagnosis, NamesCannotSteerTheShellOrTheTerminal) {
    const Finding finding = with_network("mtu", [](auto& n) {
        n.name = "x;reboot\x1b";
        n.interface = "x;reboot";
        n.mtu = 1500;
    });
    EXPECT_EQ(finding.device, "x;reboot?");
    EXPECT_EQ(finding.mend, "ip link set 'x;reboot' mtu 9000");
}

TEST(NetworkDiagnosis, Drivers) {
    const auto unbound = [](NetworkFacts& n) { n.interface.reset(); };
    EXPECT_EQ(with_network("driver", [&](auto& n) { unbound(n); n.driver = "vfio-pci"; }).level, Level::ok);
    EXPECT_EQ(with_network("driver", [&](auto& n) { unbound(n); n.driver = "vfio-pci"; n.iommu_group.reset(); }).level,
              Level::warning);
    EXPECT_EQ(with_network("driver", [&](auto& n) { unbound(n); n.driver = "igb_uio"; }).mend,
              "penstock-bind vfio 0000:3b:00.0");
    EXPECT_EQ(with_network("driver", [&](auto& n) { unbound(n); n.driver.reset(); }).level, Level::warning);
    EXPECT_EQ(with_network("driver", [](auto& n) { n.driver.reset(); }).level, Level::advice);
}

TEST(NetworkDiagnosis, QueuesAndOffloads) {
    EXPECT_EQ(with_network("queues", [](auto& n) { n.receive_queues = 2; }).mend, "ethtool -L ens1 combined 8");
    EXPECT_EQ(with_network("queues", [](auto& n) { n.receive_queues = 2; n.queues_max = 4; }).mend,
              "ethtool -L ens1 combined 4");
    EXPECT_EQ(with_network("queues", [](auto& n) { n.receive_queues = n.queues_max.emplace(2); }).mend, "");
    EXPECT_EQ(with_network("queues", [](auto& n) { n.receive_queues.reset(); }).level, Level::advice);
    EXPECT_EQ(with_network("send_checksum", [](auto& n) { n.offloads.send_checksum = false; }).mend,
              "ethtool -K ens1 tx on");
    EXPECT_EQ(with_network("segmentation", [](auto& n) { n.offloads.segmentation = false; }).level, Level::advice);
    EXPECT_EQ(with_network("receive_offload", [](auto& n) { n.offloads.receive_offload.reset(); }).what,
              "receive offload (GRO) is unknown");
    EXPECT_EQ(with_network("udp_segmentation", [](auto& n) { n.offloads.udp_segmentation = false; }).level, Level::ok);
}

TEST(NetworkDiagnosis, NumaNodes) {
    DoctorFacts facts = good_machine();
    facts.machine.memory.nodes = {{.id = 0, .cores = {0, 1, 2, 3}, .huge_free_bytes = mib},
                                  {.id = 1, .cores = {4, 5, 6, 7}}};
    EXPECT_EQ(finding_of(facts, "network", "numa").level, Level::ok);
    EXPECT_TRUE(contains(finding_of(facts, "network", "numa_cores").mend, "numactl --cpunodebind=0"));
    facts.machine.cpu.usable = std::vector<uint32_t>{0, 1};
    EXPECT_EQ(finding_of(facts, "network", "numa_cores").what, "") << "all near";
    facts.networks.front().numa_node = 1;
    EXPECT_EQ(finding_of(facts, "network", "numa").level, Level::warning);
    EXPECT_TRUE(contains(finding_of(facts, "network", "numa").what, "the disk on node 0"));
    EXPECT_EQ(finding_of(facts, "network", "numa_huge_pages").level, Level::advice);
    facts.networks.front().numa_node.reset();
    EXPECT_EQ(finding_of(facts, "network", "numa").level, Level::advice);
}

TEST(DiskDiagnosis, DirectoriesThatCannotBeUsedAreFaults) {
    const auto without = [](int os_error, bool exists) {
        return with_disk("directory", [&](DoctorFacts& f) {
            f.disk = {.path = "/data/a b", .exists = exists, .os_error = os_error};
        });
    };
    EXPECT_EQ(without(ENOENT, false).level, Level::fault);
    EXPECT_EQ(without(ENOENT, false).mend, "mkdir -p '/data/a b'");
    EXPECT_TRUE(contains(without(ENOENT, true).what, "takes none")) << "it is there, and takes no file";
    EXPECT_TRUE(contains(without(ENOTDIR, false).what, "is not a directory"));
    EXPECT_EQ(without(EROFS, true).mend, "mount -o remount,rw /data");
    EXPECT_TRUE(contains(without(EACCES, true).what, "permission denied"));
    EXPECT_EQ(without(ENOSPC, true).level, Level::fault);
}

TEST(DiskDiagnosis, Filesystems) {
    const auto in_memory = [](DoctorFacts& f) { f.disk.in_memory = true; };
    EXPECT_EQ(with_disk("filesystem", in_memory).level, Level::fault);
    EXPECT_EQ(with_disk("filesystem", [](auto& f) { f.disk.note = "is on NFS"; }).level, Level::warning);
    EXPECT_EQ(with_disk("filesystem", [](auto& f) { f.mount->type = "f2fs"; }).level, Level::advice);
    EXPECT_EQ(with_disk("filesystem", [](auto& f) { f.mount.reset(); }).level, Level::advice);
    EXPECT_EQ(with_disk("direct", [](auto& f) { f.disk.direct_obstacle = "refuses O_DIRECT"; }).what,
              "it refuses O_DIRECT");
    EXPECT_EQ(with_disk("direct", [](auto& f) { f.disk.direct_obstacle = "refuses O_DIRECT"; }).level, Level::warning);
}

TEST(DiskDiagnosis, WithoutBarriersAVolatileCacheLosesRecords) {
    for (const char* options : {"rw,nobarrier", "barrier=0", "rw,barrier=0,noatime"}) {
        const auto mounted = [&](DoctorFacts& f) {
            f.mount->options = options;
            f.block->volatile_cache = true;
        };
        EXPECT_EQ(with_disk("barrier", mounted).level, Level::fault) << options;
        EXPECT_EQ(with_disk("barrier", mounted).mend, "mount -o remount,barrier /data");
        EXPECT_EQ(with_disk("barrier", [&](auto& f) { f.mount->options = options; }).level, Level::warning);
    }
    EXPECT_EQ(with_disk("barrier", [](auto& f) { f.mount->options = "rw,nobarriers"; }).what, "") << "nothing is said";
}

TEST(DiskDiagnosis, Space) {
    const auto with = [](uint64_t free, uint64_t total) {
        return with_disk("space", [&](DoctorFacts& f) {
            f.disk.free_bytes = free;
            f.disk.total_bytes = total;
        }).level;
    };
    EXPECT_EQ(with(63 * mib, gib), Level::fault);
    EXPECT_EQ(with(64 * mib, gib), Level::warning);
    EXPECT_EQ(with(2 * gib, 4 * gib), Level::warning) << "eight shards prepare 2.5 GiB";
    EXPECT_EQ(with(3 * gib, 4 * gib), Level::ok);
    EXPECT_EQ(with(50 * gib, 1024 * gib), Level::warning) << "less than a twentieth";
    EXPECT_EQ(with(60 * gib, 1024 * gib), Level::ok);
}

TEST(DiskDiagnosis, Latencies) {
    const auto with = [](Duration p50, Duration p99) {
        return with_disk("latency", [&](DoctorFacts& f) {
            f.disk.latency = WriteLatency{.writes = 100, .p50 = p50, .p99 = p99, .max = p99};
        }).level;
    };
    EXPECT_EQ(with(200us, 2ms), Level::ok);
    EXPECT_EQ(with(201us, 2ms), Level::advice);
    EXPECT_EQ(with(100us, 3ms), Level::advice);
    EXPECT_EQ(with(3ms, 4ms), Level::warning);
    EXPECT_EQ(with(100us, 30ms), Level::warning);
    EXPECT_EQ(with_disk("latency", [](auto& f) { f.disk.latency.reset(); }).level, Level::warning);
}

TEST(DiskDiagnosis, Devices) {
    EXPECT_EQ(with_disk("rotational", [](auto& f) { f.block->rotational = true; }).level, Level::advice)
        << "it claims to rotate, and answers within 20 us";
    EXPECT_EQ(with_disk("rotational", [](auto& f) { f.block->rotational = true; f.disk.latency.reset(); }).level,
              Level::warning);
    EXPECT_EQ(with_disk("write_cache", [](auto& f) { f.block->volatile_cache = true; }).level, Level::advice);
    EXPECT_EQ(with_disk("write_cache", [](auto& f) { f.block->volatile_cache = true; f.block->fua = true; }).level,
              Level::ok);
    EXPECT_EQ(with_disk("blocks", [](auto& f) { f.block->logical_block_bytes = 8192; }).level, Level::warning);
    EXPECT_EQ(with_disk("scheduler", [](auto& f) { f.block->scheduler = "bfq"; }).mend,
              "echo none > /sys/block/nvme0n1/queue/scheduler");
    EXPECT_EQ(with_disk("device", [](auto& f) { f.block.reset(); }).level, Level::advice);
    EXPECT_EQ(with_disk("device", [](auto& f) { f.block->device = "dm-0"; }).what, "dm-0 on nvme0n1 (MZQL2)");
}

}  // namespace
}  // namespace penstock::cli
