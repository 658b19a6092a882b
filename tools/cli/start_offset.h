// What --offset says: "earliest", "latest", "42", "-10" (the last ten) or "@timestamp".
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "cli/client.h"

namespace penstock::cli {

struct StartOffset {
    enum class Kind : uint8_t { earliest, latest, absolute, last, timestamp };
    Kind kind = Kind::latest;
    int64_t number = 0;  ///< the offset, how many from the end, or Unix milliseconds

    static Outcome<StartOffset> parse(std::string_view text);
};

/// Where to begin in a partition that holds [start, end); `at_time` is what the broker found for the timestamp (-1:
/// nothing that late). An absolute offset outside the partition is a failure.
Outcome<int64_t> resolve(const StartOffset& wanted, int64_t start, int64_t end, int64_t at_time);

}  // namespace penstock::cli
