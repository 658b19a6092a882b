#include "dpdk/port.h"

#include <gtest/gtest.h>
#include <rte_lcore.h>

#include <thread>

#include "wire.h"

namespace penstock::dpdk {
namespace {

TEST(DpdkPort, says_what_is_wrong) {
    environment();
    const auto unknown = Port::open("0000:ff:1f.7", {});
    ASSERT_FALSE(unknown.has_value());
    EXPECT_NE(unknown.error().detail.find("0000:ff:1f.7"), std::string::npos);
    EXPECT_FALSE(Environment::start({"--no-pci"}).has_value()) << "it runs already";
}

TEST(DpdkPort, a_port_of_udp_is_one_lanes) {
    Wire wire(1, {.queues = 2});
    Port& port = wire.port(0);
    EXPECT_EQ(port.bind(1000, 0), 1000);
    EXPECT_EQ(port.bind(1000, 1).error().code, Errc::exists);
    const auto free = port.bind(0, 1);
    ASSERT_TRUE(free.has_value());
    EXPECT_NE(port.bind(0, 1), free);
    EXPECT_EQ(port.lane_of(1000), 0);
    EXPECT_EQ(port.lane_of(*free), 1);
    EXPECT_EQ(port.lane_of(999), std::nullopt);
    port.unbind(1000);
    EXPECT_EQ(port.lane_of(1000), std::nullopt);
    EXPECT_EQ(port.bind(1000, 1), 1000);
}

TEST(DpdkPort, a_thread_that_is_introduced_is_known_and_one_that_was_known_stays_who_it_was) {
    environment();
    const unsigned known = rte_lcore_id();
    std::thread([] {
        EXPECT_EQ(rte_lcore_id(), LCORE_ID_ANY);
        introduce_thread();
        EXPECT_NE(rte_lcore_id(), LCORE_ID_ANY);
    }).join();
    introduce_thread();
    EXPECT_EQ(rte_lcore_id(), known);
}

TEST(DpdkPort, counts_what_passes) {
    Wire wire(1);
    wire.inject(0, std::vector<std::byte>(100, std::byte{1}));
    rte_mbuf* in[4];
    ASSERT_EQ(wire.port(0).receive(0, in), 1u);
    ASSERT_EQ(wire.port(0).send(0, {in, 1}), 1u);
    EXPECT_EQ(wire.port(0).counters().received, 1u);
    EXPECT_EQ(wire.port(0).counters().sent, 1u);
}

}  // namespace
}  // namespace penstock::dpdk
