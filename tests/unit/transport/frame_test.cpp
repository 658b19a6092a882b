#include "transport/frame.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "transport/hex.h"
#include "transport/packet.h"

namespace penstock::transport {
namespace {

std::vector<NumberRange> ranges_of(const Frame& frame) {
    std::vector<NumberRange> ranges;
    RangeReader reader(frame);
    while (const auto range = reader.next()) ranges.push_back(*range);
    return ranges;
}

TEST(Frame, worked_example_of_the_specification) {
    std::array<std::byte, 72> packet{};
    put_data_header(packet.data(), {ConnectionId(0x1122334455667788), 7, false});
    FrameWriter writer{std::span(packet).subspan(data_header_bytes)};
    const NumberRange ranges[] = {{5, 6}, {3, 3}};
    writer.acknowledgement(ranges, 25);
    writer.stream(2, 4096, 4, false);
    ASSERT_EQ(writer.size(), 48u);
    std::memcpy(packet.data() + data_header_bytes + writer.size(), "ping", 4);
    put_checksum(packet);
    EXPECT_EQ(hex(std::span(packet).first(68)),
              "D000000088776655443322110700000002020000190000000600000000000000"
              "0000000002000000010000000100000003000400020000000010000000000000"
              "70696E67");
    ASSERT_TRUE(checksum_fits(packet));
    FrameReader reader{frames_of(packet)};
    const auto acknowledgement = reader.next();
    ASSERT_TRUE(acknowledgement);
    EXPECT_EQ(acknowledgement->delay_us, 25u);
    EXPECT_EQ(ranges_of(*acknowledgement), (std::vector<NumberRange>{{5, 6}, {3, 3}}));
    const auto stream = reader.next();
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->stream, 2u);
    EXPECT_EQ(stream->number, 4096u);
    EXPECT_FALSE(stream->end);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(stream->bytes.data()), stream->bytes.size()), "ping");
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.malformed());
}

TEST(Frame, every_kind_comes_back) {
    std::array<std::byte, 256> room{};
    FrameWriter writer(room);
    writer.ping();
    writer.stream_credit(1, 1ull << 40);
    writer.connection_credit(1ull << 50);
    writer.streams_credit(77);
    writer.stream_reset(3, 1ull << 33, 8);
    writer.stream_stop(4, 9);
    writer.stream(5, 6, 0, true);
    writer.close(2);
    FrameReader reader{std::span(room).first(writer.size() + 20)};   // what follows is padding
    EXPECT_EQ(reader.next()->kind, FrameKind::ping);
    const auto credit = reader.next();
    EXPECT_EQ(credit->kind, FrameKind::stream_credit);
    EXPECT_EQ(credit->stream, 1u);
    EXPECT_EQ(credit->number, 1ull << 40);
    EXPECT_EQ(reader.next()->number, 1ull << 50);
    EXPECT_EQ(reader.next()->number, 77u);
    const auto reset = reader.next();
    EXPECT_EQ(reset->kind, FrameKind::stream_reset);
    EXPECT_EQ(reset->stream, 3u);
    EXPECT_EQ(reset->number, 1ull << 33);
    EXPECT_EQ(reset->code, 8u);
    const auto stop = reader.next();
    EXPECT_EQ(stop->kind, FrameKind::stream_stop);
    EXPECT_EQ(stop->stream, 4u);
    EXPECT_EQ(stop->code, 9u);
    const auto end = reader.next();
    EXPECT_TRUE(end->end);
    EXPECT_TRUE(end->bytes.empty());
    const auto close = reader.next();
    EXPECT_EQ(close->kind, FrameKind::close);
    EXPECT_EQ(close->code, 2u);
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.malformed());
}

TEST(Frame, one_that_is_cut_off_is_malformed) {
    std::array<std::byte, 256> room{};
    const NumberRange ranges[] = {{10, 20}, {2, 5}};
    std::vector<void (*)(FrameWriter&)> writers = {
        [](FrameWriter& w) { w.stream_credit(1, 2); }, [](FrameWriter& w) { w.connection_credit(2); },
        [](FrameWriter& w) { w.streams_credit(2); }, [](FrameWriter& w) { w.stream_reset(1, 2, 3); },
        [](FrameWriter& w) { w.stream_stop(1, 2); }, [](FrameWriter& w) { w.close(1); },
        [](FrameWriter& w) { w.stream(1, 2, 0, true); }};
    for (const auto write : writers) {
        FrameWriter writer(room);
        write(writer);
        for (size_t size = 1; size < writer.size(); ++size) {
            FrameReader reader{std::span(room).first(size)};
            EXPECT_FALSE(reader.next());
            EXPECT_TRUE(reader.malformed());
        }
    }
    FrameWriter writer(room);
    writer.acknowledgement(ranges, 0);
    for (size_t size = 1; size < writer.size(); ++size) {
        FrameReader reader{std::span(room).first(size)};
        EXPECT_FALSE(reader.next());
        EXPECT_TRUE(reader.malformed());
    }
}

TEST(Frame, what_cannot_be_is_malformed) {
    const auto malformed = [](std::vector<unsigned char> bytes) {
        bytes.resize(64);
        FrameReader reader{std::as_bytes(std::span(bytes))};
        const bool none = !reader.next();
        return none && reader.malformed();
    };
    EXPECT_TRUE(malformed({10}));                                               // no such kind
    EXPECT_TRUE(malformed({2, 0}));                                             // no ranges
    EXPECT_TRUE(malformed({2, 33}));                                            // too many
    EXPECT_TRUE(malformed({2, 1, 1}));                                          // not zero
    EXPECT_TRUE(malformed({2, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}));     // a first gap
    EXPECT_TRUE(malformed({2, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));     // an empty range
    EXPECT_TRUE(malformed({2, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11}));    // below zero
    EXPECT_FALSE(malformed({2, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10}));
    EXPECT_TRUE(malformed({2, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 1}));
    EXPECT_TRUE(malformed({3, 0, 0, 0}));                                       // neither data nor an end
    EXPECT_TRUE(malformed({3, 2, 1, 0}));                                       // an unknown flag
    EXPECT_TRUE(malformed({3, 0, 49, 0}));                                      // longer than the packet
    EXPECT_TRUE(malformed({3, 0, 2, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}));    // beyond all offsets
    EXPECT_TRUE(malformed({4, 1}));
    EXPECT_TRUE(malformed({5, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace penstock::transport
