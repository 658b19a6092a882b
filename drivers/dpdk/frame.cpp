#include "dpdk/frame.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/assert.h"

namespace penstock::dpdk {

namespace {

constexpr uint32_t ethernet_bytes = 14, ipv4_bytes = 20, ipv6_bytes = 40, udp_bytes = 8, icmp_bytes = 8, arp_bytes = 28;
constexpr uint32_t two_macs_bytes = 12;
constexpr uint16_t type_ipv4 = 0x0800, type_arp = 0x0806, type_vlan = 0x8100, type_ipv6 = 0x86dd;
constexpr uint8_t protocol_icmp = 1, protocol_tcp = 6, protocol_udp = 17;
constexpr uint8_t echo_reply = 0, echo = 8;
constexpr uint8_t hops = 64;
constexpr uint16_t do_not_fragment = 0x4000, fragment_bits = 0x3fff;   // "more follow", and the offset
constexpr uint16_t arp_asks = 1, arp_answers = 2;

Ipv4 load_ip(const std::byte* at) { return {load_be<uint32_t>(at)}; }

Mac load_mac(const std::byte* at) {
    Mac mac;
    std::copy_n(at, mac.size(), mac.begin());
    return mac;
}

void store_mac(std::byte* at, const Mac& mac) { std::ranges::copy(mac, at); }

/// Of what UDP's checksum covers beside the datagram itself.
uint64_t pseudo_header_sum(const std::byte* ip, uint32_t udp_total) {
    return internet_sum({ip + 12, 8}) + protocol_udp + udp_total;
}

/// Zero is how UDP says that there is none.
uint16_t udp_checksum(const std::byte* ip, std::span<const std::byte> udp) {
    const auto size = static_cast<uint32_t>(udp.size());
    const uint16_t sum = internet_checksum(internet_sum(udp, pseudo_header_sum(ip, size)));
    return sum == 0 ? uint16_t{0xffff} : sum;
}

void parse_arp(std::span<const std::byte> bytes, uint32_t at, Frame& frame) {
    if (bytes.size() < at + arp_bytes) return;
    const std::byte* arp = bytes.data() + at;
    // Ethernet and IPv4, with addresses of their lengths.
    const bool ours = load_be<uint16_t>(arp) == 1 && load_be<uint16_t>(arp + 2) == type_ipv4 &&
                      load_be<uint16_t>(arp + 4) == 0x0604;
    const auto operation = load_be<uint16_t>(arp + 6);
    if (!ours || (operation != arp_asks && operation != arp_answers)) {
        frame.kind = FrameKind::foreign;
        return;
    }
    frame.sender = load_mac(arp + 8);
    frame.from = load_ip(arp + 14);
    frame.to = load_ip(arp + 24);
    // A group's address is nobody's.
    if ((frame.sender[0] & std::byte{1}) != std::byte{0}) return;
    frame.kind = operation == arp_asks ? FrameKind::arp_request : FrameKind::arp_reply;
}

void parse_udp(const std::byte* ip, std::span<const std::byte> bytes, uint32_t at, UdpChecksum checksum,
               Frame& frame) {
    if (bytes.size() < at + udp_bytes) return;
    const std::byte* udp = bytes.data() + at;
    const uint32_t size = load_be<uint16_t>(udp + 4);
    if (size < udp_bytes || size > bytes.size() - at) return;
    const auto sum = load_be<uint16_t>(udp + 6);
    const bool verify = checksum == UdpChecksum::unknown && sum != 0;
    if (verify && internet_checksum(internet_sum({udp, size}, pseudo_header_sum(ip, size))) != 0) return;
    frame.from_port = load_be<uint16_t>(udp);
    frame.to_port = load_be<uint16_t>(udp + 2);
    frame.payload_at = at + udp_bytes;
    frame.payload_bytes = size - udp_bytes;
    frame.kind = FrameKind::datagram;
}

void parse_icmp(std::span<const std::byte> bytes, uint32_t at, Frame& frame) {
    if (bytes.size() < at + icmp_bytes) return;
    if (internet_checksum(internet_sum(bytes.subspan(at))) != 0) return;
    const bool asks = load_be<uint8_t>(bytes.data() + at) == echo && load_be<uint8_t>(bytes.data() + at + 1) == 0;
    frame.payload_at = at;
    frame.payload_bytes = static_cast<uint32_t>(bytes.size()) - at;
    frame.kind = asks ? FrameKind::echo_request : FrameKind::foreign;
}

void parse_ipv4(std::span<const std::byte> bytes, uint32_t at, UdpChecksum checksum, Frame& frame) {
    if (bytes.size() < at + ipv4_bytes) return;
    const std::byte* ip = bytes.data() + at;
    const auto version_and_words = load_be<uint8_t>(ip);
    const uint32_t header = (version_and_words & 15u) * 4;
    const uint32_t total = load_be<uint16_t>(ip + 2);
    if (version_and_words >> 4 != 4 || header < ipv4_bytes || total < header || total > bytes.size() - at) return;
    if (internet_checksum(internet_sum({ip, header})) != 0) return;
    frame.from = load_ip(ip + 12);
    frame.to = load_ip(ip + 16);
    const auto protocol = load_be<uint8_t>(ip + 9);
    const bool fragment = (load_be<uint16_t>(ip + 6) & fragment_bits) != 0;
    if (fragment || (protocol != protocol_udp && protocol != protocol_icmp)) {
        frame.kind = FrameKind::foreign;
        return;
    }
    const auto packet = bytes.first(at + total);   // without the padding of a short frame
    if (protocol == protocol_udp) parse_udp(ip, packet, at + header, checksum, frame);
    else parse_icmp(packet, at + header, frame);
}

/// What IP carries in one piece for TCP or UDP.
struct Segment {
    std::span<std::byte> bytes;
    uint8_t protocol = 0;
    uint64_t addresses_sum = 0;
};

std::optional<Segment> segment_of_ipv4(std::span<std::byte> packet) {
    if (packet.size() < ipv4_bytes) return std::nullopt;
    const std::byte* ip = packet.data();
    const uint32_t header = (load_be<uint8_t>(ip) & 15u) * 4;
    const uint32_t total = load_be<uint16_t>(ip + 2);
    if (header < ipv4_bytes || total < header || total > packet.size()) return std::nullopt;
    if ((load_be<uint16_t>(ip + 6) & fragment_bits) != 0) return std::nullopt;
    return Segment{packet.subspan(header, total - header), load_be<uint8_t>(ip + 9), internet_sum({ip + 12, 8})};
}

std::optional<Segment> segment_of_ipv6(std::span<std::byte> packet) {
    if (packet.size() < ipv6_bytes) return std::nullopt;
    const std::byte* ip = packet.data();
    const uint32_t size = load_be<uint16_t>(ip + 4);
    if (size > packet.size() - ipv6_bytes) return std::nullopt;
    return Segment{packet.subspan(ipv6_bytes, size), load_be<uint8_t>(ip + 6), internet_sum({ip + 8, 32})};
}

/// Returns where what it carries begins.
uint32_t write_ethernet(std::byte* at, const Mac& from, const Mac& to, Vlan vlan, uint16_t type) {
    store_mac(at, to);
    store_mac(at + 6, from);
    uint32_t offset = two_macs_bytes;
    if (vlan != 0) {
        store_be<uint16_t>(at + offset, type_vlan);
        store_be<uint16_t>(at + offset + 2, vlan);
        offset += vlan_tag_bytes;
    }
    store_be<uint16_t>(at + offset, type);
    return offset + 2;
}

struct ArpHalf {
    Mac mac{};
    Ipv4 ip;
};

void write_arp(std::span<std::byte> frame, uint16_t operation, const Mac& to, Vlan vlan, const ArpHalf& sender,
               const ArpHalf& target) {
    PENSTOCK_ASSERT(frame.size() == arp_frame_bytes(vlan));
    std::byte* arp = frame.data() + write_ethernet(frame.data(), sender.mac, to, vlan, type_arp);
    store_be<uint16_t>(arp, 1);
    store_be<uint16_t>(arp + 2, type_ipv4);
    store_be<uint16_t>(arp + 4, 0x0604);
    store_be<uint16_t>(arp + 6, operation);
    store_mac(arp + 8, sender.mac);
    store_be<uint32_t>(arp + 14, sender.ip.value);
    store_mac(arp + 18, target.mac);
    store_be<uint32_t>(arp + 24, target.ip.value);
}

}  // namespace

uint64_t internet_sum(std::span<const std::byte> bytes, uint64_t sum) {
    // Words of any width add up to the same once they are folded (RFC 1071), in the order of bytes of this machine; the
    // sum is swapped at the end. Two sums, since one would wait for its own carry.
    uint64_t even = 0, odd = 0;
    while (bytes.size() >= 16) {
        uint32_t words[4];
        std::memcpy(words, bytes.data(), sizeof words);
        even += uint64_t{words[0]} + words[2];
        odd += uint64_t{words[1]} + words[3];
        bytes = bytes.subspan(16);
    }
    uint64_t little = even + odd;
    for (; bytes.size() >= 2; bytes = bytes.subspan(2)) little += load_le<uint16_t>(bytes.data());
    if (!bytes.empty()) little += load_le<uint8_t>(bytes.data());
    while (little >> 16 != 0) little = (little & 0xffff) + (little >> 16);
    return sum + std::byteswap(static_cast<uint16_t>(little));
}

uint16_t internet_checksum(uint64_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

Frame parse_frame(std::span<const std::byte> bytes, UdpChecksum checksum) {
    Frame frame;
    if (bytes.size() < ethernet_bytes) return frame;
    frame.to_mac = load_mac(bytes.data());
    frame.from_mac = load_mac(bytes.data() + 6);
    uint32_t at = two_macs_bytes;
    auto type = load_be<uint16_t>(bytes.data() + at);
    if (type == type_vlan) {
        if (bytes.size() < ethernet_bytes + vlan_tag_bytes) return frame;
        frame.vlan = load_be<uint16_t>(bytes.data() + at + 2) & 0xfff;
        at += vlan_tag_bytes;
        type = load_be<uint16_t>(bytes.data() + at);
    }
    at += 2;
    if (type == type_ipv4) parse_ipv4(bytes, at, checksum, frame);
    else if (type == type_arp) parse_arp(bytes, at, frame);
    else frame.kind = FrameKind::foreign;
    return frame;
}

void write_datagram(std::span<std::byte> frame, const Path& path, bool device_sums_udp) {
    PENSTOCK_ASSERT(frame.size() >= headers_bytes(path.vlan));
    std::byte* ip = frame.data() + write_ethernet(frame.data(), path.from_mac, path.to_mac, path.vlan, type_ipv4);
    const auto total = static_cast<uint32_t>(frame.data() + frame.size() - ip);
    PENSTOCK_ASSERT(total <= 0xffff);
    store_be<uint8_t>(ip, 0x45);
    store_be<uint8_t>(ip + 1, 0);
    store_be<uint16_t>(ip + 2, static_cast<uint16_t>(total));
    store_be<uint16_t>(ip + 4, 0);   // of no use to who is not fragmented (RFC 6864)
    store_be<uint16_t>(ip + 6, do_not_fragment);
    store_be<uint8_t>(ip + 8, hops);
    store_be<uint8_t>(ip + 9, protocol_udp);
    store_be<uint16_t>(ip + 10, 0);
    store_be<uint32_t>(ip + 12, path.from.value);
    store_be<uint32_t>(ip + 16, path.to.value);
    store_be<uint16_t>(ip + 10, internet_checksum(internet_sum({ip, ipv4_bytes})));
    std::byte* udp = ip + ipv4_bytes;
    const uint32_t size = total - ipv4_bytes;
    store_be<uint16_t>(udp, path.from_port);
    store_be<uint16_t>(udp + 2, path.to_port);
    store_be<uint16_t>(udp + 4, static_cast<uint16_t>(size));
    store_be<uint16_t>(udp + 6, 0);
    const auto sum = device_sums_udp ? static_cast<uint16_t>(~internet_checksum(pseudo_header_sum(ip, size)))
                                     : udp_checksum(ip, {udp, size});
    store_be<uint16_t>(udp + 6, sum);
}

void write_arp_request(std::span<std::byte> frame, const Mac& own_mac, Ipv4 own, Vlan vlan, Ipv4 asked) {
    write_arp(frame, arp_asks, broadcast_mac, vlan, {own_mac, own}, {{}, asked});
}

void write_arp_reply(std::span<std::byte> frame, const Mac& own_mac, Ipv4 own, const Frame& request) {
    PENSTOCK_ASSERT(request.kind == FrameKind::arp_request);
    write_arp(frame, arp_answers, request.sender, request.vlan, {own_mac, own}, {request.sender, request.from});
}

void turn_echo(std::span<std::byte> frame, const Frame& request) {
    PENSTOCK_ASSERT(request.kind == FrameKind::echo_request);
    PENSTOCK_ASSERT(request.payload_at + request.payload_bytes <= frame.size());
    store_mac(frame.data(), request.from_mac);
    store_mac(frame.data() + 6, request.to_mac);
    std::byte* ip = frame.data() + ethernet_bytes + (is_tagged(frame) ? vlan_tag_bytes : 0);
    // The sum of a header does not change when its words change places.
    store_be<uint32_t>(ip + 12, request.to.value);
    store_be<uint32_t>(ip + 16, request.from.value);
    std::byte* icmp = frame.data() + request.payload_at;
    store_be<uint8_t>(icmp, echo_reply);
    store_be<uint16_t>(icmp + 2, 0);
    store_be<uint16_t>(icmp + 2, internet_checksum(internet_sum({icmp, request.payload_bytes})));
}

bool is_tagged(std::span<const std::byte> frame) {
    return frame.size() >= ethernet_bytes + vlan_tag_bytes &&
           load_be<uint16_t>(frame.data() + two_macs_bytes) == type_vlan;
}

std::span<std::byte> take_off_tag(std::span<std::byte> frame) {
    PENSTOCK_ASSERT(is_tagged(frame));
    std::memmove(frame.data() + vlan_tag_bytes, frame.data(), two_macs_bytes);
    return frame.subspan(vlan_tag_bytes);
}

void put_on_tag(std::span<std::byte> room_and_frame, Vlan vlan) {
    PENSTOCK_ASSERT(room_and_frame.size() >= vlan_tag_bytes + ethernet_bytes);
    std::byte* at = room_and_frame.data();
    std::memmove(at, at + vlan_tag_bytes, two_macs_bytes);
    store_be<uint16_t>(at + two_macs_bytes, type_vlan);
    store_be<uint16_t>(at + two_macs_bytes + 2, vlan);
}

void fill_in_checksum(std::span<std::byte> frame) {
    if (frame.size() < ethernet_bytes) return;
    const auto type = load_be<uint16_t>(frame.data() + two_macs_bytes);
    const auto packet = frame.subspan(ethernet_bytes);
    const auto segment = type == type_ipv4   ? segment_of_ipv4(packet)
                         : type == type_ipv6 ? segment_of_ipv6(packet)
                                             : std::nullopt;
    if (!segment || (segment->protocol != protocol_tcp && segment->protocol != protocol_udp)) return;
    const auto [bytes, protocol, addresses_sum] = *segment;
    const size_t field = protocol == protocol_tcp ? 16 : 6;
    if (bytes.size() < field + 2) return;
    store_be<uint16_t>(&bytes[field], 0);
    const uint16_t sum = internet_checksum(internet_sum(bytes, addresses_sum + protocol + bytes.size()));
    store_be<uint16_t>(&bytes[field], sum == 0 ? uint16_t{0xffff} : sum);   // zero is none to UDP, the same to TCP
}

}  // namespace penstock::dpdk
