// The contracts over devices that are no rings: vhost-user, where virtio keeps what it sends for a while and the sum of
// UDP is left to the device, and interfaces of the kernel's by all ways that DPDK has them.
#include "pairs.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "worlds.h"

namespace penstock::dpdk {
namespace {

using tests::LinkDriver;
using tests::LinkLimits;
using tests::LinkWorld;
using tests::StreamDriver;
using tests::StreamLimits;
using tests::StreamWorld;

template <uint32_t mtu, VhostAt vhost, Vlan vlan = 0>
std::unique_ptr<LinkWorld> links_over_vhost(const LinkLimits& limits) {
    return std::make_unique<DpdkLinkWorld>(
        make_vhost_pair({.vlan = vlan, .lanes = DpdkLinkWorld::lanes_of_a_pair, .mtu = mtu}, vhost), limits);
}

template <uint32_t mtu, Through through>
std::unique_ptr<LinkWorld> links_over_kernel(const LinkLimits& limits) {
    return std::make_unique<DpdkLinkWorld>(
        make_kernel_pair({.lanes = DpdkLinkWorld::lanes_of_a_pair, .mtu = mtu}, through), limits);
}

template <uint32_t mtu, VhostAt vhost>
std::unique_ptr<StreamWorld> streams_over_vhost(const StreamLimits& limits) {
    return std::make_unique<DpdkNativeWorld>(make_vhost_pair({.mtu = mtu}, vhost), limits);
}

template <uint32_t mtu, Through through>
std::unique_ptr<StreamWorld> streams_over_kernel(const StreamLimits& limits) {
    return std::make_unique<DpdkNativeWorld>(make_kernel_pair({.mtu = mtu}, through), limits);
}

const LinkDriver link_drivers[] = {
    {"vhost_to_virtio_mtu1500", links_over_vhost<1500, VhostAt::second>},
    {"virtio_to_vhost_mtu1500", links_over_vhost<1500, VhostAt::first>},
    {"vhost_to_virtio_mtu9000", links_over_vhost<9000, VhostAt::second>},
    {"virtio_to_vhost_mtu9000", links_over_vhost<9000, VhostAt::first>},
    {"virtio_to_vhost_vlan", links_over_vhost<1500, VhostAt::first, 7>},
    {"af_packet_mtu1500", links_over_kernel<1500, Through::af_packet>, veth_missing},
    {"af_packet_mtu9000", links_over_kernel<9000, Through::af_packet>, veth_missing},
    {"af_xdp", links_over_kernel<1500, Through::af_xdp>, af_xdp_missing},
    {"tap", links_over_kernel<1500, Through::tap>, taps_missing},
};

const StreamDriver stream_drivers[] = {
    {"native_virtio_to_vhost_mtu1500", streams_over_vhost<1500, VhostAt::first>, true},
    {"native_virtio_to_vhost_mtu9000", streams_over_vhost<9000, VhostAt::first>, true},
    {"native_vhost_to_virtio_mtu9000", streams_over_vhost<9000, VhostAt::second>, true},
    {"native_af_packet_mtu1500", streams_over_kernel<1500, Through::af_packet>, true, veth_missing},
    {"native_af_packet_mtu9000", streams_over_kernel<9000, Through::af_packet>, true, veth_missing},
    {"native_af_xdp", streams_over_kernel<1500, Through::af_xdp>, true, af_xdp_missing},
};

}  // namespace
}  // namespace penstock::dpdk

namespace penstock::tests {

INSTANTIATE_TEST_SUITE_P(DpdkPairs, LinkContract, testing::ValuesIn(dpdk::link_drivers), link_driver_name);
INSTANTIATE_TEST_SUITE_P(DpdkPairs, StreamContract, testing::ValuesIn(dpdk::stream_drivers), stream_driver_name);

}  // namespace penstock::tests

namespace penstock::dpdk {
namespace {

/// One link at each end; what the first one sends arrives at the second.
class DpdkVhostTest : public testing::TestWithParam<VhostAt> {
protected:
    void SetUp() override {
        pair_ = make_vhost_pair({.mtu = 9000}, GetParam());
        for (size_t i = 0; i < 2; ++i) links_[i] = std::make_unique<Link>(pair_->port(i), 0);
        ASSERT_TRUE(links_[0]->open({name_of(0), our_port}).has_value());
        ASSERT_TRUE(links_[1]->open({name_of(1), their_port}).has_value());
    }
    size_t send(std::span<const std::byte> payload) { return send_one(*links_[0], ip_of(1), their_port, payload); }
    /// What arrived at the second link. The first one takes what ARP says.
    tests::Datagrams receive() {
        EXPECT_TRUE(receive_all(*links_[0]).empty());
        return receive_all(*links_[1]);
    }
    /// ARP's question and its answer come first.
    void meet(const std::vector<std::byte>& bytes) {
        EXPECT_EQ(send(bytes), 1u);
        EXPECT_TRUE(receive().empty());
        EXPECT_EQ(receive(), tests::Datagrams{bytes});
    }
    /// Sends a frame as it is: whoever gets it knows nothing of its sums.
    void send_raw(std::span<const std::byte> bytes) {
        rte_mbuf* pieces[2];   // each with half of them
        ASSERT_TRUE(pair_->port(0).allocate(0, pieces));
        const size_t half = bytes.size() / 2;
        std::ranges::copy(bytes.first(half), append(pieces[0], half));
        std::ranges::copy(bytes.subspan(half), append(pieces[1], bytes.size() - half));
        ASSERT_EQ(rte_pktmbuf_chain(pieces[0], pieces[1]), 0);
        ASSERT_EQ(pair_->port(0).send(0, {pieces, 1}), 1u);
    }

    static std::byte* append(rte_mbuf* frame, size_t size) {
        return reinterpret_cast<std::byte*>(rte_pktmbuf_append(frame, static_cast<uint16_t>(size)));
    }

    std::unique_ptr<Stations> pair_;
    std::unique_ptr<Link> links_[2];
};

INSTANTIATE_TEST_SUITE_P(DpdkPairs, DpdkVhostTest, testing::Values(VhostAt::first, VhostAt::second),
    [](const auto& one) { return one.param == VhostAt::first ? "vhost_sends" : "virtio_sends"; });

TEST_P(DpdkVhostTest, the_sum_of_udp_is_left_to_the_device_where_it_offers_to_and_verified_where_nobody_did) {
    EXPECT_TRUE(pair_->port(0).device_sums_udp());
    const auto bytes = tests::pattern_bytes(1, 3000);
    meet(bytes);
    std::vector<std::byte> frame(headers_bytes(0));
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    write_datagram(frame, {mac_of(0), mac_of(1), 0, ip_of(0), ip_of(1), our_port, their_port}, false);
    send_raw(frame);
    frame.back() ^= std::byte{1};
    send_raw(frame);
    EXPECT_EQ(receive(), tests::Datagrams{bytes});
    EXPECT_EQ(links_[1]->counters().malformed, 1u);
}

TEST_P(DpdkVhostTest, a_frame_of_several_pieces_is_none_of_ours) {
    send_raw(std::vector<std::byte>(9600, std::byte{1}));   // more than the room of one
    EXPECT_TRUE(receive().empty());
    EXPECT_EQ(links_[1]->counters().malformed, 1u);
}

TEST_P(DpdkVhostTest, what_nobody_reads_stays_within_the_device_and_goes_on_when_somebody_does) {
    const auto bytes = tests::pattern_bytes(1, 1000);
    meet(bytes);
    size_t sent = 0;
    while (sent < 10'000 && send(bytes) == 1) ++sent;
    EXPECT_LT(sent, 10'000u);
    size_t arrived = receive().size();
    EXPECT_GT(arrived, 0u);
    for (int i = 0; i < 10; ++i) arrived += receive().size();
    EXPECT_EQ(arrived, sent);
    EXPECT_EQ(send(bytes), 1u);
}

TEST_P(DpdkVhostTest, ends_with_frames_on_their_way) {
    const auto bytes = tests::pattern_bytes(1, 1000);
    meet(bytes);
    for (int i = 0; i < 5'000; ++i) send(bytes);   // until the device takes no more, and behind it the link
    for (auto& link : links_) link.reset();
    pair_.reset();   // which fails if somebody still has one
}

}  // namespace
}  // namespace penstock::dpdk
