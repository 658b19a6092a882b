#include "cli/diagnosis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/units.h"
#include "cli/output.h"

namespace penstock::cli {

namespace {

using Release = std::pair<uint32_t, uint32_t>;

/// Receives that serve many messages (IORING_RECV_MULTISHOT) came with it: without them no connection is read.
constexpr Release release_min{6, 0};
/// Completions that come only when a shard asks for them (IORING_SETUP_DEFER_TASKRUN), and what is tested.
constexpr Release release_good{6, 1};

/// limits.connections_max of the default configuration, twice: half of the descriptors are kept for files.
constexpr uint64_t open_files_needed = 20'000;
/// A shard's cache, requests and receive buffers, as the default configuration bounds them.
constexpr uint64_t shard_bytes_max = (128 + 256 + 16) * mib;
/// What a small DPDK set-up pins: packet buffers and rings. vfio counts them against the limit.
constexpr uint64_t locked_bytes_good = 512 * mib;
/// With fewer cores there is none to set apart.
constexpr size_t cores_to_isolate_min = 4;
/// A read through the vDSO takes 20 to 50 ns; one that enters the kernel or asks a device takes hundreds to thousands.
constexpr double clock_read_ns_max = 200;

/// Debian's way, the others' differ in the file's name; it counts from the next start of the machine.
std::string boot_command(std::string_view parameters) {
    return fmt::format("sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{} /' /etc/default/grub && update-grub", parameters);
}

void diagnose_kernel(const KernelFacts& kernel, std::vector<Finding>& out) {
    SubjectFindings found(out, "kernel");
    const auto release = kernel.release ? parse_release(*kernel.release) : std::nullopt;
    if (!release) {
        found.unknown("release", "the kernel's release", "/proc/sys/kernel/osrelease");
    } else if (*release < release_min) {
        found.add(Level::fault, "release", fmt::format("Linux {} is too old", *kernel.release),
                  "the broker needs io_uring as Linux 6.1 has it: buffers that the kernel picks, receives that serve "
                  "many messages; Debian 12 has that kernel");
    } else if (*release < release_good) {
        found.add(Level::warning, "release", fmt::format("Linux {} is older than 6.1", *kernel.release),
                  "io_uring there interrupts a shard for each completion, and the broker is not tested with it; Debian "
                  "12 has 6.1");
    } else {
        found.ok("release", fmt::format("Linux {}", *kernel.release));
    }
    if (!kernel.virtual_machine) {
        found.unknown("virtual", "whether this is a virtual machine", "the processor");
    } else if (*kernel.virtual_machine) {
        found.add(Level::advice, "virtual", "this is a virtual machine",
                  "the host takes cores away without a word and answers for the disk: latencies come and go with its "
                  "other guests, and what is durable depends on its cache mode");
    } else {
        found.ok("virtual", "the machine itself, not a virtual one");
    }
    if (!kernel.open_files_max) {
        found.unknown("open_files", "the limit of open files", "/proc/self/limits");
    } else if (*kernel.open_files_max < open_files_needed) {
        found.add(Level::warning, "open_files", fmt::format("at most {} open files", *kernel.open_files_max),
                  "each connection takes one, by default up to 10,000, and half of them are kept for files; the "
                  "service sets LimitNOFILE by itself",
                  "ulimit -n 1048576");
    } else {
        found.ok("open_files", "enough open files");
    }
}

void diagnose_uring(const MachineFacts& machine, const UringProbe& probe, std::vector<Finding>& out) {
    SubjectFindings found(out, "io_uring");
    const int64_t disabled = machine.uring_disabled.value_or(0);
    const std::string mend = disabled != 0 ? "sysctl -w kernel.io_uring_disabled=0" : "";
    if (!probe.failure.empty()) {
        found.add(Level::fault, "set_up", printable(probe.failure),
                  "disk and network of the broker go through io_uring: it cannot start", mend);
    } else {
        found.ok("set_up", "a shard's ring and its buffers can be set up");
    }
    if (!machine.uring_disabled) {
        found.ok("allowed", "no sysctl forbids it (this kernel has no kernel.io_uring_disabled)");
    } else if (disabled != 0) {
        found.add(probe.failure.empty() ? Level::warning : Level::fault, "allowed",
                  fmt::format("the sysctl kernel.io_uring_disabled is {}", disabled),
                  disabled == 1 ? "only root and the members of kernel.io_uring_group may use io_uring: the service's "
                                  "own user may not"
                                : "nobody may use io_uring",
                  mend);
    } else {
        found.ok("allowed", "every user may use it");
    }
}

void diagnose_isolation(const CpuFacts& cpu, SubjectFindings& found) {
    const auto& online = *cpu.online;
    const auto& isolated = *cpu.isolated;
    if (isolated.empty() && online.size() < cores_to_isolate_min) {
        found.ok("isolation", "no core is set apart; there are too few for that");
    } else if (isolated.empty()) {
        const std::string rest = show_number_list({online.begin() + 1, online.end()});
        found.add(Level::advice, "isolation", "no core is set apart for the broker",
                  "the kernel moves other programs and interrupts onto the shards' cores, which shows in the slowest "
                  "answers; the service then needs CPUAffinity= with these cores, and the machine a restart",
                  boot_command(fmt::format("isolcpus=managed_irq,domain,{0} nohz_full={0} rcu_nocbs={0}", rest)));
    } else {
        const bool ticks = !cpu.tickless || cpu.tickless->empty();
        const std::string cores = show_number_list(isolated);
        if (ticks) {
            found.add(Level::advice, "isolation",
                      fmt::format("cores {} are set apart, but the timer ticks there", cores),
                      "each tick takes some microseconds from a spinning shard; it counts from the next restart",
                      boot_command(fmt::format("nohz_full={0} rcu_nocbs={0}", cores)));
        } else {
            found.ok("isolation", fmt::format("cores {} are set apart, cores {} without ticks", cores,
                                            show_number_list(*cpu.tickless)));
        }
        const auto is_usable = [&](uint32_t core) { return std::ranges::find(*cpu.usable, core) != cpu.usable->end(); };
        if (cpu.usable && !std::ranges::any_of(isolated, is_usable)) {
            found.add(Level::advice, "affinity", fmt::format("cores {} are set apart, but not used from here", cores),
                      "the kernel starts no program there by itself: give the broker's service CPUAffinity= with them",
                      fmt::format("taskset -c {} penstock-broker --config /etc/penstock/broker.toml", cores));
        }
    }
}

void diagnose_cpu(const CpuFacts& cpu, std::vector<Finding>& out) {
    SubjectFindings found(out, "cpu");
    if (!cpu.online || cpu.online->empty()) {
        found.unknown("cores", "the number of cores", "/sys/devices/system/cpu/online");
    } else {
        const size_t online = cpu.online->size(), usable = cpu.usable ? cpu.usable->size() : online;
        if (online < 2) {
            found.add(Level::advice, "cores", "one core",
                      "the broker, its clients' kernel work and all else take turns on it");
        } else {
            found.ok("cores", fmt::format("{} cores, {} of them to be used from here", online, usable));
        }
    }
    if (!cpu.smt) {
        found.unknown("smt", "whether threads share cores", "/sys/devices/system/cpu/smt/active");
    } else if (*cpu.smt) {
        found.add(Level::advice, "smt", "two threads share each core",
                  "two shards on one core, or a shard beside an interrupt, slow each other down",
                  "echo off > /sys/devices/system/cpu/smt/control");
    } else {
        found.ok("smt", "each thread has a core of its own");
    }
    if (cpu.online && !cpu.online->empty() && cpu.isolated) diagnose_isolation(cpu, found);
    else found.unknown("isolation", "whether cores are set apart", "/sys/devices/system/cpu/isolated");
    const auto slow = [](const std::string& governor) { return governor != "performance"; };
    if (cpu.governors.empty()) {
        found.ok("governor", "the kernel does not change the cores' frequency");
    } else if (std::ranges::any_of(cpu.governors, slow)) {
        found.add(Level::advice, "governor", fmt::format("frequency governor {}", fmt::join(cpu.governors, ", ")),
                  "a core that was idle is slow when the next request comes", "cpupower frequency-set -g performance");
    } else {
        found.ok("governor", "frequency governor performance");
    }
}

void diagnose_clock(const ClockFacts& clock, std::vector<Finding>& out) {
    SubjectFindings found(out, "clock");
    const std::string source = clock.source.value_or("");
    const std::string cost = clock.read_ns ? fmt::format("{:.0f} ns a reading", *clock.read_ns) : "";
    if (source.empty()) {
        found.unknown("source", "the clock source", "/sys/devices/system/clocksource");
    } else if (clock.read_ns && *clock.read_ns > clock_read_ns_max) {
        const bool tsc = source != "tsc" && std::ranges::find(clock.available, "tsc") != clock.available.end();
        found.add(Level::warning, "source", fmt::format("clock source {}, {}", source, cost),
                  "every turn of every shard asks for the time, thousands to millions of times a second",
                  tsc ? "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource" : "");
    } else {
        found.ok("source", fmt::format("clock source {}{}{}", source, cost.empty() ? "" : ", ", cost));
    }
    if (!clock.synchronised) {
        found.unknown("synchronised", "whether the clock is set by a time server", "the kernel");
    } else if (!*clock.synchronised) {
        found.add(Level::warning, "synchronised", "no time server sets this clock",
                  "records are stamped by it and kept for a time by it: brokers that differ disagree on what is old",
                  "apt-get install -y chrony");
    } else {
        found.ok("synchronised", "set by a time server");
    }
}

void diagnose_huge_pages(const MemoryFacts& memory, SubjectFindings& found) {
    if (memory.huge_pages.empty()) {
        found.unknown("huge_pages", "whether there are huge pages", "/sys/kernel/mm/hugepages");
        return;
    }
    uint64_t total = 0, free = 0;
    std::string text;
    for (const HugePages& pages : memory.huge_pages) {
        total += pages.total.value_or(0);
        free += pages.free.value_or(0);
        text += fmt::format("{}{} of {}: {} free", text.empty() ? "" : "; ", pages.total.value_or(0),
                            pages.page_bytes == gib ? "1 GiB" : "2 MiB", pages.free.value_or(0));
    }
    constexpr const char* mend = "sysctl -w vm.nr_hugepages=1024";
    if (total == 0) {
        found.add(Level::advice, "huge_pages", "no huge pages are reserved",
                  "a network device that bypasses the kernel (DPDK) keeps its packets in them; through the kernel's "
                  "sockets none are needed",
                  mend);
    } else if (free == 0) {
        found.add(Level::advice, "huge_pages", "all huge pages are in use",
                  "a broker that bypasses the kernel's network (DPDK) finds none, unless it is the one that has them",
                  mend);
    } else {
        found.ok("huge_pages", fmt::format("huge pages: {}", text));
    }
}

void diagnose_memory(const MemoryFacts& memory, const CpuFacts& cpu, std::vector<Finding>& out) {
    SubjectFindings found(out, "memory");
    const uint64_t cores = cpu.usable && !cpu.usable->empty() ? cpu.usable->size() : 1;
    const uint64_t needed = cores * shard_bytes_max;
    if (!memory.available_bytes) {
        found.unknown("available", "the memory that is free for use", "/proc/meminfo");
    } else {
        const std::string text = fmt::format("{} to be used, of {}",
                                             show_bytes(static_cast<double>(*memory.available_bytes)),
                                             show_bytes(static_cast<double>(memory.total_bytes.value_or(0))));
        if (*memory.available_bytes < needed) {
            found.add(Level::warning, "available", text,
                      fmt::format("{} shard{}, one for each core, may take up to {} with the default settings: lower "
                                  "shards.count, storage.cache_bytes or limits.request_memory_bytes",
                                  cores, cores == 1 ? "" : "s", show_bytes(static_cast<double>(needed))));
        } else {
            found.ok("available", text);
        }
    }
    diagnose_huge_pages(memory, found);
    if (!memory.locked_bytes_max) {
        found.unknown("locked", "the limit of locked memory", "/proc/self/limits");
    } else if (*memory.locked_bytes_max < locked_bytes_good) {
        found.add(Level::advice, "locked",
                  fmt::format("at most {} may be locked from here",
                              show_bytes(static_cast<double>(*memory.locked_bytes_max))),
                  "vfio counts the memory of a network device's packets against it, and older kernels io_uring's "
                  "rings; root is exempt, and the service sets LimitMEMLOCK by itself",
                  "ulimit -l unlimited");
    } else {
        found.ok("locked", "enough memory may be locked");
    }
    if (memory.nodes.empty()) found.unknown("numa", "the number of NUMA nodes", "/sys/devices/system/node");
    else if (memory.nodes.size() == 1) found.ok("numa", "one NUMA node: everything is near");
    else found.ok("numa", fmt::format("{} NUMA nodes", memory.nodes.size()));
}

void diagnose_iommu(const IommuFacts& iommu, std::vector<Finding>& out) {
    SubjectFindings found(out, "iommu");
    if (!iommu.groups) {
        found.unknown("groups", "whether there is an IOMMU", "/sys/kernel/iommu_groups");
    } else if (*iommu.groups == 0) {
        found.add(Level::advice, "groups", "no IOMMU is in use",
                  "only with it can a network device be given to a program safely (DPDK over vfio); through the "
                  "kernel's sockets none is needed; it must be on in the firmware, too, and the machine be restarted",
                  boot_command("intel_iommu=on iommu=pt"));
    } else {
        found.ok("groups", fmt::format("an IOMMU with {} group{}", *iommu.groups, *iommu.groups == 1 ? "" : "s"));
    }
    if (!iommu.vfio_pci) {
        found.add(Level::advice, "vfio", "the driver vfio-pci is not loaded",
                  "it gives a network device to a program that bypasses the kernel (DPDK)", "modprobe vfio-pci");
    } else if (iommu.vfio_without_iommu) {
        found.add(Level::warning, "vfio", "vfio works without an IOMMU (enable_unsafe_noiommu_mode)",
                  "the device of a program can then write anywhere in memory: one error there breaks the machine",
                  "echo N > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
    } else {
        found.ok("vfio", "the driver vfio-pci is loaded");
    }
}

}  // namespace

std::string_view level_name(Level level) {
    switch (level) {
        case Level::ok: return "ok";
        case Level::advice: return "advice";
        case Level::warning: return "warning";
        case Level::fault: return "fault";
    }
    return "fault";
}

Level worst(const std::vector<Finding>& findings) {
    Level level = Level::ok;
    for (const Finding& finding : findings) level = std::max(level, finding.level);
    return level;
}

int exit_code_of(Level level) {
    if (level == Level::fault) return 2;
    return level == Level::warning ? 1 : 0;
}

std::vector<Finding> diagnose(const DoctorFacts& facts) {
    std::vector<Finding> out;
    const MachineFacts& machine = facts.machine;
    diagnose_kernel(machine.kernel, out);
    diagnose_uring(machine, facts.uring, out);
    diagnose_cpu(machine.cpu, out);
    diagnose_clock(machine.clock, out);
    diagnose_memory(machine.memory, machine.cpu, out);
    diagnose_iommu(machine.iommu, out);
    if (facts.networks.empty()) {
        SubjectFindings(out, "network").add(Level::warning, "device", "no network interface is up but the loopback",
                                            "clients and other brokers can only reach this one from here", "ip link");
    }
    for (const NetworkFacts& network : facts.networks) diagnose_network(network, facts, out);
    diagnose_disk(facts, out);
    return out;
}

}  // namespace penstock::cli
