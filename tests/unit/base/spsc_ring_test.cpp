#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <thread>

namespace penstock {
namespace {

TEST(SpscRing, gives_back_in_order_and_refuses_when_full) {
    SpscRing<int> ring(4);
    EXPECT_TRUE(ring.empty());
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
    EXPECT_FALSE(ring.push(4));
    int value = -1;
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(ring.pop(value));
        EXPECT_EQ(value, i);
    }
    EXPECT_FALSE(ring.pop(value));
    EXPECT_EQ(value, 3);
}

TEST(SpscRing, wraps_round_many_times) {
    SpscRing<uint64_t> ring(8);
    uint64_t pushed = 0, popped = 0, value = 0;
    for (int turn = 0; turn < 1000; ++turn) {
        for (int i = 0; i < turn % 9; ++i) pushed += ring.push(pushed) ? 1u : 0u;
        for (int i = 0; i < (turn * 7) % 9; ++i) {
            if (!ring.pop(value)) break;
            ASSERT_EQ(value, popped++);
        }
    }
    EXPECT_LE(pushed - popped, 8u);
    EXPECT_GT(popped, 1000u);
}

struct Message {
    uint64_t number;
    const uint64_t* payload;
};

TEST(SpscRing, carries_what_was_written_before_the_push_to_another_thread) {
    constexpr uint64_t count = 20'000;
    SpscRing<Message> ring(64);
    std::vector<uint64_t> payloads(count);
    std::thread producer([&] {
        for (uint64_t i = 0; i < count; ++i) {
            payloads[i] = i * 3;
            while (!ring.push({i, &payloads[i]})) std::this_thread::yield();
        }
    });
    for (uint64_t i = 0; i < count; ++i) {
        Message message{};
        while (!ring.pop(message)) std::this_thread::yield();
        ASSERT_EQ(message.number, i);
        ASSERT_EQ(*message.payload, i * 3);
    }
    producer.join();
    EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace penstock
