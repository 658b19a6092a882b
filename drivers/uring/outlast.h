// Patience with the dead. What a killed process held (a lock, a port) may outlive it for a moment, because the kernel
// ends its io_uring after the process itself. A restart right behind a kill must not fail on that.
#pragma once

#include <ctime>

namespace penstock::uring {

/// Calls `try_once` until it returns true, for two seconds at most. Blocks; start-up only.
template <class Try>
bool outlast(Try try_once) {
    constexpr int tries = 100;
    constexpr timespec pause{0, 20'000'000};
    for (int i = 0; i < tries; ++i) {
        if (try_once()) return true;
        ::nanosleep(&pause, nullptr);
    }
    return try_once();
}

}  // namespace penstock::uring
