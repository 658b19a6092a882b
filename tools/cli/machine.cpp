#include "cli/machine.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/client.h"

namespace penstock::cli {

namespace {

CpuTimes read_cpu_times() {
    std::ifstream file("/proc/stat");
    std::string line;
    std::getline(file, line);
    return parse_cpu_times(line);
}

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; }

}  // namespace

CpuTimes parse_cpu_times(std::string_view stat) {
    std::istringstream fields{std::string(stat)};
    std::string name;
    CpuTimes times;
    fields >> name;
    if (name != "cpu") return times;
    // user nice system idle iowait irq softirq steal; guest time is in user already
    uint64_t value = 0;
    for (int i = 0; i < 8 && fields >> value; ++i) {
        times.total += value;
        if (i == 3 || i == 4) times.idle += value;
    }
    return times;
}

MachineState measure_machine(Duration sample) {
    MachineState state;
    utsname names{};
    if (::uname(&names) == 0) {
        state.host = names.nodename;
        state.kernel = names.release;
    }
    state.cores = static_cast<double>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
    const CpuTimes before = read_cpu_times();
    [[maybe_unused]] const auto waited = Client::wait(sample);
    const CpuTimes after = read_cpu_times();
    const uint64_t total = after.total - before.total;
    const double idle = total == 0 ? 1.0 : static_cast<double>(after.idle - before.idle) / static_cast<double>(total);
    state.idle_cores = idle * state.cores;
    return state;
}

double own_cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace penstock::cli
