#include "cli/machine_facts.h"

#include <sys/timex.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "base/units.h"
#include "cli/output.h"
#include "cli/values.h"

namespace penstock::cli {

namespace {

constexpr std::string_view cpu_folder = "/sys/devices/system/cpu";
constexpr std::string_view node_folder = "/sys/devices/system/node";
constexpr std::string_view clock_folder = "/sys/devices/system/clocksource/clocksource0";
constexpr size_t governors_max = 16;

std::string below(std::string_view folder, std::string_view name) {
    return std::string(folder) + "/" + std::string(name);
}

std::optional<std::vector<uint32_t>> read_list(const FactReader& reader, const std::string& path) {
    const auto line = reader.line(path);
    return line ? parse_number_list(*line) : std::nullopt;
}

/// Firmware of x86 and Xen say so; other processors have no flag for it, and there it stays unknown.
std::optional<bool> read_virtual(const FactReader& reader) {
    if (const auto type = reader.line("/sys/hypervisor/type"); type && !type->empty()) return true;
    if (reader.exists("/proc/device-tree/hypervisor")) return true;
    const auto processors = reader.text("/proc/cpuinfo");
    const auto flags = processors ? parse_field(*processors, "flags") : std::nullopt;
    if (!flags) return {};
    return has_word(*flags, "hypervisor");
}

KernelFacts read_kernel(const FactReader& reader, const std::string& limits) {
    return {.release = reader.line("/proc/sys/kernel/osrelease"), .virtual_machine = read_virtual(reader),
            .open_files_max = parse_limit(limits, "Max open files")};
}

CpuFacts read_cpu(const FactReader& reader) {
    CpuFacts facts{.online = read_list(reader, below(cpu_folder, "online")), .usable = {},
                   .isolated = read_list(reader, below(cpu_folder, "isolated")),
                   .tickless = read_list(reader, below(cpu_folder, "nohz_full")),
                   .smt = reader.flag(below(cpu_folder, "smt/active")), .governors = {}};
    // Kernels without nohz_full have no such file; that is the same as no core with it.
    if (facts.isolated && !reader.exists(below(cpu_folder, "nohz_full"))) facts.tickless.emplace();
    const auto status = reader.text("/proc/self/status");
    if (const auto usable = status ? parse_field(*status, "Cpus_allowed_list") : std::nullopt) {
        facts.usable = parse_number_list(*usable);
    }
    for (const uint32_t core : facts.online.value_or(std::vector<uint32_t>{})) {
        const std::string folder = below(cpu_folder, "cpu" + std::to_string(core));
        const auto governor = reader.line(folder + "/cpufreq/scaling_governor");
        if (!governor || governor->empty() || facts.governors.size() == governors_max) continue;
        if (std::ranges::find(facts.governors, *governor) == facts.governors.end()) {
            facts.governors.push_back(*governor);
        }
    }
    return facts;
}

ClockFacts read_clock(const FactReader& reader) {
    ClockFacts facts{.source = reader.line(below(clock_folder, "current_clocksource")), .available = {},
                     .synchronised = {}, .read_ns = {}};
    std::istringstream words(reader.line(below(clock_folder, "available_clocksource")).value_or(""));
    for (std::string word; words >> word;) facts.available.push_back(word);
    return facts;
}

std::optional<uint64_t> read_count(const FactReader& reader, const std::string& path) {
    const auto number = reader.number(path);
    if (!number || *number < 0) return {};
    return static_cast<uint64_t>(*number);
}

std::vector<HugePages> read_huge_pages(const FactReader& reader, const std::string& folder) {
    std::vector<HugePages> sizes;
    for (const uint64_t page_bytes : {2 * mib, gib}) {
        const std::string pages = folder + "/hugepages-" + std::to_string(page_bytes / kib) + "kB";
        if (!reader.exists(pages)) continue;
        sizes.push_back({page_bytes, read_count(reader, pages + "/nr_hugepages"),
                         read_count(reader, pages + "/free_hugepages")});
    }
    return sizes;
}

std::vector<NumaNode> read_nodes(const FactReader& reader) {
    std::vector<NumaNode> nodes;
    const auto ids = read_list(reader, below(node_folder, "online")).value_or(std::vector<uint32_t>{});
    for (const uint32_t id : ids) {
        const std::string folder = below(node_folder, "node" + std::to_string(id));
        NumaNode node{.id = id, .cores = read_list(reader, folder + "/cpulist").value_or(std::vector<uint32_t>{})};
        for (const HugePages& pages : read_huge_pages(reader, folder + "/hugepages")) {
            const uint64_t free = pages.free.value_or(0);
            if (free <= UINT64_MAX / pages.page_bytes) node.huge_free_bytes += free * pages.page_bytes;
        }
        nodes.push_back(std::move(node));
    }
    return nodes;
}

MemoryFacts read_memory(const FactReader& reader, const std::string& limits) {
    const std::string meminfo = reader.text("/proc/meminfo").value_or("");
    return {.total_bytes = parse_memory_field(meminfo, "MemTotal"),
            .available_bytes = parse_memory_field(meminfo, "MemAvailable"),
            .locked_bytes_max = parse_limit(limits, "Max locked memory"),
            .huge_pages = read_huge_pages(reader, "/sys/kernel/mm/hugepages"),
            .nodes = read_nodes(reader)};
}

IommuFacts read_iommu(const FactReader& reader) {
    IommuFacts facts;
    if (const auto groups = reader.names("/sys/kernel/iommu_groups")) facts.groups = groups->size();
    facts.vfio_pci = reader.exists("/sys/bus/pci/drivers/vfio-pci") || reader.exists("/sys/module/vfio_pci");
    const std::string unsafe = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
    facts.vfio_without_iommu = reader.line(unsafe).value_or("") == "Y";
    return facts;
}

}  // namespace

MachineFacts read_machine_facts(const FactReader& reader) {
    const std::string limits = reader.text("/proc/self/limits").value_or("");
    return {.kernel = read_kernel(reader, limits), .cpu = read_cpu(reader), .clock = read_clock(reader),
            .memory = read_memory(reader, limits), .iommu = read_iommu(reader),
            .uring_disabled = reader.number("/proc/sys/kernel/io_uring_disabled")};
}

void ask_clock(ClockFacts& facts) {
    timex state{};
    const int result = ::adjtimex(&state);
    if (result >= 0) facts.synchronised = result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    // The best of several rounds: an interrupt in one of them is not the clock's price.
    constexpr int rounds = 20, reads = 500;
    for (int round = 0; round < rounds; ++round) {
        const auto begun = Clock::now();
        for (int i = 1; i < reads; ++i) [[maybe_unused]] const auto now = Clock::now();
        const auto spent = std::chrono::duration<double, std::nano>(Clock::now() - begun).count() / reads;
        facts.read_ns = std::min(facts.read_ns.value_or(spent), spent);
    }
}

std::optional<std::pair<uint32_t, uint32_t>> parse_release(std::string_view release) {
    const size_t dot = release.find('.');
    if (dot == std::string_view::npos) return {};
    const std::string_view rest = release.substr(dot + 1);
    const auto major = parse_number<uint32_t>(release.substr(0, dot));
    const auto minor = parse_number<uint32_t>(rest.substr(0, rest.find_first_not_of("0123456789")));
    if (!major || !minor) return {};
    return std::pair{*major, *minor};
}

std::optional<uint64_t> parse_limit(std::string_view limits, std::string_view name) {
    const std::string label(name);
    for (size_t begin = 0; begin < limits.size();) {
        const size_t end = std::min(limits.find('\n', begin), limits.size());
        const std::string_view line = limits.substr(begin, end - begin);
        begin = end + 1;
        if (!line.starts_with(label + " ")) continue;
        std::istringstream words{std::string(line.substr(name.size()))};
        std::string soft, hard;
        if (!(words >> soft >> hard)) return {};
        return hard == "unlimited" ? UINT64_MAX : parse_number<uint64_t>(hard);
    }
    return {};
}

}  // namespace penstock::cli
