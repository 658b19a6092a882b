#include "dpdk/split_link.h"

#include <gtest/gtest.h>

#include "../link_contract.h"
#include "../pattern.h"
#include "base/assert.h"
#include "dpdk/endpoint.h"
#include "sim/link.h"

namespace penstock::dpdk {
namespace {

using tests::LinkSide;
using tests::pattern_bytes;

/// Reaches 10.0.0.0/8.
class TenDevice final : public Device {
public:
    std::unique_ptr<io::Link> make_link(uint16_t) override { PENSTOCK_ASSERT(false); }
    bool reaches(const io::Endpoint& to) const override {
        const auto ip = ipv4_of(to);
        return ip && ip->value >> 24 == 10;
    }
};

/// The contract, of links whose peers are all where the device reaches.
class SplitLinkWorld final : public tests::LinkWorld {
public:
    explicit SplitLinkWorld(const tests::LinkLimits& limits) {
        for (size_t i = 0; i < links; ++i) {
            const sim::LinkOptions options{.host = host(i), .receive_buffers = limits.receive_buffers};
            all_.push_back(std::make_unique<SplitLink>(device_, std::make_unique<sim::Link>(network_, options),
                                                       std::make_unique<sim::Link>(elsewhere_)));
        }
    }
    io::Link& link(size_t index) override { return *all_[index]; }
    std::string host(size_t index) const override { return "10.0.0." + std::to_string(1 + index); }
    bool step() override {
        if (network_.step()) return true;
        clock_.advance(millisecond_ns);
        return false;
    }

private:
    sim::Clock clock_;
    sim::DatagramNetwork network_{clock_, 1}, elsewhere_{clock_, 2};
    TenDevice device_;
    std::vector<std::unique_ptr<SplitLink>> all_;
};

/// A split link with an end on each of two networks, and a peer on each.
class SplitLinkTest : public testing::Test {
protected:
    void start(uint32_t shortages_per_million = 0) {
        auto by_device = std::make_unique<sim::Link>(
            device_network_, sim::LinkOptions{.host = "10.0.0.1", .shortages_per_million = shortages_per_million});
        auto by_kernel = std::make_unique<sim::Link>(kernel_network_, sim::LinkOptions{.host = "192.168.0.1"});
        split_ = std::make_unique<SplitLink>(device_, std::move(by_device), std::move(by_kernel));
        own_ = std::make_unique<LinkSide>(*split_);
        EXPECT_EQ(split_->open({"", 7000}), 7000);
        EXPECT_EQ(near_.open({"", 1}), 1);
        EXPECT_EQ(far_.open({"", 1}), 1);
    }
    static size_t send(io::Link& from, const io::Endpoint& to, std::span<const std::byte> bytes) {
        const Fragment one{bytes.data(), static_cast<uint32_t>(bytes.size())};
        const io::OutgoingBurst burst{to, static_cast<uint32_t>(bytes.size()), {&one, 1}};
        return from.send({&burst, 1});
    }
    void settle() {
        for (int i = 0; i < 100; ++i) {
            while (device_network_.step() || kernel_network_.step()) {}
            clock_.advance(millisecond_ns);
        }
        for (LinkSide* side : {own_.get(), &near_side_, &far_side_}) side->poll();
    }

    sim::Clock clock_;
    sim::DatagramNetwork device_network_{clock_, 1}, kernel_network_{clock_, 2};
    TenDevice device_;
    std::unique_ptr<SplitLink> split_;
    std::unique_ptr<LinkSide> own_;
    sim::Link near_{device_network_, {.host = "10.0.0.2"}};
    sim::Link far_{kernel_network_, {.host = "192.168.0.2"}};
    LinkSide near_side_{near_}, far_side_{far_};
};

TEST_F(SplitLinkTest, each_peer_is_met_where_it_is) {
    start();
    const auto first = pattern_bytes(1, 100), second = pattern_bytes(2, 200);
    EXPECT_EQ(send(*split_, near_.endpoint(), first), 1u);
    EXPECT_EQ(send(*split_, far_.endpoint(), second), 1u);
    settle();
    const io::Endpoint own_near = sim::endpoint_of("10.0.0.1", 7000);
    EXPECT_EQ(near_side_.from(own_near), tests::Datagrams{first});
    EXPECT_EQ(far_side_.peers(), 1u);
    for (int round = 0; round < 200; ++round) {   // more than there are buffers: each goes back to its own link
        EXPECT_EQ(send(near_, own_near, first), 1u);
        settle();
    }
    EXPECT_EQ(own_->from(near_.endpoint()).size(), 200u);
    EXPECT_EQ(split_->free_buffer_share(), 1.0);
}

TEST_F(SplitLinkTest, what_the_kernel_brings_is_received_and_its_buffers_go_back) {
    start();
    EXPECT_EQ(send(*split_, far_.endpoint(), pattern_bytes(1, 10)), 1u);
    settle();
    ASSERT_EQ(far_side_.peers(), 1u);
    // It sent from a port that the kernel chose.
    std::array<io::Endpoint, 1> from{};
    for (uint32_t port = 1; port < 65'536 && from[0].port == 0; ++port) {
        const io::Endpoint one = sim::endpoint_of("192.168.0.1", static_cast<uint16_t>(port));
        if (!far_side_.from(one).empty()) from[0] = one;
    }
    ASSERT_NE(from[0].port, 0);
    for (int round = 0; round < 200; ++round) {
        EXPECT_EQ(send(far_, from[0], pattern_bytes(3, 50)), 1u);
        settle();
    }
    EXPECT_EQ(own_->from(far_.endpoint()).size(), 200u);
    EXPECT_EQ(split_->free_buffer_share(), 1.0);
}

TEST_F(SplitLinkTest, bursts_for_both_go_in_order_and_what_was_not_taken_is_said) {
    start(500'000);
    std::vector<std::vector<std::byte>> bytes;
    std::vector<Fragment> fragments;
    std::vector<io::OutgoingBurst> bursts;
    for (uint32_t i = 0; i < 40; ++i) bytes.push_back(pattern_bytes(i, 20 + i));
    for (const auto& one : bytes) fragments.push_back({one.data(), static_cast<uint32_t>(one.size())});
    for (size_t i = 0; i < bytes.size(); ++i)
        bursts.push_back({i % 3 == 0 ? far_.endpoint() : near_.endpoint(), fragments[i].size, {&fragments[i], 1}});
    std::span<const io::OutgoingBurst> rest = bursts;
    for (int tries = 0; tries < 1000 && !rest.empty(); ++tries) rest = rest.subspan(split_->send(rest));
    ASSERT_TRUE(rest.empty());
    settle();
    tests::Datagrams near_ones;
    for (size_t i = 0; i < bytes.size(); ++i)
        if (i % 3 != 0) near_ones.push_back(bytes[i]);
    EXPECT_EQ(near_side_.from(sim::endpoint_of("10.0.0.1", 7000)), near_ones);
    EXPECT_EQ(far_side_.datagrams, 14u);
}

std::unique_ptr<tests::LinkWorld> make_split_world(const tests::LinkLimits& limits) {
    return std::make_unique<SplitLinkWorld>(limits);
}

}  // namespace
}  // namespace penstock::dpdk

namespace penstock::tests {

INSTANTIATE_TEST_SUITE_P(Split, LinkContract, testing::Values(LinkDriver{"split", dpdk::make_split_world}),
                         link_driver_name);

}  // namespace penstock::tests
