#include "cli/machine_facts.h"

#include <gtest/gtest.h>

#include "base/units.h"
#include "fake_tree.h"

namespace penstock::cli {
namespace {

using Numbers = std::vector<uint32_t>;

constexpr const char* limits =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max open files            1024                 1048576              files     \n"
    "Max locked memory         8388608              unlimited            bytes     \n";

/// A server with two nodes of four cores.
void fill(const FakeTree& tree) {
    tree.file("/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n");
    tree.file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu tsc sse4_2\n");
    tree.file("/proc/self/limits", limits);
    tree.file("/proc/self/status", "Name:\tpenstock\nCpus_allowed:\tff\nCpus_allowed_list:\t0-1,4\n");
    tree.file("/proc/meminfo", "MemTotal:       65536 kB\nMemFree:  1 kB\nMemAvailable:   32768 kB\n");
    tree.file("/proc/sys/kernel/io_uring_disabled", "0\n");
    tree.file("/sys/devices/system/cpu/online", "0-7\n");
    tree.file("/sys/devices/system/cpu/isolated", "2-3\n");
    tree.file("/sys/devices/system/cpu/nohz_full", "(null)\n");
    tree.file("/sys/devices/system/cpu/smt/active", "0\n");
    tree.file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    tree.file("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
    tree.file("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n");
    tree.file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    tree.file("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm \n");
    tree.file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
    tree.file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
    tree.file("/sys/devices/system/node/online", "0-1\n");
    tree.file("/sys/devices/system/node/node0/cpulist", "0-3\n");
    tree.file("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "500\n");
    tree.file("/sys/devices/system/node/node1/cpulist", "4-7\n");
    tree.folder("/sys/kernel/iommu_groups/0");
    tree.folder("/sys/kernel/iommu_groups/1");
    tree.folder("/sys/bus/pci/drivers/vfio-pci");
    tree.file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
}

TEST(MachineFacts, ReadsAServer) {
    const FakeTree tree;
    fill(tree);
    const MachineFacts facts = read_machine_facts(tree.reader());
    EXPECT_EQ(facts.kernel.release, "6.1.0-28-amd64");
    EXPECT_EQ(facts.kernel.virtual_machine, false);
    EXPECT_EQ(facts.kernel.open_files_max, 1048576u);
    EXPECT_EQ(facts.uring_disabled, 0);
    EXPECT_EQ(facts.cpu.online->size(), 8u);
    EXPECT_EQ(facts.cpu.usable, (Numbers{0, 1, 4}));
    EXPECT_EQ(facts.cpu.isolated, (Numbers{2, 3}));
    EXPECT_EQ(facts.cpu.tickless, Numbers{});
    EXPECT_EQ(facts.cpu.smt, false);
    EXPECT_EQ(facts.cpu.governors, (std::vector<std::string>{"performance", "powersave"}));
    EXPECT_EQ(facts.clock.source, "hpet");
    EXPECT_EQ(facts.clock.available, (std::vector<std::string>{"tsc", "hpet", "acpi_pm"}));
    EXPECT_EQ(facts.memory.total_bytes, 64 * mib);
    EXPECT_EQ(facts.memory.available_bytes, 32 * mib);
    EXPECT_EQ(facts.memory.locked_bytes_max, UINT64_MAX);
    ASSERT_EQ(facts.memory.huge_pages.size(), 1u);
    EXPECT_EQ(facts.memory.huge_pages[0].page_bytes, 2 * mib);
    EXPECT_EQ(facts.memory.huge_pages[0].total, 512u);
    EXPECT_EQ(facts.memory.huge_pages[0].free, 500u);
    ASSERT_EQ(facts.memory.nodes.size(), 2u);
    EXPECT_EQ(facts.memory.nodes[0].huge_free_bytes, 1000 * mib);
    EXPECT_EQ(facts.memory.nodes[1].cores, (Numbers{4, 5, 6, 7}));
    EXPECT_EQ(facts.memory.nodes[1].huge_free_bytes, 0u);
    EXPECT_EQ(facts.iommu.groups, 2u);
    EXPECT_TRUE(facts.iommu.vfio_pci);
    EXPECT_TRUE(facts.iommu.vfio_without_iommu);
}

TEST(MachineFacts, AnEmptyTreeTellsNothing) {
    const FakeTree tree;
    const MachineFacts facts = read_machine_facts(tree.reader());
    EXPECT_EQ(facts.kernel.release, std::nullopt);
    EXPECT_EQ(facts.kernel.virtual_machine, std::nullopt);
    EXPECT_EQ(facts.kernel.open_files_max, std::nullopt);
    EXPECT_EQ(facts.cpu.online, std::nullopt);
    EXPECT_EQ(facts.cpu.tickless, std::nullopt);
    EXPECT_EQ(facts.cpu.smt, std::nullopt);
    EXPECT_EQ(facts.clock.source, std::nullopt);
    EXPECT_EQ(facts.memory.total_bytes, std::nullopt);
    EXPECT_TRUE(facts.memory.huge_pages.empty());
    EXPECT_TRUE(facts.memory.nodes.empty());
    EXPECT_EQ(facts.iommu.groups, std::nullopt);
    EXPECT_EQ(facts.uring_disabled, std::nullopt);
}

TEST(MachineFacts, NonsenseTellsNothing) {
    const FakeTree tree;
    fill(tree);
    tree.file("/proc/self/limits", "Max open files 7\nMax locked memory x y\n");
    tree.file("/proc/meminfo", "MemTotal: many kB\n");
    tree.file("/sys/devices/system/cpu/online", "0-4000000000\n");
    tree.file("/sys/devices/system/cpu/smt/active", "on\n");
    tree.file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "-1\n");
    tree.file("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "9223372036854775807\n");
    const MachineFacts facts = read_machine_facts(tree.reader());
    EXPECT_EQ(facts.kernel.open_files_max, std::nullopt);
    EXPECT_EQ(facts.memory.locked_bytes_max, std::nullopt);
    EXPECT_EQ(facts.memory.total_bytes, std::nullopt);
    EXPECT_EQ(facts.cpu.online, std::nullopt);
    EXPECT_EQ(facts.cpu.smt, std::nullopt);
    EXPECT_EQ(facts.memory.huge_pages[0].total, std::nullopt);
    EXPECT_EQ(facts.memory.nodes[0].huge_free_bytes, 0u);
}

TEST(MachineFacts, VirtualMachinesAreSeen) {
    const FakeTree tree;
    tree.file("/proc/cpuinfo", "flags\t\t: fpu hypervisor\n");
    EXPECT_EQ(read_machine_facts(tree.reader()).kernel.virtual_machine, true);
    tree.file("/proc/cpuinfo", "Features\t: fp asimd\n");
    EXPECT_EQ(read_machine_facts(tree.reader()).kernel.virtual_machine, std::nullopt);
    tree.file("/sys/hypervisor/type", "xen\n");
    EXPECT_EQ(read_machine_facts(tree.reader()).kernel.virtual_machine, true);
}

TEST(MachineFacts, Releases) {
    EXPECT_EQ(parse_release("6.1.0-28-amd64"), std::pair(6u, 1u));
    EXPECT_EQ(parse_release("6.18-rc1"), std::pair(6u, 18u));
    EXPECT_EQ(parse_release("5.10"), std::pair(5u, 10u));
    for (const char* wrong : {"", "6", "6.", ".1", "six.one", "6.x", "99999999999.1"}) {
        EXPECT_EQ(parse_release(wrong), std::nullopt) << wrong;
    }
}

TEST(MachineFacts, TheClockCanBeTimed) {
    ClockFacts clock;
    ask_clock(clock);
    ASSERT_TRUE(clock.read_ns);
    EXPECT_GT(*clock.read_ns, 0);
}

}  // namespace
}  // namespace penstock::cli
