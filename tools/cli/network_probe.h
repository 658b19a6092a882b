// Asks an interface's driver, as ethtool does, for its name, its queues and the offloads that matter to datagrams.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/device_facts.h"

namespace penstock::cli {

/// Fills `offloads` and `queues_max`, and `driver` where /sys gave none (a veth has no device). Does nothing for a
/// device without an interface; what the driver refuses to tell stays empty.
void ask_interface(NetworkFacts& facts);

/// The driver's features, by the names that `ethtool -k` shows in its brackets, and whether each is on.
Offloads read_offloads(const std::vector<std::pair<std::string, bool>>& features);

}  // namespace penstock::cli
