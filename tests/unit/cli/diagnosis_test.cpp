#include "cli/diagnosis.h"

#include <gtest/gtest.h>

#include <set>

#include "contains.h"
#include "good_machine.h"

namespace penstock::cli {
namespace {

using Numbers = std::vector<uint32_t>;

TEST(Diagnosis, AGoodMachineHasNothingWrong) {
    const auto findings = diagnose(good_machine());
    for (const Finding& finding : findings) EXPECT_EQ(finding.level, Level::ok) << finding.check << finding.what;
    EXPECT_EQ(exit_code_of(worst(findings)), 0);
}

TEST(Diagnosis, EverySubjectIsSpokenOfInOrderAndEveryNameIsGivenOnce) {
    for (const DoctorFacts& facts : {good_machine(), DoctorFacts{}}) {
        std::vector<std::string_view> spoken;
        std::set<std::string> names;
        for (const Finding& finding : diagnose(facts)) {
            if (spoken.empty() || spoken.back() != finding.subject) spoken.push_back(finding.subject);
            const std::string name = std::string(finding.subject) + "/" + finding.device + "/" +
                                     std::string(finding.check);
            EXPECT_TRUE(names.insert(name).second) << name;
        }
        EXPECT_TRUE(std::ranges::equal(spoken, subjects));
    }
}

TEST(Diagnosis, WhatIsUnknownIsSaidAndNoFault) {
    DoctorFacts facts = good_machine();
    facts.machine = {};
    const auto findings = diagnose(facts);
    EXPECT_LT(worst(findings), Level::warning);
    size_t unknown = 0;
    for (const Finding& finding : findings) {
        if (contains(finding.what, "is unknown")) ++unknown;
    }
    EXPECT_GE(unknown, 12u);
}

TEST(Diagnosis, WhatIsWrongSaysWhy) {
    DoctorFacts facts;
    facts.networks = {NetworkFacts{.name = "eth0", .interface = "eth0", .up = false}};
    for (const Finding& finding : diagnose(facts)) {
        EXPECT_TRUE(finding.level == Level::ok || !finding.why.empty()) << finding.subject << finding.check;
    }
}

TEST(Diagnosis, ExitCodes) {
    EXPECT_EQ(exit_code_of(Level::ok), 0);
    EXPECT_EQ(exit_code_of(Level::advice), 0);
    EXPECT_EQ(exit_code_of(Level::warning), 1);
    EXPECT_EQ(exit_code_of(Level::fault), 2);
    EXPECT_EQ(worst({}), Level::ok);
}

TEST(Diagnosis, Kernels) {
    DoctorFacts facts = good_machine();
    const auto level = [&](const char* release) {
        facts.machine.kernel.release = release;
        return finding_of(facts, "kernel", "release").level;
    };
    EXPECT_EQ(level("5.19.17"), Level::fault);
    EXPECT_EQ(level("6.0.3"), Level::warning);
    EXPECT_EQ(level("6.1.0"), Level::ok);
    EXPECT_EQ(level("10.0"), Level::ok);
    EXPECT_EQ(level("new"), Level::advice);
    facts.machine.kernel.virtual_machine = true;
    EXPECT_EQ(finding_of(facts, "kernel", "virtual").level, Level::advice);
    facts.machine.kernel.open_files_max = 4096;
    EXPECT_EQ(finding_of(facts, "kernel", "open_files").level, Level::warning);
    EXPECT_EQ(finding_of(facts, "kernel", "open_files").mend, "ulimit -n 1048576");
}

TEST(Diagnosis, ForbiddenIoUring) {
    DoctorFacts facts = good_machine();
    facts.machine.uring_disabled = 1;
    EXPECT_EQ(finding_of(facts, "io_uring", "set_up").level, Level::ok) << "we are root";
    EXPECT_EQ(finding_of(facts, "io_uring", "allowed").level, Level::warning);
    facts.machine.uring_disabled = 2;
    facts.uring.failure = "cannot set up io_uring: \x1b Operation not permitted";
    const Finding finding = finding_of(facts, "io_uring", "set_up");
    EXPECT_EQ(finding.level, Level::fault);
    EXPECT_FALSE(contains(finding.what, "\x1b"));
    EXPECT_EQ(finding.mend, "sysctl -w kernel.io_uring_disabled=0");
    facts.machine.uring_disabled.reset();
    EXPECT_EQ(finding_of(facts, "io_uring", "set_up").mend, "") << "the sysctl is not the reason";
    EXPECT_EQ(finding_of(facts, "io_uring", "allowed").level, Level::ok);
}

TEST(Diagnosis, Cores) {
    DoctorFacts facts = good_machine();
    CpuFacts& cpu = facts.machine.cpu;
    cpu.smt = true;
    EXPECT_EQ(finding_of(facts, "cpu", "smt").level, Level::advice);
    cpu.governors = {"performance", "powersave"};
    EXPECT_EQ(finding_of(facts, "cpu", "governor").level, Level::advice);
    cpu.governors.clear();
    EXPECT_EQ(finding_of(facts, "cpu", "governor").level, Level::ok);
    cpu.isolated = Numbers{};
    EXPECT_EQ(finding_of(facts, "cpu", "isolation").level, Level::advice);
    EXPECT_TRUE(contains(finding_of(facts, "cpu", "isolation").mend, "isolcpus=managed_irq,domain,1-7 nohz_full=1-7"));
    cpu.online = Numbers{0, 1};
    EXPECT_EQ(finding_of(facts, "cpu", "isolation").level, Level::ok) << "too few";
    cpu.online = Numbers{0};
    EXPECT_EQ(finding_of(facts, "cpu", "cores").level, Level::advice);
}

TEST(Diagnosis, IsolatedCoresMustBeUsedAndQuiet) {
    DoctorFacts facts = good_machine();
    CpuFacts& cpu = facts.machine.cpu;
    cpu.usable = Numbers{0, 1};
    EXPECT_EQ(finding_of(facts, "cpu", "affinity").level, Level::advice);
    cpu.tickless = Numbers{};
    EXPECT_EQ(finding_of(facts, "cpu", "isolation").level, Level::advice);
    EXPECT_TRUE(contains(finding_of(facts, "cpu", "isolation").mend, "nohz_full=2-7"));
}

TEST(Diagnosis, Clocks) {
    DoctorFacts facts = good_machine();
    ClockFacts& clock = facts.machine.clock;
    clock.source = "hpet";
    clock.read_ns = 1200;
    EXPECT_EQ(finding_of(facts, "clock", "source").level, Level::warning);
    EXPECT_TRUE(contains(finding_of(facts, "clock", "source").mend, "echo tsc"));
    clock.available = {"hpet"};
    EXPECT_EQ(finding_of(facts, "clock", "source").mend, "");
    clock.source = "kvm-clock";
    clock.read_ns = 40;
    EXPECT_EQ(finding_of(facts, "clock", "source").level, Level::ok) << "its cost counts, not its name";
    clock.synchronised = false;
    EXPECT_EQ(finding_of(facts, "clock", "synchronised").level, Level::warning);
}

TEST(Diagnosis, Memory) {
    DoctorFacts facts = good_machine();
    MemoryFacts& memory = facts.machine.memory;
    memory.available_bytes = gib;
    EXPECT_EQ(finding_of(facts, "memory", "available").level, Level::warning) << "eight shards";
    memory.huge_pages = {{2 * mib, 512, 0}};
    EXPECT_EQ(finding_of(facts, "memory", "huge_pages").level, Level::advice);
    memory.huge_pages = {{2 * mib, 0, 0}};
    EXPECT_EQ(finding_of(facts, "memory", "huge_pages").mend, "sysctl -w vm.nr_hugepages=1024");
    memory.locked_bytes_max = 8 * mib;
    EXPECT_EQ(finding_of(facts, "memory", "locked").level, Level::advice);
}

TEST(Diagnosis, Iommu) {
    DoctorFacts facts = good_machine();
    facts.machine.iommu = {.groups = 0};
    EXPECT_EQ(finding_of(facts, "iommu", "groups").level, Level::advice);
    EXPECT_TRUE(contains(finding_of(facts, "iommu", "groups").mend, "iommu=pt"));
    EXPECT_EQ(finding_of(facts, "iommu", "vfio").mend, "modprobe vfio-pci");
    facts.machine.iommu = {.groups = 0, .vfio_pci = true, .vfio_without_iommu = true};
    EXPECT_EQ(finding_of(facts, "iommu", "vfio").level, Level::warning);
}

TEST(Diagnosis, AMachineWithoutNetworkIsWarnedOf) {
    DoctorFacts facts = good_machine();
    facts.networks.clear();
    EXPECT_EQ(finding_of(facts, "network", "device").level, Level::warning);
}

}  // namespace
}  // namespace penstock::cli
