// Where partitions start and end: ListOffsets, asked of each partition's leader.
#pragma once

#include <map>
#include <vector>

#include "cli/client.h"

namespace penstock::cli {

/// Partition → offset. Special timestamps as in wire/kafka/list_offsets.h; for a time later than every record the
/// answer is -1. Waits for leaders within the deadline.
Outcome<std::map<int32_t, int64_t>> list_offsets(Client& client, const std::string& topic,
                                                 const std::vector<int32_t>& partitions, int64_t timestamp,
                                                 Deadline deadline);

}  // namespace penstock::cli
