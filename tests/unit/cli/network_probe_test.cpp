#include "cli/network_probe.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

TEST(NetworkProbe, PicksTheOffloadsOfDatagrams) {
    const Offloads offloads = read_offloads({{"rx-checksum", true}, {"tx-checksum-ipv4", false},
                                             {"tx-checksum-ipv6", true}, {"tx-generic-segmentation", false},
                                             {"tx-udp-segmentation", true}, {"rx-gro", true}, {"rx-gro-hw", false}});
    EXPECT_EQ(offloads.send_checksum, true) << "one of its kinds is on";
    EXPECT_EQ(offloads.segmentation, false);
    EXPECT_EQ(offloads.udp_segmentation, true);
    EXPECT_EQ(offloads.receive_offload, true);
}

TEST(NetworkProbe, WhatIsNotNamedIsUnknown) {
    const Offloads offloads = read_offloads({});
    EXPECT_EQ(offloads.send_checksum, std::nullopt);
    EXPECT_EQ(offloads.segmentation, std::nullopt);
    EXPECT_EQ(offloads.udp_segmentation, std::nullopt);
    EXPECT_EQ(offloads.receive_offload, std::nullopt);
}

TEST(NetworkProbe, AsksTheLoopback) {
    NetworkFacts facts{.name = "lo", .interface = "lo"};
    ask_interface(facts);
    EXPECT_TRUE(facts.offloads.segmentation);  // the loopback has it in every kernel; whether it is on is its owner's
    EXPECT_TRUE(facts.offloads.receive_offload);
}

TEST(NetworkProbe, WhatIsNoInterfaceTellsNothing) {
    for (const std::string name : {"", "no-such-device", "a-name-longer-than-any-interface-may-have"}) {
        NetworkFacts facts{.name = name, .interface = name};
        ask_interface(facts);
        EXPECT_EQ(facts.driver, std::nullopt);
        EXPECT_EQ(facts.offloads.segmentation, std::nullopt);
    }
}

}  // namespace
}  // namespace penstock::cli
