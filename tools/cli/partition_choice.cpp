#include "cli/partition_choice.h"

#include <span>

#include "base/assert.h"
#include "wire/partitioner.h"

namespace penstock::cli {

PartitionChoice::PartitionChoice(int32_t partition_count, std::optional<int32_t> told, uint64_t start)
    : partition_count_(partition_count), told_(told) {
    PENSTOCK_ASSERT(partition_count > 0);
    sticky_ = static_cast<int32_t>(start % static_cast<uint64_t>(partition_count));
}

int32_t PartitionChoice::choose(std::optional<std::string_view> key) const {
    if (told_) return *told_;
    if (key) return wire::partition_of_key(std::as_bytes(std::span(*key)), partition_count_);
    return sticky_;
}

void PartitionChoice::batch_closed(int32_t partition) {
    if (partition == sticky_) sticky_ = (sticky_ + 1) % partition_count_;
}

}  // namespace penstock::cli
