// Tries a data directory out as the broker would use it: may files be made there, does it take direct writes, how long
// does one take that is durable when it ends?
//
// Makes one file of 1 MiB, which has no name any more when it is used, so that nothing is left behind however this
// ends. Takes no lock and makes no directory: a broker may run there meanwhile, and the two then share the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/values.h"

namespace penstock::cli {

struct WriteLatency {
    uint32_t writes = 0;
    Duration p50{}, p99{}, max{};
};

struct DiskProbe {
    std::string path;                    ///< absolute and without links, where it exists
    bool exists = false;                 ///< as a directory
    int os_error = 0;                    ///< why no file can be made there; 0: one can
    uint32_t major = 0, minor = 0;       ///< the device's number
    bool in_memory = false;              ///< tmpfs
    std::string note;                    ///< what the broker says of such a filesystem at its start
    std::optional<uint64_t> total_bytes, free_bytes;
    std::string direct_obstacle;         ///< why direct writes are not possible; empty: they are
    std::optional<WriteLatency> latency;
    std::string latency_failure;         ///< why it was not measured, if a file could be made
};

/// Takes about `time` at most, and less on a fast disk.
DiskProbe probe_disk(const std::string& path, Duration time = std::chrono::milliseconds(1500));

/// Sorts `samples`, of which there must be one.
WriteLatency summarise(std::vector<Duration>& samples);

}  // namespace penstock::cli
