#include "cli/device_facts.h"

#include <gtest/gtest.h>

#include "contains.h"
#include "fake_tree.h"

namespace penstock::cli {
namespace {

constexpr const char* nic = "/sys/devices/pci0000:3a/0000:3b:00.0";
constexpr const char* disk = "/sys/devices/pci0000:5d/0000:5e:00.0/nvme/nvme0/nvme0n1";

/// A card with an interface, one that vfio-pci has, a virtio interface, a bridge, and the loopback.
void fill_network(const FakeTree& tree) {
    const std::string card = nic;
    tree.file(card + "/class", "0x020000\n");
    tree.file(card + "/numa_node", "1\n");
    tree.link(card + "/driver", "/sys/bus/pci/drivers/ice");
    tree.link(card + "/iommu_group", "/sys/kernel/iommu_groups/17");
    tree.file(card + "/net/ens1/flags", "0x1003\n");
    tree.file(card + "/net/ens1/mtu", "9000\n");
    tree.file(card + "/net/ens1/speed", "25000\n");
    tree.file(card + "/net/ens1/carrier", "1\n");
    for (const char* queue : {"rx-0", "rx-1", "tx-0"}) tree.folder(card + "/net/ens1/queues/" + queue);
    tree.link(card + "/net/ens1/device", card);
    tree.link("/sys/class/net/ens1", card + "/net/ens1");
    tree.link("/sys/bus/pci/devices/0000:3b:00.0", card);

    const std::string taken = "/sys/devices/pci0000:3a/0000:3b:00.1";
    tree.file(taken + "/class", "0x020000\n");
    tree.link(taken + "/driver", "/sys/bus/pci/drivers/vfio-pci");
    tree.link("/sys/bus/pci/devices/0000:3b:00.1", taken);

    const std::string host = "/sys/devices/pci0000:00/0000:00:03.0";
    tree.file(host + "/class", "0x020000\n");
    tree.file(host + "/numa_node", "-1\n");
    tree.file(host + "/virtio2/net/eth0/flags", "0x1002\n");
    tree.file(host + "/virtio2/net/eth0/speed", "-1\n");
    tree.link(host + "/virtio2/driver", "/sys/bus/virtio/drivers/virtio_net");
    tree.link(host + "/virtio2/net/eth0/device", host + "/virtio2");
    tree.link("/sys/class/net/eth0", host + "/virtio2/net/eth0");
    tree.link("/sys/bus/pci/devices/0000:00:03.0", host);

    tree.file("/sys/class/net/br0/flags", "0x1003\n");
    tree.file("/sys/class/net/lo/flags", "0x9\n");
    tree.file("/sys/class/net/bonding_masters", "\n");
}

TEST(DeviceFacts, ReadsAnInterface) {
    const FakeTree tree;
    fill_network(tree);
    const auto found = find_network_device(tree.reader(), "ens1");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->name, "ens1");
    EXPECT_EQ(found->interface, "ens1");
    EXPECT_EQ(found->pci_address, "0000:3b:00.0");
    EXPECT_TRUE(found->physical);
    EXPECT_EQ(found->driver, "ice");
    EXPECT_EQ(found->up, true);
    EXPECT_EQ(found->carrier, true);
    EXPECT_EQ(found->mtu, 9000);
    EXPECT_EQ(found->speed_mbit, 25000);
    EXPECT_EQ(found->numa_node, 1);
    EXPECT_EQ(found->iommu_group, 17);
    EXPECT_EQ(found->receive_queues, 2u);
    EXPECT_EQ(found->send_queues, 1u);
}

TEST(DeviceFacts, ListsInterfacesWithoutTheLoopback) {
    const FakeTree tree;
    fill_network(tree);
    std::string names;
    for (const NetworkFacts& network : read_interfaces(tree.reader())) {
        names += network.name + (network.physical ? "! " : " ");
    }
    EXPECT_EQ(names, "br0 ens1! eth0! ");
    EXPECT_TRUE(read_interfaces(FakeTree().reader()).empty());
}

TEST(DeviceFacts, FindsPciDevices) {
    const FakeTree tree;
    fill_network(tree);
    for (const char* name : {"0000:3b:00.0", "3b:00.0"}) {
        const auto found = find_network_device(tree.reader(), name);
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->name, "0000:3b:00.0");
        EXPECT_EQ(found->interface, "ens1");
    }
    const auto taken = find_network_device(tree.reader(), "0000:3b:00.1");
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->interface, std::nullopt);
    EXPECT_EQ(taken->driver, "vfio-pci");
    EXPECT_EQ(taken->iommu_group, std::nullopt);
    const auto virtio = find_network_device(tree.reader(), "0000:00:03.0");
    ASSERT_TRUE(virtio);
    EXPECT_EQ(virtio->interface, "eth0");
    EXPECT_EQ(virtio->driver, "virtio_net");
    EXPECT_EQ(virtio->pci_address, "0000:00:03.0");
    EXPECT_EQ(virtio->up, false);
    EXPECT_EQ(virtio->speed_mbit, std::nullopt);
    EXPECT_EQ(virtio->numa_node, std::nullopt);
}

TEST(DeviceFacts, RefusesWhatIsNotThereOrNoNetworkDevice) {
    const FakeTree tree;
    fill_network(tree);
    tree.file("/sys/devices/pci0000:5d/0000:5e:00.0/class", "0x010802\n");
    tree.link("/sys/bus/pci/devices/0000:5e:00.0", "/sys/devices/pci0000:5d/0000:5e:00.0");
    const auto refused = [&](const std::string& name) {
        const auto found = find_network_device(tree.reader(), name);
        EXPECT_FALSE(found) << name;
        if (found) return std::string();
        EXPECT_EQ(found.error().kind, FailureKind::usage);
        return found.error().message + " | " + found.error().hint;
    };
    EXPECT_TRUE(contains(refused("ens2"), "Did you mean 'ens1'?"));
    EXPECT_TRUE(contains(refused("0000:99:00.0"), "no PCI device '0000:99:00.0'"));
    EXPECT_TRUE(contains(refused("5e:00.0"), "no network device: its class is 0x010802"));
    for (const char* name : {"", "..", ".", "../net/ens1", "ens1/", "bonding_masters", "\x1b[31m"}) {
        EXPECT_FALSE(contains(refused(name), "\x1b"));
    }
}

TEST(DeviceFacts, NonsenseOfAnInterfaceTellsNothing) {
    const FakeTree tree;
    tree.file("/sys/class/net/x/flags", "0xfffffffffffffffff\n");
    tree.file("/sys/class/net/x/mtu", "big\n");
    tree.file("/sys/class/net/x/carrier", "2\n");
    const auto found = find_network_device(tree.reader(), "x");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->up, std::nullopt);
    EXPECT_EQ(found->mtu, std::nullopt);
    EXPECT_EQ(found->carrier, std::nullopt);
    EXPECT_EQ(found->receive_queues, std::nullopt);
}

void fill_disk(const FakeTree& tree) {
    const std::string whole = disk;
    tree.file(whole + "/queue/rotational", "0\n");
    tree.file(whole + "/queue/write_cache", "write back\n");
    tree.file(whole + "/queue/fua", "1\n");
    tree.file(whole + "/queue/logical_block_size", "512\n");
    tree.file(whole + "/queue/physical_block_size", "4096\n");
    tree.file(whole + "/queue/scheduler", "mq-deadline [none]\n");
    tree.file(whole + "/../model", "SAMSUNG MZQL2\n");
    tree.link(whole + "/device", "/sys/devices/pci0000:5d/0000:5e:00.0/nvme/nvme0");
    tree.file("/sys/devices/pci0000:5d/0000:5e:00.0/numa_node", "1\n");
    tree.file(whole + "/nvme0n1p2/partition", "2\n");
    tree.link("/sys/dev/block/259:2", whole + "/nvme0n1p2");
}

TEST(DeviceFacts, ReadsTheDiskOfAPartition) {
    const FakeTree tree;
    fill_disk(tree);
    const auto block = read_block_device(tree.reader(), 259, 2);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->device, "nvme0n1");
    EXPECT_EQ(block->parts, std::vector<std::string>{"nvme0n1"});
    EXPECT_EQ(block->models, std::vector<std::string>{"SAMSUNG MZQL2"});
    EXPECT_EQ(block->rotational, false);
    EXPECT_EQ(block->volatile_cache, true);
    EXPECT_EQ(block->fua, true);
    EXPECT_EQ(block->logical_block_bytes, 512u);
    EXPECT_EQ(block->physical_block_bytes, 4096u);
    EXPECT_EQ(block->scheduler, "none");
    EXPECT_EQ(block->numa_node, 1);
    EXPECT_EQ(read_block_device(tree.reader(), 0, 42), std::nullopt);
}

TEST(DeviceFacts, LooksBelowStackedDevicesAndEndsWhereTheyTurnInACircle) {
    const FakeTree tree;
    fill_disk(tree);
    const std::string volume = "/sys/devices/virtual/block/dm-0";
    tree.file(volume + "/queue/rotational", "0\n");
    tree.link(volume + "/slaves/nvme0n1p2", std::string(disk) + "/nvme0n1p2");
    tree.link("/sys/dev/block/253:0", volume);
    const auto block = read_block_device(tree.reader(), 253, 0);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->device, "dm-0");
    EXPECT_EQ(block->parts, std::vector<std::string>{"nvme0n1"});
    EXPECT_EQ(block->numa_node, 1);
    tree.link("/sys/devices/virtual/block/dm-1/slaves/dm-1", "/sys/devices/virtual/block/dm-1");
    tree.link("/sys/dev/block/253:1", "/sys/devices/virtual/block/dm-1");
    EXPECT_EQ(read_block_device(tree.reader(), 253, 1)->parts, std::vector<std::string>{"dm-1"});
}

TEST(DeviceFacts, FindsTheMountOfAPath) {
    const std::string mounts =
        "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw,errors=remount-ro\n"
        "30 22 0:27 / /data\\040one rw,nosuid - tmpfs tmpfs rw,size=1g\n"
        "31 22 259:2 / /data ro,noatime master:1 shared:2 - xfs /dev/nvme0n1p2 rw,nobarrier\n"
        "32 22 259:3 / /var rw - btrfs /dev/a rw\n"
        "33 22 259:3 / /var rw - ext4 /dev/b rw\n"
        "broken line\n";
    const auto type = [&](std::string_view path) { return find_mount(mounts, path).value_or(MountFacts{}).type; };
    EXPECT_EQ(type("/data/broker"), "xfs");
    EXPECT_EQ(find_mount(mounts, "/data/broker")->options, "ro,noatime,rw,nobarrier");
    EXPECT_EQ(find_mount(mounts, "/data/broker")->mount_point, "/data");
    EXPECT_EQ(type("/database"), "ext4");
    EXPECT_EQ(type("/data one/x"), "tmpfs");
    EXPECT_EQ(type("/var/lib"), "ext4") << "the later one hides the earlier";
    EXPECT_EQ(find_mount(mounts, "relative"), std::nullopt);
    EXPECT_EQ(find_mount("", "/"), std::nullopt);
}

}  // namespace
}  // namespace penstock::cli
