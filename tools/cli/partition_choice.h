// Which partition a record goes to, as Kafka's own clients choose.
//
// Told one: that one. With a key: murmur2 of the key, so that every client puts a key into the same partition. Without:
// sticky, which is one partition until its batch is closed, then the next, so that batches fill up.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::cli {

class PartitionChoice {
public:
    /// `partition_count` > 0. `start` picks the first sticky partition: a random number spreads many short runs.
    PartitionChoice(int32_t partition_count, std::optional<int32_t> told, uint64_t start);

    int32_t choose(std::optional<std::string_view> key) const;
    /// The batch of `partition` is complete: keyless records move on if it was theirs.
    void batch_closed(int32_t partition);

private:
    int32_t partition_count_;
    std::optional<int32_t> told_;
    int32_t sticky_;
};

}  // namespace penstock::cli
