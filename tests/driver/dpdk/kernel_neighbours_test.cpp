#include "dpdk/kernel_neighbours.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <initializer_list>
#include <vector>

#include "base/random.h"

namespace penstock::dpdk {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Mac station = {std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}};

void append(Bytes& to, const auto& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_attribute(Bytes& to, uint16_t type, std::span<const std::byte> value) {
    append(to, nlattr{static_cast<uint16_t>(sizeof(nlattr) + value.size()), type});
    to.insert(to.end(), value.begin(), value.end());
    to.resize((to.size() + 3) / 4 * 4);
}

/// As the kernel writes it, with an attribute before the one that counts and one behind it.
Bytes message(uint16_t state, std::span<const std::byte> mac = station, uint16_t type = RTM_NEWNEIGH) {
    Bytes bytes;
    append(bytes, nlmsghdr{.nlmsg_type = type, .nlmsg_seq = 7});
    append(bytes, ndmsg{.ndm_family = AF_INET, .ndm_ifindex = 2, .ndm_state = state});
    append_attribute(bytes, NDA_DST, std::as_bytes(std::span("\x0a\x4d\0\2", 4)));
    append_attribute(bytes, NDA_LLADDR, mac);
    append_attribute(bytes, NDA_PROBES, Bytes(4));
    const auto size = static_cast<uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes;
}

TEST(KernelNeighbours, reads_what_the_kernel_knows) {
    for (const uint16_t state : std::initializer_list<uint16_t>{NUD_REACHABLE, NUD_PERMANENT, NUD_NOARP, NUD_STALE,
                                                                NUD_DELAY, NUD_PROBE}) {
        const auto read = parse_neighbour(message(state));
        ASSERT_TRUE(read.has_value()) << state;
        EXPECT_EQ(read->sequence, 7u);
        EXPECT_EQ(read->mac, station) << state;
        EXPECT_EQ(read->sure, state == NUD_REACHABLE || state == NUD_PERMANENT || state == NUD_NOARP) << state;
    }
}

TEST(KernelNeighbours, what_it_does_not_know_has_no_mac) {
    for (const uint16_t state : std::initializer_list<uint16_t>{NUD_NONE, NUD_INCOMPLETE, NUD_FAILED}) {
        const auto read = parse_neighbour(message(state));
        ASSERT_TRUE(read.has_value()) << state;
        EXPECT_FALSE(read->mac || read->sure) << state;
    }
    EXPECT_EQ(parse_neighbour(message(NUD_REACHABLE, {}, NLMSG_ERROR))->mac, std::nullopt) << "there is none";
    EXPECT_EQ(parse_neighbour(message(NUD_REACHABLE, Bytes(6)))->mac, std::nullopt);
    EXPECT_EQ(parse_neighbour(message(NUD_REACHABLE, Bytes(20, std::byte{2})))->mac, std::nullopt) << "no Ethernet";
    EXPECT_EQ(parse_neighbour(message(NUD_REACHABLE, Bytes(6, std::byte{1})))->mac, std::nullopt) << "a group's";
    EXPECT_EQ(parse_neighbour(message(NUD_REACHABLE, station, RTM_NEWADDR)), std::nullopt);
}

TEST(KernelNeighbours, believes_no_length) {
    const Bytes right = message(NUD_REACHABLE);
    for (size_t size = 0; size < right.size(); ++size) {
        EXPECT_EQ(parse_neighbour(Bytes(right.begin(), right.begin() + static_cast<ptrdiff_t>(size))), std::nullopt);
        Bytes shorter(right.begin(), right.begin() + static_cast<ptrdiff_t>(size));
        const auto says = static_cast<uint32_t>(size);
        if (size >= sizeof says) std::memcpy(shorter.data(), &says, sizeof says);
        const auto read = parse_neighbour(shorter);
        EXPECT_EQ(read && read->mac, size >= 46) << size;
    }
    Random random(1);
    for (int i = 0; i < 100'000; ++i) {
        Bytes damaged = right;
        for (uint64_t n = 1 + random.below(6); n > 0; --n)
            damaged[random.below(damaged.size())] = static_cast<std::byte>(random.next());
        parse_neighbour(damaged);
    }
}

TEST(KernelNeighbours, an_interface_that_is_none_is_refused) {
    const auto opened = KernelNeighbours::open("no-such-one");
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().detail.find("no-such-one"), std::string::npos);
}

TEST(KernelNeighbours, asks_the_kernel) {
    auto opened = KernelNeighbours::open("lo");
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    EXPECT_EQ((*opened)->find({0x7f000009}), std::nullopt) << "there are no stations on it";
}

}  // namespace
}  // namespace penstock::dpdk
