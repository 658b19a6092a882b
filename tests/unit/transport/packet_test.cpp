#include "transport/packet.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace penstock::transport {
namespace {

TEST(Packet, checksum_covers_every_bit) {
    std::vector<std::byte> packet(40, std::byte{7});
    put_checksum(packet);
    EXPECT_TRUE(checksum_fits(packet));
    for (size_t bit = 0; bit < packet.size() * 8; ++bit) {
        packet[bit / 8] ^= std::byte(1 << bit % 8);
        EXPECT_FALSE(checksum_fits(packet)) << bit;
        packet[bit / 8] ^= std::byte(1 << bit % 8);
    }
    packet.pop_back();
    EXPECT_FALSE(checksum_fits(packet));
    EXPECT_FALSE(checksum_fits({packet.data(), 3}));
}

TEST(Packet, header_comes_back) {
    std::array<std::byte, data_header_bytes + checksum_bytes + 5> packet{};
    put_data_header(packet.data(), {ConnectionId(0x1122334455667788), 0x99aabbcc, true});
    EXPECT_EQ(kind_of(packet), PacketKind::data);
    const auto header = parse_data_header(packet);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->to, ConnectionId(0x1122334455667788));
    EXPECT_EQ(header->number_low, 0x99aabbcc);
    EXPECT_TRUE(header->acknowledge_now);
    EXPECT_EQ(frames_of(packet).size(), 5u);
    packet[2] = std::byte{1};
    EXPECT_FALSE(parse_data_header(packet));
    packet[2] = std::byte{0};
    packet[1] = std::byte{2};
    EXPECT_FALSE(parse_data_header(packet));
    EXPECT_FALSE(parse_data_header({packet.data(), data_header_bytes + checksum_bytes - 1}));
}

TEST(Packet, knows_its_kinds) {
    for (int first = 0; first < 256; ++first) {
        const std::byte byte{static_cast<unsigned char>(first)};
        EXPECT_EQ(kind_of({&byte, 1}).has_value(), first == 0xD0 || (first >= 0xA0 && first <= 0xA5)) << first;
    }
    EXPECT_FALSE(kind_of({}));
}

TEST(Packet, numbers_are_completed_to_the_nearest) {
    constexpr uint64_t whole = uint64_t{1} << 32;
    EXPECT_EQ(complete_number(0, 0), 0u);
    EXPECT_EQ(complete_number(5, 3), 5u);
    EXPECT_EQ(complete_number(UINT32_MAX, 0), UINT32_MAX);   // nothing lies below zero
    EXPECT_EQ(complete_number(2, whole - 2), whole + 2);
    EXPECT_EQ(complete_number(UINT32_MAX - 1, whole + 3), whole - 2);
    EXPECT_EQ(complete_number(7, 9 * whole + 7), 9 * whole + 7);
    for (const uint64_t expected : {uint64_t{1}, whole - 1, whole, 5 * whole + 12345})
        for (const uint64_t ahead : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 20, (uint64_t{1} << 31) - 1})
            EXPECT_EQ(complete_number(static_cast<uint32_t>(expected + ahead), expected), expected + ahead);
}

TEST(Packet, codes_have_the_names_of_the_specification) {
    EXPECT_STREQ(to_string(CloseCode::none), "none");
    EXPECT_STREQ(to_string(CloseCode::cancelled), "cancelled");
    EXPECT_STREQ(to_string(static_cast<CloseCode>(999)), "unknown");
}

}  // namespace
}  // namespace penstock::transport
