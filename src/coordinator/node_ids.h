// Lists of broker ids: short, without order or in one that means something (of replicas, the first is preferred).
#pragma once

#include <algorithm>
#include <vector>

#include "base/units.h"

namespace penstock::coordinator {

inline bool contains(const std::vector<NodeId>& ids, NodeId id) { return std::ranges::find(ids, id) != ids.end(); }

inline bool contains_all(const std::vector<NodeId>& ids, const std::vector<NodeId>& wanted) {
    return std::ranges::all_of(wanted, [&](NodeId id) { return contains(ids, id); });
}

}  // namespace penstock::coordinator
