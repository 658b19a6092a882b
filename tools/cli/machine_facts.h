// What a machine is made of, as far as a broker cares: kernel, cores, clock, memory, IOMMU. Plain facts without
// opinions, read from /proc and /sys below the reader's root; diagnosis.h judges them. What cannot be read stays empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/fact_reader.h"

namespace penstock::cli {

struct KernelFacts {
    std::optional<std::string> release;            ///< "6.1.0-28-amd64"
    std::optional<bool> virtual_machine;
    std::optional<uint64_t> open_files_max;        ///< hard limit of this process; unlimited is UINT64_MAX
};

struct CpuFacts {
    std::optional<std::vector<uint32_t>> online;
    std::optional<std::vector<uint32_t>> usable;    ///< this process may run there
    std::optional<std::vector<uint32_t>> isolated;  ///< isolcpus
    std::optional<std::vector<uint32_t>> tickless;  ///< nohz_full; none too where the kernel is built without it
    std::optional<bool> smt;                        ///< two threads share a core
    std::vector<std::string> governors;             ///< each once; empty where the machine does not scale frequencies
};

struct ClockFacts {
    std::optional<std::string> source;
    std::vector<std::string> available;
    std::optional<bool> synchronised;   ///< to a time server, as the kernel was told
    std::optional<double> read_ns;      ///< what it costs to ask for the time
};

struct HugePages {
    uint64_t page_bytes = 0;
    std::optional<uint64_t> total;
    std::optional<uint64_t> free;
};

struct NumaNode {
    uint32_t id = 0;
    std::vector<uint32_t> cores;
    uint64_t huge_free_bytes = 0;  ///< of all sizes
};

struct MemoryFacts {
    std::optional<uint64_t> total_bytes;
    std::optional<uint64_t> available_bytes;
    std::optional<uint64_t> locked_bytes_max;  ///< RLIMIT_MEMLOCK of this process, the hard one
    std::vector<HugePages> huge_pages;         ///< 2 MiB and 1 GiB, as far as the machine has them
    std::vector<NumaNode> nodes;               ///< empty where the kernel does not tell
};

struct IommuFacts {
    std::optional<uint64_t> groups;
    bool vfio_pci = false;                ///< the driver is there
    bool vfio_without_iommu = false;      ///< its unsafe mode is on
};

struct MachineFacts {
    KernelFacts kernel;
    CpuFacts cpu;
    ClockFacts clock;
    MemoryFacts memory;
    IommuFacts iommu;
    std::optional<int64_t> uring_disabled;  ///< kernel.io_uring_disabled, which kernels before 6.6 do not have
};

/// All of it but what no file tells: see ask_clock().
MachineFacts read_machine_facts(const FactReader& reader);

/// Asks the kernel whether the clock is synchronised, and times the reading of it.
void ask_clock(ClockFacts& facts);

/// "6.1.0-28-amd64" is {6, 1}.
std::optional<std::pair<uint32_t, uint32_t>> parse_release(std::string_view release);
/// The hard limit in a line of /proc/self/limits, such as "Max open files"; "unlimited" is UINT64_MAX.
std::optional<uint64_t> parse_limit(std::string_view limits, std::string_view name);

}  // namespace penstock::cli
