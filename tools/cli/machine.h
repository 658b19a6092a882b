// The machine that a benchmark runs on: how many cores, how many of them were idle. Numbers from a loaded machine
// measure the other load, so `bench` refuses to start there.
#pragma once

#include <string>
#include <string_view>

#include "cli/values.h"

namespace penstock::cli {

struct MachineState {
    std::string host;
    std::string kernel;
    double cores = 0;
    double idle_cores = 0;  ///< over the sampled time
};

/// Below it the generator has not even most of a core to itself.
inline constexpr double idle_cores_min = 0.7;

struct CpuTimes {
    uint64_t idle = 0;
    uint64_t total = 0;
};

/// The first line of /proc/stat; zeroes if it is not one.
CpuTimes parse_cpu_times(std::string_view stat);

/// Samples for `sample`, sleeping.
MachineState measure_machine(Duration sample);

/// CPU seconds that this process has used.
double own_cpu_seconds();

}  // namespace penstock::cli
