#include "transport/received_packets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/random.h"

namespace penstock::transport {
namespace {

constexpr int64_t delay = millisecond_ns;

std::vector<NumberRange> told(ReceivedPackets& packets, Nanos now = {}, size_t room = 512) {
    std::vector<std::byte> bytes(room);
    FrameWriter writer(bytes);
    packets.acknowledge(writer, now);
    FrameReader reader{std::span(bytes).first(writer.size())};
    const auto frame = reader.next();
    EXPECT_TRUE(frame);
    std::vector<NumberRange> ranges;
    RangeReader range_reader(*frame);
    while (const auto range = range_reader.next()) ranges.push_back(*range);
    return ranges;
}

TEST(ReceivedPackets, numbers_in_order_are_one_range) {
    ReceivedPackets packets;
    EXPECT_EQ(packets.expected(), 0u);
    for (uint64_t n = 0; n < 1000; ++n) {
        EXPECT_TRUE(packets.is_new(n));
        packets.add(n, true, false, Nanos(0));
        EXPECT_FALSE(packets.is_new(n));
    }
    EXPECT_EQ(packets.expected(), 1000u);
    EXPECT_EQ(told(packets), (std::vector<NumberRange>{{0, 999}}));
}

TEST(ReceivedPackets, any_order_gives_the_same_ranges) {
    Random random(7);
    for (int round = 0; round < 200; ++round) {
        ReceivedPackets packets;
        std::set<uint64_t> all;
        for (int i = 0; i < 40; ++i) {
            const uint64_t number = random.below(50);
            EXPECT_EQ(packets.is_new(number), !all.contains(number));
            if (all.insert(number).second) packets.add(number, true, false, Nanos(0));
        }
        std::set<uint64_t> covered;
        uint64_t before = UINT64_MAX;
        for (const NumberRange& range : told(packets)) {
            EXPECT_LT(range.last + 1, before);
            before = range.first;
            for (uint64_t n = range.first; n <= range.last; ++n) covered.insert(n);
        }
        EXPECT_EQ(covered, all);
    }
}

TEST(ReceivedPackets, the_oldest_are_forgotten_and_count_as_repeated) {
    ReceivedPackets packets;
    for (uint64_t n = 0; n < 2000; n += 2) packets.add(n, true, false, Nanos(0));
    EXPECT_FALSE(packets.is_new(1));       // never arrived, and too old to tell
    EXPECT_TRUE(packets.is_new(1997));
    const auto ranges = told(packets);
    EXPECT_EQ(ranges.size(), ranges_max);
    EXPECT_EQ(ranges.front(), (NumberRange{1998, 1998}));
    EXPECT_EQ(told(packets, Nanos(0), 40).size(), 3u);   // as many as there is room for
    const uint64_t far = uint64_t{1} << 33;
    packets.add(far, true, false, Nanos(0));
    EXPECT_EQ(told(packets), (std::vector<NumberRange>{{far, far}}));
    EXPECT_FALSE(packets.is_new(1997));
}

TEST(ReceivedPackets, one_older_than_all_that_there_is_room_for_is_let_go) {
    ReceivedPackets packets;
    for (uint64_t n = 0; n < 64; ++n) packets.add(1000 + 2 * n, true, false, Nanos(0));
    EXPECT_TRUE(packets.is_new(5));
    packets.add(5, true, false, Nanos(0));
    EXPECT_FALSE(packets.is_new(4));
    EXPECT_FALSE(packets.is_new(1000));
    EXPECT_TRUE(packets.is_new(1001));
}

TEST(ReceivedPackets, a_range_without_end_fits_the_frame) {
    ReceivedPackets packets;
    // As after billions of packets in order: the first of the range is far away.
    const uint64_t many = uint64_t{5} << 32;
    packets.add(many, true, false, Nanos(0));
    packets.add(many + 1, true, false, Nanos(0));
    EXPECT_EQ(told(packets), (std::vector<NumberRange>{{many, many + 1}}));
}

TEST(ReceivedPackets, an_acknowledgement_is_due_after_the_delay_or_many_packets) {
    ReceivedPackets packets;
    EXPECT_EQ(packets.due(delay), never);
    packets.add(0, false, false, Nanos(5));
    EXPECT_EQ(packets.due(delay), never);          // acknowledgements are not acknowledged
    EXPECT_FALSE(packets.untold());
    packets.add(1, true, false, Nanos(10));
    packets.add(2, true, false, Nanos(20));
    EXPECT_TRUE(packets.untold());
    EXPECT_EQ(packets.due(delay), Nanos(10 + delay));
    for (uint64_t n = 3; n < 17; ++n) packets.add(n, true, false, Nanos(30));
    EXPECT_EQ(packets.due(delay), Nanos(10));      // the sixteenth
    told(packets);
    EXPECT_EQ(packets.due(delay), never);
    EXPECT_FALSE(packets.untold());
}

TEST(ReceivedPackets, what_is_out_of_order_or_asks_for_it_is_told_at_once) {
    ReceivedPackets packets;
    packets.add(0, true, false, Nanos(1));
    packets.add(2, true, false, Nanos(2));
    EXPECT_EQ(packets.due(delay), Nanos(1));
    told(packets);
    packets.add(3, true, true, Nanos(3));
    EXPECT_EQ(packets.due(delay), Nanos(3));
    told(packets);
    packets.add(1, true, false, Nanos(4));
    EXPECT_EQ(packets.due(delay), Nanos(4));
}

TEST(ReceivedPackets, the_delay_is_that_of_the_largest) {
    ReceivedPackets packets;
    packets.add(5, true, false, Nanos(100 * microsecond_ns));
    packets.add(4, true, false, Nanos(300 * microsecond_ns));
    std::array<std::byte, 64> bytes;
    FrameWriter writer(bytes);
    packets.acknowledge(writer, Nanos(400 * microsecond_ns));
    FrameReader reader{std::span(bytes).first(writer.size())};
    EXPECT_EQ(reader.next()->delay_us, 300u);
}

}  // namespace
}  // namespace penstock::transport
