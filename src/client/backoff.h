// How long the client waits before it asks again what failed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/units.h"

namespace penstock::client {

inline constexpr int64_t backoff_first_ns = 20 * millisecond_ns;
inline constexpr int64_t backoff_last_ns = second_ns;

/// What comes after `backoff_ns`, which is 0 before the first. A quarter more each time: so whoever waits for the end
/// of an interruption notices it at most a quarter of its length late, for three times the questions of doubling.
constexpr int64_t longer(int64_t backoff_ns) {
    return std::clamp(backoff_ns + backoff_ns / 4, backoff_first_ns, backoff_last_ns);
}

}  // namespace penstock::client
