#include "base/timer_heap.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace penstock {
namespace {

TEST(TimerHeap, gives_timers_in_the_order_of_their_deadlines) {
    TimerHeap heap;
    Timer a, b, c;
    EXPECT_EQ(heap.next_deadline(), never);
    heap.set(a, Nanos(30));
    heap.set(b, Nanos(10));
    heap.set(c, Nanos(20));
    EXPECT_EQ(heap.next_deadline(), Nanos(10));
    EXPECT_EQ(heap.expire(Nanos(9)), nullptr);
    EXPECT_EQ(heap.expire(Nanos(25)), &b);
    EXPECT_FALSE(b.set());
    EXPECT_EQ(heap.expire(Nanos(25)), &c);
    EXPECT_EQ(heap.expire(Nanos(25)), nullptr);
    EXPECT_EQ(heap.expire(Nanos(30)), &a);
    EXPECT_EQ(heap.size(), 0u);
}

TEST(TimerHeap, agrees_with_a_sorted_map_under_random_sets_moves_and_cancels) {
    TimerHeap heap;
    std::array<Timer, 50> timers;
    std::map<size_t, int64_t> expected;
    uint64_t random = 12345;
    for (int step = 0; step < 20'000; ++step) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const size_t which = (random >> 33) % timers.size();
        const int64_t deadline = static_cast<int64_t>((random >> 20) % 1000);
        if ((random >> 60) < 11) {
            heap.set(timers[which], Nanos(deadline));
            expected[which] = deadline;
        } else {
            heap.cancel(timers[which]);
            expected.erase(which);
        }
        int64_t earliest = INT64_MAX;
        for (const auto& [_, at] : expected) earliest = std::min(earliest, at);
        ASSERT_EQ(heap.next_deadline(), Nanos(earliest));
        ASSERT_EQ(heap.size(), expected.size());
    }
    Nanos last{0};
    while (Timer* timer = heap.expire(Nanos(1000))) {
        EXPECT_GE(timer->deadline(), last);
        last = timer->deadline();
    }
    EXPECT_EQ(heap.size(), 0u);
}

}  // namespace
}  // namespace penstock
