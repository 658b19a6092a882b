#include "transport/burst.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace penstock::transport {
namespace {

std::vector<std::byte> bytes_of(const Burst& burst) {
    std::vector<std::byte> bytes;
    for (const Fragment& piece : burst.outgoing({}).fragments)
        bytes.insert(bytes.end(), piece.data, piece.data + piece.size);
    return bytes;
}

void add_packet(Burst& burst, uint32_t number, const std::vector<std::byte>& data, uint32_t limit = 1472) {
    burst.begin({ConnectionId(7), number, false}, limit);
    FrameWriter writer = burst.writer();
    writer.stream(1, 0, static_cast<uint16_t>(data.size()), false);
    burst.add(writer, {.kind = FrameKind::stream, .stream = 1});
    const Fragment fragment{data.data(), static_cast<uint32_t>(data.size())};
    burst.add_data({&fragment, 1});
}

TEST(Burst, packets_have_their_checksum_over_data_that_stays_where_it_is) {
    Burst burst;
    const std::vector<std::byte> data(1472 - 16 - 16 - 4, std::byte{9});
    for (uint32_t i = 0; i < 3; ++i) {
        add_packet(burst, i, data);
        EXPECT_EQ(burst.room(), 0u);
        EXPECT_TRUE(burst.wants_answer());
        EXPECT_EQ(burst.frames().size(), 1u);
        EXPECT_EQ(burst.finish(), 1472u);
    }
    bool in_place = false;
    for (const Fragment& piece : burst.outgoing({}).fragments) in_place |= piece.data == data.data();
    EXPECT_TRUE(in_place);
    EXPECT_EQ(burst.outgoing({}).datagram_bytes, 1472u);
    const auto bytes = bytes_of(burst);
    ASSERT_EQ(bytes.size(), 3 * 1472u);
    for (uint32_t i = 0; i < 3; ++i) {
        const auto packet = std::span(bytes).subspan(i * 1472u, 1472);
        EXPECT_TRUE(checksum_fits(packet));
        EXPECT_EQ(parse_data_header(packet)->number_low, i);
    }
}

TEST(Burst, a_shorter_packet_is_the_last) {
    Burst burst;
    const std::vector<std::byte> data(500, std::byte{9});
    add_packet(burst, 0, data);
    burst.pad();
    burst.finish();
    EXPECT_TRUE(burst.has_room(1472));
    add_packet(burst, 1, data);
    burst.finish();
    EXPECT_FALSE(burst.has_room(1200));
    EXPECT_EQ(burst.bytes(), 1472u + 536u);
}

TEST(Burst, one_that_was_dropped_leaves_nothing) {
    Burst burst;
    const std::vector<std::byte> data(500, std::byte{9});
    add_packet(burst, 0, data);
    burst.pad();
    burst.finish();
    const auto before = bytes_of(burst);
    add_packet(burst, 1, data);
    burst.drop();
    EXPECT_EQ(bytes_of(burst), before);
    EXPECT_EQ(burst.packets(), 1u);
}

TEST(Burst, small_pieces_are_copied) {
    Burst burst;
    std::vector<std::byte> data(1000, std::byte{9});
    burst.begin({ConnectionId(7), 0, false}, 1472);
    FrameWriter writer = burst.writer();
    writer.stream(1, 0, 1000, false);
    burst.add(writer, {.kind = FrameKind::stream});
    std::vector<Fragment> pieces;
    for (size_t i = 0; i < data.size(); ++i) pieces.push_back({data.data() + i, 1});
    burst.add_data(pieces);
    burst.finish();
    EXPECT_LE(burst.outgoing({}).fragments.size(), 3u);
    EXPECT_TRUE(checksum_fits(bytes_of(burst)));
}

TEST(Burst, what_is_kept_needs_its_data_no_more) {
    Burst burst;
    std::vector<std::byte> data(1000, std::byte{9});
    add_packet(burst, 0, data);
    burst.ask_at_once();
    burst.finish();
    burst.keep();
    burst.keep();
    std::ranges::fill(data, std::byte{0});
    const auto bytes = bytes_of(burst);
    EXPECT_TRUE(checksum_fits(bytes));
    EXPECT_TRUE(parse_data_header(bytes)->acknowledge_now);
}

TEST(Burst, has_room_for_what_a_link_takes_and_no_more) {
    Burst burst;
    const std::vector<std::byte> data(1472 - 36, std::byte{9});
    while (burst.has_room(1472)) {
        add_packet(burst, burst.packets(), data);
        burst.finish();
    }
    EXPECT_EQ(burst.packets(), 44u);
    EXPECT_LE(burst.bytes(), io::burst_bytes_max);
    EXPECT_LE(burst.outgoing({}).fragments.size(), io::burst_fragments_max);
}

}  // namespace
}  // namespace penstock::transport
