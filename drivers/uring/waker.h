// Wakes a shard that sleeps in its ring, and costs no syscall when it does not sleep.
//
// One word has three states. notify() always exchanges it to `notified` and writes the eventfd only if it was
// `sleeping`. The owner goes to sleep by compare-and-swap from `awake` to `sleeping`, which fails if anybody notified
// since the last clear(). Exchanges and swaps of one word are totally ordered, so a wake-up cannot fall between check
// and sleep; what was stored before notify() is visible after the clear() that follows it.
//
// The owner must clear() before it looks at what the notifiers posted: Ring does so in submit_and_reap() and
// wait_until(), so a shard drains its mailboxes after one of these.
#pragma once

#include <atomic>
#include <cstdint>

namespace penstock::uring {

class Waker {
public:
    Waker();
    ~Waker();
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

    /// Any thread, and signal handlers. The Waker must outlive the call: join the threads first.
    void notify();

    // Owner only.
    bool open() const { return eventfd_ >= 0; }  ///< false: the process is out of descriptors
    int eventfd() const { return eventfd_; }
    /// True: announced, notify() will write the eventfd. False: somebody notified already, do not sleep.
    bool try_sleep();
    void clear();

private:
    enum State : uint32_t { awake, sleeping, notified };

    alignas(64) std::atomic<uint32_t> state_{awake};
    int eventfd_ = -1;
};

}  // namespace penstock::uring
