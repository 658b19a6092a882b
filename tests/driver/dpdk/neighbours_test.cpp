#include "dpdk/neighbours.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::dpdk {
namespace {

constexpr Ipv4 own{0x0a4d0001}, peer{0x0a4d0002}, gateway{0x0a4d00fe}, outside{0xc0000201};
constexpr Mac first = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}};
constexpr Mac second = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{3}};

class NeighboursTest : public testing::Test {
protected:
    std::optional<Mac> mac() { return table_.find(peer, now_).mac; }

    Neighbours table_{{own, 24, gateway}};
    Nanos now_{1'000'000'000'000};
};

TEST_F(NeighboursTest, the_next_hop_is_the_station_itself_or_the_gateway) {
    EXPECT_EQ(table_.next_hop(peer), peer);
    EXPECT_EQ(table_.next_hop(outside), gateway);
    EXPECT_EQ((Neighbours{{own, 24, {}}}.next_hop(outside)), std::nullopt);
    EXPECT_EQ((Neighbours{{own, 32, gateway}}.next_hop(peer)), gateway);
    EXPECT_EQ((Neighbours{{own, 0, {}}}.next_hop(outside)), outside);
    EXPECT_EQ((Neighbours{{own, 31, {}}}.next_hop(Ipv4{0x0a4d0000})), Ipv4{0x0a4d0000}) << "RFC 3021";
}

TEST_F(NeighboursTest, what_is_no_station_has_no_next_hop) {
    for (const uint32_t ip : {0x0a4d0000u, 0x0a4d00ffu, 0u, 0x7f000001u, 0xe0000001u, 0xffffffffu})
        EXPECT_EQ(table_.next_hop(Ipv4{ip}), std::nullopt) << std::hex << ip;
}

TEST_F(NeighboursTest, asks_once_a_second_until_it_is_answered) {
    auto found = table_.find(peer, now_);
    EXPECT_FALSE(found.mac);
    EXPECT_TRUE(found.ask);
    EXPECT_FALSE(table_.find(peer, now_).ask);
    now_ += second_ns;
    EXPECT_TRUE(table_.find(peer, now_).ask);
    const uint64_t before = table_.version();
    EXPECT_TRUE(table_.on_answer(peer, first, now_));
    EXPECT_NE(table_.version(), before);
    found = table_.find(peer, now_);
    EXPECT_EQ(found.mac, first);
    EXPECT_FALSE(found.ask);
}

TEST_F(NeighboursTest, who_was_not_asked_is_not_believed) {
    EXPECT_FALSE(table_.on_answer(peer, second, now_));
    EXPECT_EQ(table_.size(), 0u);
    table_.find(peer, now_);
    EXPECT_TRUE(table_.on_answer(peer, first, now_));
    EXPECT_FALSE(table_.on_answer(peer, second, now_)) << "the first one counts";
    EXPECT_EQ(mac(), first);
    EXPECT_FALSE(table_.on_answer(gateway, second, now_));
}

TEST_F(NeighboursTest, an_answer_that_comes_too_late_is_none) {
    table_.find(peer, now_);
    now_ += Neighbours::answer_within_ns + 1;
    EXPECT_FALSE(table_.on_answer(peer, first, now_));
    EXPECT_EQ(mac(), std::nullopt);
}

TEST_F(NeighboursTest, what_is_old_is_used_while_it_is_asked_for_again) {
    table_.find(peer, now_);
    table_.on_answer(peer, first, now_);
    now_ += ask_wire.fresh_ns;
    const auto found = table_.find(peer, now_);
    EXPECT_EQ(found.mac, first);
    EXPECT_TRUE(found.ask);
    const uint64_t before = table_.version();
    EXPECT_TRUE(table_.on_answer(peer, second, now_)) << "it is another machine now";
    EXPECT_NE(table_.version(), before);
    EXPECT_EQ(mac(), second);
    now_ += ask_wire.fresh_ns;
    table_.find(peer, now_);
    now_ += Neighbours::stale_ns - ask_wire.fresh_ns;
    EXPECT_EQ(mac(), std::nullopt) << "nobody answered";
}

TEST_F(NeighboursTest, who_asks_from_elsewhere_is_asked_for_and_not_believed) {
    table_.on_request(peer, second);
    EXPECT_EQ(table_.size(), 0u);
    table_.find(peer, now_);
    table_.on_answer(peer, first, now_);
    table_.on_request(peer, first);
    EXPECT_FALSE(table_.find(peer, now_).ask) << "that was known";
    table_.on_request(peer, second);
    auto found = table_.find(peer, now_);
    EXPECT_EQ(found.mac, first);
    EXPECT_TRUE(found.ask);
    EXPECT_FALSE(table_.find(peer, now_).ask);
    EXPECT_TRUE(table_.on_answer(peer, second, now_));
    found = table_.find(peer, now_);
    EXPECT_EQ(found.mac, second);
    EXPECT_FALSE(found.ask);
}

TEST_F(NeighboursTest, the_kernel_is_asked_at_once_again_and_then_less_and_less) {
    Neighbours table{{own, 24, gateway}, ask_kernel};
    std::vector<int64_t> asked_at_ms;
    for (int64_t ms = 0; ms < 5000; ++ms)
        if (table.find(peer, now_ + ms * millisecond_ns).ask) asked_at_ms.push_back(ms);
    EXPECT_EQ(asked_at_ms, (std::vector<int64_t>{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2023, 3023, 4023}));
    now_ += 5 * second_ns;
    EXPECT_TRUE(table.on_answer(peer, first, now_));
    EXPECT_FALSE(table.find(peer, now_ + second_ns - 1).ask);
    now_ += second_ns;
    EXPECT_TRUE(table.find(peer, now_).ask) << "and after a second again, since it hears of what changes";
    EXPECT_FALSE(table.find(peer, now_).ask);
    EXPECT_TRUE(table.on_answer(peer, second, now_));
    EXPECT_EQ(table.find(peer, now_).mac, second);
}

TEST_F(NeighboursTest, has_a_bound_and_forgets_who_never_answered) {
    for (uint32_t i = 0; i < Neighbours::entries_max; ++i) table_.find(Ipv4{0x0b000000 + i}, now_);
    EXPECT_EQ(table_.size(), Neighbours::entries_max);
    EXPECT_FALSE(table_.find(peer, now_).ask) << "there is no room";
    now_ += Neighbours::answer_within_ns + 1;
    EXPECT_TRUE(table_.find(peer, now_).ask);
    EXPECT_EQ(table_.size(), 1u);
}

}  // namespace
}  // namespace penstock::dpdk
