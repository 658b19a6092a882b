#include "uring/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace penstock::uring {

Waker::Waker() : eventfd_(::eventfd(0, EFD_CLOEXEC)) {}

Waker::~Waker() {
    if (eventfd_ >= 0) ::close(eventfd_);
}

void Waker::notify() {
    if (state_.exchange(notified, std::memory_order_acq_rel) != sleeping) return;
    const int saved = errno;  // we may stand in a signal handler
    const uint64_t one = 1;
    // Only the first notifier of a sleep comes here, so the counter cannot overflow, and EINTR alone can fail it.
    while (::write(eventfd_, &one, sizeof one) < 0 && errno == EINTR) {}
    errno = saved;
}

bool Waker::try_sleep() {
    uint32_t expected = awake;
    return state_.compare_exchange_strong(expected, sleeping, std::memory_order_acq_rel);
}

void Waker::clear() {
    // A plain look first: a spinning shard calls this every turn and must not take the line from the notifiers.
    if (state_.load(std::memory_order_relaxed) != awake) state_.exchange(awake, std::memory_order_acq_rel);
}

}  // namespace penstock::uring
