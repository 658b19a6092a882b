// DPDK's environment, once in a process: memory, and the devices that its arguments name.
//
// The thread that starts it stays where it was; DPDK would keep it on its first core. Ends with the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dpdk/failure.h"

namespace penstock::dpdk {

class Environment {
public:
    /// `arguments` as DPDK's EAL takes them, without the program's name. A second start in one process is refused, as
    /// DPDK does.
    static Opened<std::unique_ptr<Environment>> start(const std::vector<std::string>& arguments);
    ~Environment();
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

    /// What DPDK complained of first since it started; mostly nothing.
    std::string complaint() const;
    /// From here on what it says goes to standard error.
    void let_speak();

private:
    Environment() = default;
};

/// For a thread that drives links, until it ends: one that DPDK knows has caches of its own before the pools that all
/// share. Without, each frame comes from there, and so all of them take turns in the processor's caches.
void introduce_thread();

}  // namespace penstock::dpdk
