#include "dpdk/link.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "../pattern.h"
#include "by_hand.h"
#include "dpdk/clock.h"
#include "wire.h"
#include "worlds.h"

namespace penstock::dpdk {
namespace {

using tests::LinkLimits;
using tests::LinkWorld;
using tests::pattern_bytes;

template <uint32_t mtu, Vlan vlan>
std::unique_ptr<LinkWorld> make_world(const LinkLimits& limits) {
    auto wire = std::make_unique<Wire>(LinkWorld::links, PortOptions{.vlan = vlan, .mtu = mtu});
    return std::make_unique<DpdkLinkWorld>(std::move(wire), limits);
}

}  // namespace
}  // namespace penstock::dpdk

namespace penstock::tests {

INSTANTIATE_TEST_SUITE_P(Dpdk, LinkContract,
                         testing::Values(LinkDriver{"mtu1500", dpdk::make_world<1500, 0>},
                                         LinkDriver{"mtu9000", dpdk::make_world<9000, 0>},
                                         LinkDriver{"vlan", dpdk::make_world<1500, 7>}),
                         link_driver_name);

}  // namespace penstock::tests

namespace penstock::dpdk {
namespace {

/// We are a station with a link at port 1000; the other one is played by hand.
class DpdkLinkTest : public testing::Test {
protected:
    void open(uint16_t queues = 1, uint16_t lanes = 0) {
        wire_ = std::make_unique<Wire>(1, PortOptions{.queues = queues, .lanes = lanes});
        for (uint16_t i = 0; i < std::max(queues, lanes); ++i) {
            links_.push_back(std::make_unique<Link>(wire_->port(0), i, LinkOptions{.waiting_max = 64}));
            ASSERT_EQ(links_[i]->open({name_of(0), static_cast<uint16_t>(our_port + i)}), our_port + i);
        }
    }
    Link& link(size_t index = 0) { return *links_[index]; }
    tests::Datagrams receive(size_t index = 0) { return receive_all(link(index)); }
    std::vector<std::byte> datagram(std::span<const std::byte> payload, uint16_t to_port = our_port) const {
        Path path = path_;
        path.to_port = to_port;
        std::vector<std::byte> frame(headers_bytes(0));
        frame.insert(frame.end(), payload.begin(), payload.end());
        write_datagram(frame, path, false);
        return frame;
    }
    size_t send(std::span<const std::byte> payload, uint32_t ip = ip_of(1).value, size_t index = 0) {
        return send_one(link(index), {ip}, their_port, payload);
    }
    void answer_arp(const Mac& mac) {
        Frame request{.kind = FrameKind::arp_request, .from = ip_of(0), .sender = mac_of(0)};
        std::vector<std::byte> reply(arp_frame_bytes(0));
        write_arp_reply(reply, mac, ip_of(1), request);
        wire_->inject(0, reply);
        EXPECT_TRUE(receive().empty());
    }

    std::unique_ptr<Wire> wire_;
    std::vector<std::unique_ptr<Link>> links_;
    Path path_{mac_of(1), mac_of(0), 0, ip_of(1), ip_of(0), their_port, our_port};
};

TEST_F(DpdkLinkTest, asks_who_has_an_address_and_then_sends_what_waited) {
    open();
    const auto bytes = pattern_bytes(1, 100);
    EXPECT_EQ(send(bytes), 1u);
    EXPECT_EQ(send(bytes), 1u);
    auto sent = wire_->take_sent(0);
    ASSERT_EQ(sent.size(), 1u) << "asked once, and nothing else";
    const Frame asked = parse_frame(sent[0], UdpChecksum::unknown);
    EXPECT_EQ(asked.kind, FrameKind::arp_request);
    EXPECT_EQ(asked.to_mac, broadcast_mac);
    EXPECT_EQ(asked.to, ip_of(1));
    EXPECT_GE(sent[0].size(), frame_bytes_min);
    answer_arp(mac_of(1));
    sent = wire_->take_sent(0);
    ASSERT_EQ(sent.size(), 2u);
    for (const auto& frame : sent) {
        const Frame read = parse_frame(frame, UdpChecksum::unknown);
        ASSERT_EQ(read.kind, FrameKind::datagram);
        EXPECT_EQ(read.to_mac, mac_of(1));
        EXPECT_EQ(read.from_mac, mac_of(0));
        EXPECT_EQ(read.from, ip_of(0));
        EXPECT_EQ(read.from_port, our_port);
        EXPECT_EQ(read.to_port, their_port);
        EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), frame.begin() + read.payload_at));
    }
}

TEST_F(DpdkLinkTest, who_answers_without_being_asked_is_not_believed) {
    open();
    answer_arp(mac_of(2));
    EXPECT_EQ(link().counters().foreign, 1u);
    send(pattern_bytes(1, 100));
    wire_->take_sent(0);
    answer_arp(mac_of(1));
    answer_arp(mac_of(2));
    wire_->take_sent(0);
    send(pattern_bytes(1, 100));
    const auto sent = wire_->take_sent(0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(parse_frame(sent[0], UdpChecksum::unknown).to_mac, mac_of(1));
}

TEST_F(DpdkLinkTest, no_more_waits_for_a_station_than_may) {
    open();
    for (int i = 0; i < 70; ++i) EXPECT_EQ(send(pattern_bytes(1, 100)), 1u);
    EXPECT_EQ(link().counters().unreachable, 6u);
    answer_arp(mac_of(1));
    EXPECT_EQ(wire_->take_sent(0).size(), 1 + 64u) << "with the question";
}

TEST_F(DpdkLinkTest, what_nobody_can_be_reached_with_is_lost) {
    open();
    EXPECT_EQ(send(pattern_bytes(1, 100), 0xc0000201), 1u) << "outside, without a gateway";
    EXPECT_EQ(send(pattern_bytes(1, 100), 0x0a4d00ff), 1u) << "everybody";
    EXPECT_EQ(link().counters().unreachable, 2u);
    EXPECT_EQ(send(pattern_bytes(1, 1473)), 1u);
    EXPECT_EQ(link().counters().too_large, 1u);
    EXPECT_TRUE(wire_->take_sent(0).empty());
}

TEST_F(DpdkLinkTest, says_where_it_is_and_answers_pings) {
    open();
    std::vector<std::byte> request(arp_frame_bytes(0));
    write_arp_request(request, mac_of(1), ip_of(1), 0, ip_of(0));
    wire_->inject(0, request);
    write_arp_request(request, mac_of(1), ip_of(1), 0, ip_of(2));
    wire_->inject(0, request);
    wire_->inject(0, ping_of(datagram(pattern_bytes(2, 60))));
    EXPECT_TRUE(receive().empty());
    const auto sent = wire_->take_sent(0);
    ASSERT_EQ(sent.size(), 2u) << "the other address is somebody else's";
    const Frame reply = parse_frame(sent[0], UdpChecksum::unknown);
    EXPECT_EQ(reply.kind, FrameKind::arp_reply);
    EXPECT_EQ(reply.sender, mac_of(0));
    EXPECT_EQ(reply.from, ip_of(0));
    EXPECT_EQ(reply.to_mac, mac_of(1));
    const Frame pong = parse_frame(sent[1], UdpChecksum::unknown);
    EXPECT_EQ(pong.to, ip_of(1));
    EXPECT_EQ(pong.to_mac, mac_of(1));
    EXPECT_EQ(sent[1][34], std::byte{0});
    EXPECT_EQ(link().counters().pings, 1u);
    EXPECT_EQ(link().counters().foreign, 1u);
}

TEST_F(DpdkLinkTest, takes_nothing_that_is_not_its_own) {
    open();
    const auto bytes = pattern_bytes(3, 40);
    const auto whole = datagram(bytes);
    std::vector<std::vector<std::byte>> others;
    others.push_back(datagram(bytes, 999));                       // nobody's port
    path_.to = ip_of(2);
    others.push_back(datagram(bytes));                            // another address
    path_.to = ip_of(0);
    path_.to_mac = mac_of(2);
    others.push_back(datagram(bytes));                            // another station
    path_.to_mac = mac_of(0);
    auto damaged = whole;
    damaged.back() ^= std::byte{1};
    others.push_back(damaged);
    others.push_back({whole.begin(), whole.begin() + 50});        // cut short
    others.push_back(std::vector<std::byte>(10, std::byte{1}));   // no frame
    others.push_back(std::vector<std::byte>(1530, std::byte{0xff}));
    others.push_back(datagram({}));
    for (const auto& frame : others) wire_->inject(0, frame);
    EXPECT_TRUE(receive().empty());
    const LinkCounters& counters = link().counters();
    EXPECT_EQ(counters.foreign + counters.malformed, 7u);
    EXPECT_EQ(counters.empty, 1u);
    EXPECT_EQ(link().free_buffer_share(), 1.0);
    EXPECT_TRUE(wire_->take_sent(0).empty()) << "and nobody is answered";
    wire_->inject(0, whole);
    EXPECT_EQ(receive(), tests::Datagrams{bytes});
}

TEST_F(DpdkLinkTest, a_frame_for_another_lane_is_handed_over) {
    open(2);
    const auto first = pattern_bytes(4, 40), second = pattern_bytes(5, 50);
    wire_->inject(0, datagram(first, our_port), 1);
    wire_->inject(0, datagram(second, our_port + 1), 0);
    EXPECT_TRUE(receive(0).empty());
    EXPECT_EQ(receive(1), tests::Datagrams{second});
    EXPECT_EQ(receive(0), tests::Datagrams{first});
    EXPECT_EQ(link(0).counters().handed_over, 1u);
    EXPECT_EQ(link(1).counters().handed_over, 1u);
}

TEST_F(DpdkLinkTest, a_lane_without_a_queue_sends_by_the_queue_of_another_and_gets_what_that_one_hands_over) {
    open(1, 2);
    const auto bytes = pattern_bytes(6, 60);
    wire_->inject(0, datagram(bytes, our_port + 1));
    EXPECT_TRUE(receive(1).empty());
    EXPECT_TRUE(receive(0).empty());
    EXPECT_EQ(receive(1), tests::Datagrams{bytes});
    EXPECT_EQ(send(bytes, ip_of(1).value, 1), 1u);
    EXPECT_EQ(wire_->take_sent(0).size(), 1u) << "the question who has that address";
    answer_arp(mac_of(1));
    EXPECT_TRUE(receive(1).empty());
    const auto sent = wire_->take_sent(0);
    ASSERT_EQ(sent.size(), 1u) << "what waited";
    EXPECT_EQ(parse_frame(sent[0], UdpChecksum::unknown).from_port, our_port + 1);
}

TEST_F(DpdkLinkTest, a_station_that_asks_from_another_mac_is_asked_for) {
    open();
    send(pattern_bytes(1, 100));
    answer_arp(mac_of(1));
    wire_->take_sent(0);
    std::vector<std::byte> request(arp_frame_bytes(0));
    write_arp_request(request, mac_of(7), ip_of(1), 0, ip_of(0));
    wire_->inject(0, request);
    EXPECT_TRUE(receive().empty());
    EXPECT_EQ(wire_->take_sent(0).size(), 1u) << "the answer";
    // Within a second; until it is answered datagrams go where they went before.
    bool asked = false;
    for (const Nanos until = monotonic_now() + 5 * second_ns; !asked && monotonic_now() < until;) {
        send(pattern_bytes(1, 100));
        for (const auto& bytes : wire_->take_sent(0)) {
            const Frame frame = parse_frame(bytes, UdpChecksum::unknown);
            asked |= frame.kind == FrameKind::arp_request;
            EXPECT_TRUE(frame.kind == FrameKind::arp_request || frame.to_mac == mac_of(1));
        }
    }
    ASSERT_TRUE(asked);
    answer_arp(mac_of(7));
    wire_->take_sent(0);
    send(pattern_bytes(1, 100));
    const auto sent = wire_->take_sent(0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(parse_frame(sent[0], UdpChecksum::unknown).to_mac, mac_of(7));
}

TEST_F(DpdkLinkTest, refuses_what_it_is_not_for) {
    open();
    Link other(wire_->port(0), 0);
    EXPECT_EQ(other.open({"::1", 0}).error().code, Errc::unsupported);
    EXPECT_EQ(other.open({"10.77.0.9", 0}).error().code, Errc::not_found) << "not the port's address";
    EXPECT_EQ(other.open({name_of(0), our_port}).error().code, Errc::exists);
    EXPECT_EQ(other.resolve({"no.such.host.invalid", 1}).error().code, Errc::not_found);
    EXPECT_TRUE(other.open({"0.0.0.0", 0}).has_value());
}

TEST_F(DpdkLinkTest, without_room_in_the_device_it_takes_less_and_goes_on_later) {
    open();
    send(pattern_bytes(1, 100));
    answer_arp(mac_of(1));
    wire_->take_sent(0);
    size_t taken = 0;
    for (int i = 0; i < 10'000; ++i) {
        if (send(pattern_bytes(1, 100)) == 0) break;
        ++taken;
    }
    EXPECT_LT(taken, 10'000u);
    size_t arrived = wire_->take_sent(0).size();
    EXPECT_EQ(send(pattern_bytes(1, 100)), 1u);
    arrived += wire_->take_sent(0).size();
    EXPECT_EQ(arrived, taken + 1);
}

}  // namespace
}  // namespace penstock::dpdk
