// Which cluster a coordinator belongs to, remembered on its own disk where the state lies elsewhere: in ZooKeeper,
// where a mistyped root would be another cluster's, or an empty one that looks like a new cluster.
//
//     DIRECTORY/cluster    the cluster's id, as text; written when the coordinator first finds it in the state
#pragma once

#include <expected>
#include <string>

#include "base/uuid.h"

namespace penstock {

/// `found` is what the state at `where` says; zero: there is no cluster yet. An error is a sentence for the log.
std::expected<void, std::string> check_cluster(const std::string& directory, const std::string& where,
                                               const Uuid& found);

}  // namespace penstock
