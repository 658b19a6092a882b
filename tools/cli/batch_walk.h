// From the bytes of a fetched partition to records: whole batches are checked (format, CRC), decompressed and walked;
// control batches are passed over; a batch that was cut off at the end is left for the next fetch.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/format.h"
#include "cli/outcome.h"

namespace penstock::cli {

/// False: stop here.
using RecordVisitor = std::function<bool(const ShownRecord&)>;

class BatchWalk {
public:
    struct Result {
        int64_t next_offset = 0;    ///< where to go on
        uint64_t whole_batches = 0;
        bool stopped = false;       ///< the visitor had enough; next_offset is behind the last record that it saw
    };

    /// Visits the records from offset `from` on. Bytes that break the format are a failure naming the offset.
    Outcome<Result> visit(std::span<const std::byte> bytes, std::string_view topic, int32_t partition, int64_t from,
                          const RecordVisitor& visitor);

    static constexpr size_t batch_bytes_max = 256 * 1024 * 1024;  ///< decompressed; beyond it is a bomb

private:
    Outcome<void> visit_batch(std::span<const std::byte> batch, std::string_view topic, int32_t partition, int64_t from,
                              const RecordVisitor& visitor, Result& result);

    std::vector<std::byte> decompressed_;
    std::vector<ShownHeader> headers_;
};

}  // namespace penstock::cli
