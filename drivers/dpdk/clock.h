// The time for who drives a link past the kernel, and for its neighbours.
#pragma once

#include <chrono>

#include "base/units.h"

namespace penstock::dpdk {

inline Nanos monotonic_now() {
    return Nanos(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace penstock::dpdk
