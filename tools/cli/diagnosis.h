// What `doctor` concludes from the facts: pure, so that every machine can be judged in a test. Each finding says what
// is so, why it matters to a broker, and the command that mends it, where there is one.
//
// A fault keeps the broker from starting, or from keeping what it acknowledged. A warning costs what will be noticed,
// or may become a fault when the service runs as somebody else. An advice is what a dedicated server would have in
// addition; what cannot be found out is an advice, too: it is said, and never guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/device_facts.h"
#include "cli/disk_probe.h"
#include "cli/machine_facts.h"
#include "cli/uring_probe.h"

namespace penstock::cli {

enum class Level : uint8_t { ok, advice, warning, fault };
std::string_view level_name(Level level);

/// In the order of the report.
inline constexpr std::string_view subjects[] = {"kernel", "io_uring", "cpu", "clock", "memory", "iommu", "network",
                                                "disk"};

struct Finding {
    Level level = Level::ok;
    std::string_view subject;
    std::string device;      ///< of the network; otherwise empty
    std::string_view check;  ///< a short name that stays the same: with subject and device it names the finding
    std::string what;
    std::string why;
    std::string mend;        ///< a command for root's shell
};

struct DoctorFacts {
    MachineFacts machine;
    UringProbe uring;
    std::vector<NetworkFacts> networks;
    DiskProbe disk;
    std::optional<BlockFacts> block;
    std::optional<MountFacts> mount;
};

/// Findings in the order of `subjects`, at least one for each.
std::vector<Finding> diagnose(const DoctorFacts& facts);

Level worst(const std::vector<Finding>& findings);
/// 0: nothing wrong, advice allowed; 1: warnings; 2: faults.
int exit_code_of(Level level);

/// Collects the findings of one subject.
class SubjectFindings {
public:
    SubjectFindings(std::vector<Finding>& out, std::string_view subject, std::string device = {})
        : out_(out), subject_(subject), device_(std::move(device)) {}
    void add(Level level, std::string_view check, std::string what, std::string why = {}, std::string mend = {}) {
        out_.push_back({level, subject_, device_, check, std::move(what), std::move(why), std::move(mend)});
    }
    void ok(std::string_view check, std::string what) { add(Level::ok, check, std::move(what)); }
    void unknown(std::string_view check, std::string_view what, std::string_view source) {
        add(Level::advice, check, std::string(what) + " is unknown", "it cannot be had from " + std::string(source));
    }

private:
    std::vector<Finding>& out_;
    std::string_view subject_;
    std::string device_;
};

/// In device_diagnosis.cpp.
void diagnose_network(const NetworkFacts& network, const DoctorFacts& facts, std::vector<Finding>& out);
void diagnose_disk(const DoctorFacts& facts, std::vector<Finding>& out);

}  // namespace penstock::cli
