// Patience with the dead. What a killed process held (a lock, a port) may outlive it for a moment, because the kernel
// ends its io_uring after the process itself. A restart right behind a kill must not fail on that.
#pragma once

#include <ctime>

#include "base/units.h"

namespace penstock::socket {

/// Calls `try_once` until it returns true, for `patience_ns` at most. Blocks; start-up only.
template <class Try>
bool outlast(int64_t patience_ns, Try try_once) {
    constexpr timespec pause{0, 20'000'000};
    for (int64_t waited = 0; waited < patience_ns; waited += pause.tv_nsec) {
        if (try_once()) return true;
        ::nanosleep(&pause, nullptr);
    }
    return try_once();
}

}  // namespace penstock::socket
