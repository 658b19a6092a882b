// The clocks of the machine. Only edges read them; the core gets a Time once a turn.
#pragma once

#include <ctime>

#include "base/units.h"

namespace penstock::socket {

inline Nanos monotonic_now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return Nanos{t.tv_sec * second_ns + t.tv_nsec};
}

inline Time read_time() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return {monotonic_now(), wall.tv_sec * 1000 + wall.tv_nsec / millisecond_ns};
}

}  // namespace penstock::socket
