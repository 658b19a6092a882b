#include "transport/sent_packets.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace penstock::transport {
namespace {

class SentPacketsTest : public testing::Test {
protected:
    SentPacketsTest() {
        for (int i = 0; i < 100; ++i) round_trip_.sample(10 * millisecond_ns, 0);
    }

    uint64_t send(uint32_t bytes = 1000, bool probe = false) {
        const uint64_t number = packets_.next_number();
        const SentFrame frame{.kind = FrameKind::stream, .length = 1, .stream = 1, .offset = number};
        packets_.sent({.wants_answer = true, .is_probe = probe, .bytes = bytes}, {&frame, 1}, now_);
        return number;
    }
    void send_acknowledgement() { packets_.sent({.bytes = 40}, {}, now_); }

    bool acknowledge(std::vector<NumberRange> ranges) {
        std::array<std::byte, 512> bytes;
        FrameWriter writer(bytes);
        writer.acknowledgement(ranges, 0);
        FrameReader reader{std::span(bytes).first(writer.size())};
        out_.clear();
        return packets_.acknowledged(*reader.next(), round_trip_, now_, out_);
    }
    static std::vector<uint64_t> offsets(const std::vector<SentFrame>& frames) {
        std::vector<uint64_t> offsets;
        for (const SentFrame& frame : frames) offsets.push_back(frame.offset);
        return offsets;
    }
    void pass(int64_t ns) { now_ += ns; }

    Nanos now_{second_ns};
    RoundTrip round_trip_;
    SentPackets packets_;
    SentPackets::Outcome out_;
};

using Offsets = std::vector<uint64_t>;

TEST_F(SentPacketsTest, what_is_acknowledged_is_under_way_no_more) {
    for (int i = 0; i < 5; ++i) send();
    EXPECT_EQ(packets_.bytes_under_way(), 5000u);
    pass(7 * millisecond_ns);
    EXPECT_TRUE(acknowledge({{0, 2}}));
    EXPECT_EQ(offsets(out_.acknowledged), (Offsets{2, 1, 0}));
    EXPECT_EQ(out_.acknowledged_bytes, 3000u);
    EXPECT_EQ(out_.round_trip_ns, 7 * millisecond_ns);
    EXPECT_EQ(packets_.bytes_under_way(), 2000u);
    EXPECT_TRUE(packets_.any_wants_answer());
    EXPECT_TRUE(acknowledge({{0, 4}}));
    EXPECT_EQ(offsets(out_.acknowledged), (Offsets{4, 3}));
    EXPECT_FALSE(packets_.any_wants_answer());
    EXPECT_TRUE(acknowledge({{0, 4}}));          // repeated
    EXPECT_TRUE(out_.acknowledged.empty());
    EXPECT_FALSE(out_.round_trip_ns);
}

TEST_F(SentPacketsTest, what_was_never_sent_cannot_be_acknowledged) {
    EXPECT_FALSE(acknowledge({{0, 0}}));
    send();
    EXPECT_FALSE(acknowledge({{0, 1}}));
    EXPECT_TRUE(acknowledge({{0, 0}}));
    EXPECT_FALSE(acknowledge({{1, 1}}));
}

TEST_F(SentPacketsTest, three_numbers_later_it_is_lost) {
    for (int i = 0; i < 5; ++i) send();
    acknowledge({{1, 2}});
    EXPECT_TRUE(out_.lost.empty());
    acknowledge({{1, 3}});
    EXPECT_EQ(offsets(out_.lost), (Offsets{0}));
    EXPECT_EQ(out_.lost_bytes, 1000u);
    EXPECT_EQ(out_.lost_packets, 1u);
    EXPECT_EQ(packets_.bytes_under_way(), 1000u);
    EXPECT_EQ(packets_.next_loss(round_trip_), never);   // nothing after the last has been acknowledged
}

TEST_F(SentPacketsTest, a_while_later_it_is_lost) {
    send();
    pass(millisecond_ns);
    send();
    pass(10 * millisecond_ns);
    acknowledge({{1, 1}});
    EXPECT_TRUE(out_.lost.empty());
    const Nanos due = packets_.next_loss(round_trip_);
    EXPECT_EQ(due, Nanos(second_ns) + 10 * millisecond_ns / 8 * 9);
    out_.clear();
    packets_.find_lost(round_trip_, due - 1, out_);
    EXPECT_TRUE(out_.lost.empty());
    packets_.find_lost(round_trip_, due, out_);
    EXPECT_EQ(offsets(out_.lost), (Offsets{0}));
    EXPECT_FALSE(packets_.any_wants_answer());
}

TEST_F(SentPacketsTest, one_that_was_lost_too_early_makes_patient) {
    for (int i = 0; i < 7; ++i) send();
    acknowledge({{3, 5}});
    EXPECT_EQ(offsets(out_.lost), (Offsets{0, 1, 2}));
    acknowledge({{0, 5}});
    EXPECT_EQ(offsets(out_.acknowledged), (Offsets{2, 1, 0}));   // whoever sends them again may stop
    EXPECT_EQ(packets_.bytes_under_way(), 1000u);
    for (int i = 7; i < 16; ++i) send();
    acknowledge({{7, 11}, {0, 5}});
    EXPECT_TRUE(out_.lost.empty());
    acknowledge({{7, 12}, {0, 5}});
    EXPECT_EQ(offsets(out_.lost), (Offsets{6}));
}

TEST_F(SentPacketsTest, acknowledgements_take_numbers_and_nothing_else) {
    for (int i = 0; i < 3; ++i) send_acknowledgement();
    EXPECT_EQ(packets_.next_number(), 3u);
    EXPECT_FALSE(packets_.any_wants_answer());
    const uint64_t number = send();
    send_acknowledgement();
    EXPECT_EQ(packets_.bytes_under_way(), 1000u);
    EXPECT_TRUE(acknowledge({{number, number + 1}}));
    EXPECT_EQ(offsets(out_.acknowledged), (Offsets{number}));
    EXPECT_EQ(packets_.bytes_under_way(), 0u);
}

TEST_F(SentPacketsTest, the_loss_of_a_probe_is_no_congestion) {
    send(8000, true);
    for (int i = 0; i < 3; ++i) send();
    acknowledge({{1, 3}});
    EXPECT_EQ(out_.probe_lost, 8000u);
    EXPECT_EQ(out_.lost_packets, 0u);
    EXPECT_TRUE(out_.lost.empty());
    const uint64_t probe = send(4000, true);
    acknowledge({{1, probe}});
    EXPECT_EQ(out_.probe_arrived, 4000u);
}

TEST_F(SentPacketsTest, the_rate_is_that_of_the_path) {
    // Ten packets at once; the path lets one through in each millisecond.
    for (int i = 0; i < 10; ++i) send();
    pass(10 * millisecond_ns);
    for (uint64_t n = 0; n < 10; ++n) {
        pass(millisecond_ns);
        acknowledge({{0, n}});
    }
    EXPECT_EQ(out_.rate.bytes, 10'000u);
    EXPECT_EQ(out_.rate.interval_ns, 20 * millisecond_ns);
    EXPECT_EQ(out_.rate.delivered_before, 0u);
    // Now each is answered by a new one: what is measured is the pace.
    for (int i = 0; i < 10; ++i) send();
    for (uint64_t n = 10; n < 40; ++n) {
        pass(millisecond_ns);
        acknowledge({{0, n}});
        send();
        if (n == 25) packets_.sender_is_limited();
    }
    EXPECT_EQ(out_.rate.bytes * second_ns / static_cast<uint64_t>(out_.rate.interval_ns), 1'000'000u);
    EXPECT_TRUE(out_.rate.sender_limited);
    EXPECT_EQ(packets_.delivered(), 40'000u);
}

TEST_F(SentPacketsTest, losses_in_a_row_have_a_span) {
    for (int i = 0; i < 3; ++i) {
        send();
        pass(10 * millisecond_ns);
    }
    send();   // acknowledged: begins the row anew
    pass(10 * millisecond_ns);
    for (int i = 0; i < 2; ++i) {
        send();
        pass(10 * millisecond_ns);
    }
    for (int i = 0; i < 4; ++i) send();
    acknowledge({{8, 9}, {3, 3}});
    EXPECT_EQ(offsets(out_.lost), (Offsets{0, 1, 2, 4, 5, 6}));   // of 7, two numbers later, nothing can be said
    EXPECT_EQ(out_.lost_span_ns, 20 * millisecond_ns);
}

TEST_F(SentPacketsTest, the_oldest_can_be_sent_once_more) {
    send();
    send();
    std::vector<SentFrame> frames;
    packets_.oldest_frames(frames);
    EXPECT_EQ(offsets(frames), (Offsets{0}));
    acknowledge({{0, 0}});
    frames.clear();
    packets_.oldest_frames(frames);
    EXPECT_EQ(offsets(frames), (Offsets{1}));
    acknowledge({{0, 1}});
    frames.clear();
    packets_.oldest_frames(frames);
    EXPECT_TRUE(frames.empty());
    packets_.shrink();
    EXPECT_EQ(packets_.next_number(), 2u);
    send();
    EXPECT_TRUE(acknowledge({{0, 2}}));
    EXPECT_EQ(offsets(out_.acknowledged), (Offsets{2}));
}

}  // namespace
}  // namespace penstock::transport
