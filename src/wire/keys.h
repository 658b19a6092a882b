// What a topic that is compacted asks of a batch: records that can be walked, each with a key.
#pragma once

#include <cstdint>
#include <span>

#include "wire/batch.h"

namespace penstock::wire {

enum class Keys : uint8_t {
    all,      ///< every record has one
    missing,  ///< a record has none
    broken,   ///< the records cannot be walked, or would be too large decompressed
};

/// Decompresses the batch of this header and this body (all behind the header). `record` is the first one without a
/// key.
Keys check_keys(const BatchHeader& header, std::span<const Fragment> body, int32_t& record);

}  // namespace penstock::wire
