#include "uring/waker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

#include "socket/clock.h"
#include "uring/ring.h"

namespace penstock::uring {
namespace {

bool readable(int descriptor) {
    pollfd one{descriptor, POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

TEST(Waker, writes_only_for_a_sleeper) {
    Waker waker;
    ASSERT_TRUE(waker.open());
    waker.notify();
    EXPECT_FALSE(readable(waker.eventfd()));
    waker.clear();
    ASSERT_TRUE(waker.try_sleep());
    waker.notify();
    waker.notify();
    uint64_t count = 0;
    ASSERT_EQ(::read(waker.eventfd(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
    EXPECT_EQ(count, 1u) << "the second one found it notified";
}

TEST(Waker, a_notice_before_sleep_forbids_it) {
    Waker waker;
    waker.notify();
    EXPECT_FALSE(waker.try_sleep());
    waker.clear();
    EXPECT_TRUE(waker.try_sleep());
}

TEST(Waker, loses_no_wake_up_between_threads) {
    // One posts numbers and notifies, the other sleeps without a deadline whenever it has seen all: a lost wake-up
    // hangs.
    constexpr uint64_t count = 50'000;
    auto ring = *Ring::create();
    std::atomic<uint64_t> mailbox{0};
    std::jthread poster([&] {
        for (uint64_t i = 1; i <= count; ++i) {
            mailbox.store(i, std::memory_order_release);
            ring->waker().notify();
            if (i % 64 == 0) std::this_thread::yield();
        }
    });
    while (mailbox.load(std::memory_order_acquire) < count) ring->wait_until(never);
    EXPECT_GT(ring->counters().sleeps, 0u);
}

}  // namespace
}  // namespace penstock::uring
