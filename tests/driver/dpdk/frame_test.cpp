#include "dpdk/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "by_hand.h"

namespace penstock::dpdk {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Mac ours = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
constexpr Mac theirs = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}};
constexpr Ipv4 our_ip{0x0a4d0001}, their_ip{0x0a4d0002};   // 10.77.0.1 and .2

Bytes hex(std::string_view digits) {
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    Bytes bytes;
    std::string kept;
    for (const char c : digits)
        if (c != ' ') kept += c;
    for (size_t i = 0; i + 1 < kept.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(value(kept[i]) * 16 + value(kept[i + 1])));
    return bytes;
}

/// A frame of these bytes from us to them.
Bytes datagram(std::span<const std::byte> payload, Vlan vlan = 0, bool device_sums_udp = false) {
    Bytes frame(headers_bytes(vlan));
    frame.insert(frame.end(), payload.begin(), payload.end());
    write_datagram(frame, {ours, theirs, vlan, our_ip, their_ip, 1000, 2000}, device_sums_udp);
    return frame;
}

Bytes random_bytes(Random& random, size_t size) {
    Bytes bytes(size);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
    return bytes;
}

/// As RFC 1071 says it, a word at a time.
uint16_t plain_checksum(std::span<const std::byte> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i)
        sum += std::to_integer<uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

TEST(Frame, sums_as_the_rfc_does) {
    Random random(1);
    for (size_t size = 0; size < 200; ++size) {
        const Bytes bytes = random_bytes(random, size);
        EXPECT_EQ(internet_checksum(internet_sum(bytes)), plain_checksum(bytes)) << size;
    }
    const Bytes ones(9000, std::byte{0xff});
    EXPECT_EQ(internet_checksum(internet_sum(ones)), plain_checksum(ones));
}

/// Captured: Linux sends "hi!\n" from 10.77.0.2:2000 to 10.77.0.1:1000, and asks for its address before.
TEST(Frame, reads_what_another_stack_wrote) {
    const Bytes frame = hex("020000000001 020000000002 0800"
                            "45000020 a9384000 40117cf8 0a4d0002 0a4d0001"
                            "07d003e8 000c560e 6869210a");
    const Frame read = parse_frame(frame, UdpChecksum::unknown);
    ASSERT_EQ(read.kind, FrameKind::datagram);
    EXPECT_EQ(read.from_mac, theirs);
    EXPECT_EQ(read.to_mac, ours);
    EXPECT_EQ(read.from, their_ip);
    EXPECT_EQ(read.to, our_ip);
    EXPECT_EQ(read.from_port, 2000);
    EXPECT_EQ(read.to_port, 1000);
    EXPECT_EQ(read.payload_bytes, 4u);
    EXPECT_EQ(read.payload_at, 42u);
    const Bytes before = hex("ffffffffffff 020000000002 0806"
                             "0001 0800 0604 0001 020000000002 0a4d0002 000000000000 0a4d0001");
    EXPECT_EQ(parse_frame(before, UdpChecksum::unknown).kind, FrameKind::arp_request);
    Bytes written(arp_frame_bytes(0));
    write_arp_request(written, theirs, their_ip, 0, our_ip);
    EXPECT_EQ(written, before);
}

TEST(Frame, reads_what_it_wrote) {
    Random random(2);
    for (const Vlan vlan : {Vlan{0}, Vlan{7}}) {
        for (const uint32_t size : {0u, 1u, 17u, 18u, 1472u, 8972u, 65'507u}) {
            const Bytes payload = random_bytes(random, size);
            const Frame read = parse_frame(datagram(payload, vlan), UdpChecksum::unknown);
            ASSERT_EQ(read.kind, FrameKind::datagram) << size;
            EXPECT_EQ(read.vlan, vlan);
            EXPECT_EQ(read.from_mac, ours);
            EXPECT_EQ(read.to_mac, theirs);
            EXPECT_EQ(read.from, our_ip);
            EXPECT_EQ(read.to, their_ip);
            EXPECT_EQ(read.from_port, 1000);
            EXPECT_EQ(read.to_port, 2000);
            EXPECT_EQ(read.payload_at, headers_bytes(vlan));
            EXPECT_EQ(read.payload_bytes, size);
        }
    }
}

TEST(Frame, no_damaged_bit_goes_unseen) {
    Random random(3);
    const Bytes right = datagram(random_bytes(random, 100));
    for (size_t bit = 14 * 8; bit < right.size() * 8; ++bit) {
        Bytes wrong = right;
        wrong[bit / 8] ^= std::byte{1} << bit % 8;
        const Frame read = parse_frame(wrong, UdpChecksum::unknown);
        // A checksum of UDP whose bits are all gone would say that there is none; one bit does not make that.
        EXPECT_EQ(read.kind, FrameKind::malformed) << bit;
    }
}

TEST(Frame, a_checksum_that_the_device_saw_to_is_not_looked_at) {
    const Bytes payload(50, std::byte{5});
    const Bytes frame = datagram(payload, 0, true);
    EXPECT_EQ(parse_frame(frame, UdpChecksum::unknown).kind, FrameKind::malformed) << "the device fills it in";
    EXPECT_EQ(parse_frame(frame, UdpChecksum::good).kind, FrameKind::datagram);
    // What the device does: it sums all of UDP, with the pseudo header's sum where the checksum will be.
    Bytes filled = frame;
    store_be<uint16_t>(&filled[40], internet_checksum(internet_sum(std::span(filled).subspan(34))));
    EXPECT_EQ(parse_frame(filled, UdpChecksum::unknown).kind, FrameKind::datagram);
}

TEST(Frame, udp_may_have_no_checksum) {
    Bytes frame = datagram(Bytes(50, std::byte{5}));
    store_be<uint16_t>(&frame[40], 0);
    EXPECT_EQ(parse_frame(frame, UdpChecksum::unknown).kind, FrameKind::datagram);
}

/// A checksum that is zero is written as its other form: zero says that there is none.
TEST(Frame, a_checksum_of_zero_is_not_none) {
    for (uint32_t word = 0; word < 0x10000; ++word) {
        Bytes payload(2);
        store_be<uint16_t>(payload.data(), static_cast<uint16_t>(word));
        ASSERT_NE(load_be<uint16_t>(&datagram(payload)[40]), 0) << word;
    }
}

TEST(Frame, what_is_cut_short_is_malformed) {
    const Bytes whole = datagram(Bytes(50, std::byte{5}), 3);
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(parse_frame(std::span(whole).first(size), UdpChecksum::unknown).kind, FrameKind::malformed) << size;
}

TEST(Frame, padding_is_not_of_the_datagram) {
    Bytes frame = datagram(Bytes(3, std::byte{5}));
    frame.resize(frame_bytes_min, std::byte{0xaa});
    EXPECT_EQ(parse_frame(frame, UdpChecksum::unknown).payload_bytes, 3u);
}

TEST(Frame, fragments_and_others_are_foreign) {
    const Bytes whole = datagram(Bytes(50, std::byte{5}));
    const auto changed = [&](size_t at, uint16_t value) {
        Bytes frame = whole;
        store_be<uint16_t>(&frame[at], value);
        sum_ip(frame);
        return parse_frame(frame, UdpChecksum::unknown).kind;
    };
    EXPECT_EQ(changed(20, 0x2000), FrameKind::foreign) << "more fragments follow";
    EXPECT_EQ(changed(20, 0x0001), FrameKind::foreign) << "not the first one";
    EXPECT_EQ(changed(22, 0x4006), FrameKind::foreign) << "TCP";
    EXPECT_EQ(changed(12, 0x86dd), FrameKind::foreign) << "IPv6";
    EXPECT_EQ(changed(12, 0x88a8), FrameKind::foreign) << "a tag of the provider's";
}

TEST(Frame, options_of_ipv4_are_skipped) {
    const Bytes plain = datagram(Bytes(50, std::byte{5}));
    Bytes frame(plain.begin(), plain.begin() + 34);
    frame.insert(frame.end(), {std::byte{1}, std::byte{1}, std::byte{1}, std::byte{0}});
    frame.insert(frame.end(), plain.begin() + 34, plain.end());
    frame[14] = std::byte{0x46};
    store_be<uint16_t>(&frame[16], static_cast<uint16_t>(frame.size() - 14));
    sum_ip(frame, 24);
    const Frame read = parse_frame(frame, UdpChecksum::unknown);
    EXPECT_EQ(read.kind, FrameKind::datagram);
    EXPECT_EQ(read.payload_at, 46u);
    EXPECT_EQ(read.payload_bytes, 50u);
}

TEST(Frame, asks_and_answers_who_has_an_address) {
    for (const Vlan vlan : {Vlan{0}, Vlan{9}}) {
        Bytes request(arp_frame_bytes(vlan));
        write_arp_request(request, theirs, their_ip, vlan, our_ip);
        const Frame asked = parse_frame(request, UdpChecksum::unknown);
        ASSERT_EQ(asked.kind, FrameKind::arp_request);
        EXPECT_EQ(asked.to_mac, broadcast_mac);
        EXPECT_EQ(asked.vlan, vlan);
        EXPECT_EQ(asked.sender, theirs);
        EXPECT_EQ(asked.from, their_ip);
        EXPECT_EQ(asked.to, our_ip);
        Bytes reply(request.size());
        write_arp_reply(reply, ours, our_ip, asked);
        const Frame answered = parse_frame(reply, UdpChecksum::unknown);
        ASSERT_EQ(answered.kind, FrameKind::arp_reply);
        EXPECT_EQ(answered.to_mac, theirs);
        EXPECT_EQ(answered.vlan, vlan);
        EXPECT_EQ(answered.sender, ours);
        EXPECT_EQ(answered.from, our_ip);
        EXPECT_EQ(answered.to, their_ip);
    }
}

TEST(Frame, arp_of_others_is_foreign_and_that_of_nobody_malformed) {
    Bytes request(arp_frame_bytes(0));
    write_arp_request(request, theirs, their_ip, 0, our_ip);
    Bytes other = request;
    other[15] = std::byte{6};   // another kind of network
    EXPECT_EQ(parse_frame(other, UdpChecksum::unknown).kind, FrameKind::foreign);
    other = request;
    other[21] = std::byte{3};   // reverse ARP
    EXPECT_EQ(parse_frame(other, UdpChecksum::unknown).kind, FrameKind::foreign);
    other = request;
    other[22] = std::byte{0xff};   // at a group's address
    EXPECT_EQ(parse_frame(other, UdpChecksum::unknown).kind, FrameKind::malformed);
    for (size_t size = 0; size < request.size(); ++size)
        EXPECT_EQ(parse_frame(std::span(request).first(size), UdpChecksum::unknown).kind, FrameKind::malformed);
}

TEST(Frame, a_ping_becomes_its_answer) {
    Bytes ping = ping_of(datagram(Bytes(40, std::byte{5})));
    ping.back() ^= std::byte{1};
    EXPECT_EQ(parse_frame(ping, UdpChecksum::unknown).kind, FrameKind::malformed) << "its checksum is wrong";
    ping.back() ^= std::byte{1};
    const Frame asked = parse_frame(ping, UdpChecksum::unknown);
    ASSERT_EQ(asked.kind, FrameKind::echo_request);
    Bytes answer = ping;
    turn_echo(answer, asked);
    const Frame answered = parse_frame(answer, UdpChecksum::unknown);
    EXPECT_EQ(answered.kind, FrameKind::foreign) << "whole, and not for us";
    EXPECT_EQ(answered.from_mac, theirs);
    EXPECT_EQ(answered.to_mac, ours);
    EXPECT_EQ(answered.from, their_ip);
    EXPECT_EQ(answered.to, our_ip);
    EXPECT_EQ(answer[34], std::byte{0});
    EXPECT_TRUE(std::equal(answer.begin() + 38, answer.end(), ping.begin() + 38)) << "number and bytes as they were";
}

TEST(Frame, noise_is_read_within_its_bounds) {
    Random random(4);
    const Bytes whole = datagram(Bytes(50, std::byte{5}), 3);
    for (int round = 0; round < 100'000; ++round) {
        Bytes frame = whole;
        for (uint64_t n = random.below(6); n > 0; --n)
            frame[12 + random.below(30)] = static_cast<std::byte>(random.next());
        frame.resize(random.below(frame.size() + 1));
        frame.shrink_to_fit();
        const Frame read = parse_frame(frame, random.chance(1, 2) ? UdpChecksum::good : UdpChecksum::unknown);
        ASSERT_LE(read.payload_at + read.payload_bytes, frame.size());
    }
}

/// As a device leaves it: TCP's checksum is that of the pseudo header, as if there were nothing else to sum.
Bytes segment_of_tcp(std::span<const std::byte> text, bool six) {
    Bytes frame = six ? hex("020000000002 020000000001 86dd 60000000 0000 06 40"
                            "fd000000000000000000000000000001 fd000000000000000000000000000002")
                      : hex("020000000002 020000000001 0800 45000000 00004000 40060000 0a4d0001 0a4d0002");
    const Bytes tcp = hex("03e807d0 00000001 00000002 50180400 12340000");
    frame.insert(frame.end(), tcp.begin(), tcp.end());
    frame.insert(frame.end(), text.begin(), text.end());
    store_be<uint16_t>(&frame[six ? 18 : 16], static_cast<uint16_t>(frame.size() - (six ? 54 : 14)));
    if (!six) sum_ip(frame);
    return frame;
}

TEST(Frame, fills_in_the_checksum_that_nobody_did) {
    Random random(7);
    for (const size_t size : {0u, 1u, 2u, 100u, 1401u}) {
        const Bytes text = random_bytes(random, size);
        Bytes udp = datagram(text, 0, true);
        fill_in_checksum(udp);
        EXPECT_EQ(udp, datagram(text)) << size;
        for (const bool six : {false, true}) {
            Bytes tcp = segment_of_tcp(text, six);
            fill_in_checksum(tcp);
            // With the pseudo header before it, it sums up to nothing.
            const size_t addresses = six ? 22 : 26, header = six ? 54 : 34;
            Bytes summed(tcp.begin() + static_cast<ptrdiff_t>(addresses), tcp.end());
            Bytes pseudo(4);
            store_be<uint16_t>(&pseudo[0], 6);
            store_be<uint16_t>(&pseudo[2], static_cast<uint16_t>(tcp.size() - header));
            summed.insert(summed.begin(), pseudo.begin(), pseudo.end());
            EXPECT_EQ(plain_checksum(summed), 0) << size << (six ? " over IPv6" : " over IPv4");
        }
    }
}

TEST(Frame, fills_in_no_other_checksum) {
    Bytes fragment = datagram(Bytes(100), 0, true);
    store_be<uint16_t>(&fragment[20], 0x2000);
    Bytes other = fragment;
    store_be<uint16_t>(&other[20], 0);
    other[23] = std::byte{1};   // ICMP
    Bytes too_long = datagram(Bytes(100), 0, true);
    store_be<uint16_t>(&too_long[16], 129);
    Bytes short_header = too_long;
    short_header[14] = std::byte{0x44};
    Bytes too_long_six = segment_of_tcp(Bytes(100), true);
    store_be<uint16_t>(&too_long_six[18], 121);
    for (const Bytes& frame : {fragment, other, too_long, short_header, too_long_six, Bytes(13), Bytes(60)}) {
        Bytes same = frame;
        fill_in_checksum(same);
        EXPECT_EQ(same, frame);
    }
}

TEST(Frame, fills_in_nothing_beyond_a_frame_that_is_cut_anywhere) {
    for (const bool six : {false, true}) {
        const Bytes whole = segment_of_tcp(Bytes(10), six);
        for (size_t size = 0; size <= whole.size(); ++size) {
            Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
            const size_t before = six ? 54 : 14;
            if (size >= before + 20) {   // and says that this is all of it
                store_be<uint16_t>(&cut[six ? 18 : 16], static_cast<uint16_t>(size - before));
            }
            cut.shrink_to_fit();
            fill_in_checksum(cut);
        }
    }
}

TEST(Frame, a_tag_comes_off_and_goes_on) {
    const Bytes text(50, std::byte{3});
    const Bytes plain = datagram(text), tagged = datagram(text, 7);
    EXPECT_FALSE(is_tagged(plain));
    EXPECT_FALSE(is_tagged(Bytes(13)));
    ASSERT_TRUE(is_tagged(tagged));
    Bytes frame = tagged;
    const auto off = take_off_tag(frame);
    EXPECT_TRUE(std::ranges::equal(off, plain));
    put_on_tag(frame, 7);
    EXPECT_EQ(frame, tagged);
}

}  // namespace
}  // namespace penstock::dpdk
