// Ethernet frames as a port carries them: datagrams of UDP over IPv4, and what neighbours need of each other, ARP and
// ICMP echo. Pure; knows no device.
//
// What arrives may be anything. parse_frame() believes no length that it did not check, and says of everything that is
// not ours, fragments and IPv6 among it, that it is foreign: the kernel's stack may want it.
// Sources: IEEE 802.3, 802.1Q; RFC 768 (UDP), 791 (IPv4), 792 (ICMP), 826 (ARP), 1071 (checksums).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace penstock::dpdk {

using Mac = std::array<std::byte, 6>;

inline constexpr Mac broadcast_mac = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                      std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};

/// Of IPv4, in host order: 10.0.0.1 is 0x0a000001.
struct Ipv4 {
    uint32_t value = 0;
    friend auto operator<=>(const Ipv4&, const Ipv4&) = default;
};

/// 802.1Q's; 0: frames have no tag.
using Vlan = uint16_t;

inline constexpr uint32_t frame_bytes_min = 60;          ///< shorter ones are padded; without the device's own checksum
inline constexpr uint32_t datagram_headers_bytes = 42;   ///< Ethernet, IPv4, UDP
inline constexpr uint32_t vlan_tag_bytes = 4;

enum class FrameKind : uint8_t {
    datagram,
    arp_request,
    arp_reply,
    echo_request,   ///< ping
    foreign,        ///< none of these
    malformed,      ///< says that it is one of these, and is not, or is damaged
};

/// What is known of the checksum of UDP when a frame arrives.
enum class UdpChecksum : uint8_t {
    good,      ///< the device looked, or a neighbour on this machine never filled it in
    unknown,   ///< to be verified here
};

struct Frame {
    FrameKind kind = FrameKind::malformed;
    Vlan vlan = 0;
    Mac from_mac{}, to_mac{};
    Ipv4 from, to;                   ///< of ARP: the sender's, and the one that is asked for or answered
    Mac sender{};                    ///< of ARP: who says to have `from`
    uint16_t from_port = 0, to_port = 0;
    uint32_t payload_at = 0;         ///< of a datagram: its bytes; of an echo: ICMP's header
    uint32_t payload_bytes = 0;
};

Frame parse_frame(std::span<const std::byte> bytes, UdpChecksum checksum);

/// One way between two ends of datagrams.
struct Path {
    Mac from_mac{}, to_mac{};        ///< `to_mac`: of the next hop
    Vlan vlan = 0;
    Ipv4 from, to;
    uint16_t from_port = 0, to_port = 0;
};

/// How long the headers of a datagram are.
constexpr uint32_t headers_bytes(Vlan vlan) { return datagram_headers_bytes + (vlan != 0 ? vlan_tag_bytes : 0); }

/// How long a frame of ARP is.
constexpr uint32_t arp_frame_bytes(Vlan vlan) { return 42 + (vlan != 0 ? vlan_tag_bytes : 0); }

/// Writes the headers of a datagram whose bytes follow them, already there: headers_bytes() of them and the payload are
/// the frame. The checksum of IPv4 is filled in; that of UDP too, or, where the device does it, what it wants to find
/// there: the sum of the pseudo header.
void write_datagram(std::span<std::byte> frame, const Path& path, bool device_sums_udp);

/// Who has `asked`? To everybody.
void write_arp_request(std::span<std::byte> frame, const Mac& own_mac, Ipv4 own, Vlan vlan, Ipv4 asked);
/// `own` is at `own_mac`, to the one who asked.
void write_arp_reply(std::span<std::byte> frame, const Mac& own_mac, Ipv4 own, const Frame& request);

/// Makes the answer to a ping of the ping itself, in its place.
void turn_echo(std::span<std::byte> frame, const Frame& request);

// What lies between the wire and the kernel's stack, which knows nothing of our tag, nor of the checksums that a
// neighbour on this machine never filled in.

bool is_tagged(std::span<const std::byte> frame);
/// A tagged frame becomes one without, in the same place, but for its first bytes. Returns it.
std::span<std::byte> take_off_tag(std::span<std::byte> frame);
/// The way back: an untagged frame and, before it, room for a tag.
void put_on_tag(std::span<std::byte> room_and_frame, Vlan vlan);

/// That of TCP or UDP over IPv4 or IPv6 is computed, whatever stands in its field. Anything else, fragments, options of
/// IPv6 and frames that are cut short among it, stays as it is. Of untagged frames.
void fill_in_checksum(std::span<std::byte> frame);

/// RFC 1071: the sum of big-endian words, an odd last byte padded with zero. `sum` is that of even many bytes before.
uint64_t internet_sum(std::span<const std::byte> bytes, uint64_t sum = 0);
/// As it is written into headers.
uint16_t internet_checksum(uint64_t sum);

}  // namespace penstock::dpdk
