// Peers that keep to the formats and mean no good: what they can make a connection, or an endpoint, do and keep.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "transport/pair.h"
#include "transport/world.h"

namespace penstock::transport {
namespace {

using Ranges = std::vector<NumberRange>;

void acknowledge(Pair& pair, Connection& to, uint32_t number, const Ranges& ranges, uint32_t delay_us = 0) {
    pair.give_frames(to, number, [&](FrameWriter& w) { w.acknowledgement(ranges, delay_us); });
}

using Packets = std::vector<std::vector<std::byte>>;

/// The first acknowledgement in there.
std::optional<Frame> acknowledgement_in(const Packets& packets) {
    for (const auto& packet : packets) {
        FrameReader frames(frames_of(packet));
        while (const auto frame = frames.next())
            if (frame->kind == FrameKind::acknowledgement) return frame;
    }
    return std::nullopt;
}

TEST(HostilePeer, acknowledgements_that_nobody_answers_end) {
    Pair pair;
    // One packet of ours stays under way; from then on the peer asks for acknowledgements and sends none.
    pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.stream_credit(0, 1 << 20); });
    ASSERT_TRUE(pair.push(pair.acceptor, 0, "never acknowledged"));
    EXPECT_FALSE(pair.take(pair.acceptor).empty());
    constexpr uint32_t enough = 200'000;
    uint64_t answers = 0;
    for (uint32_t number = 1; number < enough && !pair.acceptor.closed(); ++number) {
        pair.give_frames(pair.acceptor, 2 * number, [](FrameWriter& w) { w.ping(); });   // a gap: at once
        answers += pair.take(pair.acceptor).size();
    }
    EXPECT_LE(answers, 66'000u) << "each is remembered";
    EXPECT_GE(answers, 60'000u);
    EXPECT_FALSE(pair.acceptor.closed());
    EXPECT_GT(pair.acceptor.next_deadline(), pair.now) << "and nobody is woken up for what is not sent";
    // With what is sent anyway, they go on; and one that acknowledges after all is served as before.
    pair.now = pair.acceptor.next_deadline();
    pair.acceptor.on_deadline(pair.now);
    const auto probes = pair.take(pair.acceptor);
    EXPECT_TRUE(acknowledgement_in(probes));
    acknowledge(pair, pair.acceptor, 2 * enough, {{0, pair.acceptor.counters().packets_sent - 1}});
    for (uint32_t number = 1; number < 100; ++number) {
        pair.give_frames(pair.acceptor, 2 * (enough + number), [](FrameWriter& w) { w.ping(); });
        EXPECT_EQ(pair.take(pair.acceptor).size(), 1u);
    }
}

TEST(HostilePeer, one_that_talks_and_acknowledges_nothing_is_given_up) {
    Pair pair;
    pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.stream_credit(0, 1 << 20); });
    ASSERT_TRUE(pair.push(pair.acceptor, 0, "never acknowledged"));
    const Nanos begin = pair.now;
    for (uint32_t number = 1; !pair.acceptor.closed() && number < 1000; ++number) {
        pair.give_frames(pair.acceptor, number, [](FrameWriter& w) { w.ping(); });
        pair.take(pair.acceptor);
        pair.now = std::min(pair.acceptor.next_deadline(), pair.now + second_ns);
        pair.acceptor.on_deadline(pair.now);
    }
    EXPECT_EQ(pair.closed(pair.acceptor), CloseCode::unreachable);
    EXPECT_GE(pair.now - begin, 30 * second_ns);
    EXPECT_LE(pair.now - begin, 32 * second_ns);
    EXPECT_EQ(pair.take(pair.acceptor).size(), 1u) << "it is told";
}

/// Bytes of a stream, as a frame.
void add_bytes(std::vector<std::byte>& row, uint32_t stream, uint64_t offset, std::string_view bytes,
               bool end = false) {
    std::array<std::byte, stream_frame_bytes> head;
    FrameWriter writer{head};
    writer.stream(stream, offset, static_cast<uint16_t>(bytes.size()), end);
    row.insert(row.end(), head.begin(), head.end());
    const auto data = std::as_bytes(std::span(bytes));
    row.insert(row.end(), data.begin(), data.end());
}

TEST(HostilePeer, single_bytes_far_ahead_cost_no_more_than_there_is_room_for) {
    constexpr uint32_t streams = 256;
    Parameters many = generous();
    many.streams = streams;
    Pair pair(generous(), many);
    // On each stream every other byte: the gaps are never filled. All of it is within the credit.
    uint32_t number = 0;
    for (uint32_t offset = 1; offset < 200; offset += 2) {
        for (uint32_t first = 0; first < streams; first += 64) {
            std::vector<std::byte> row;
            for (uint32_t stream = first; stream < first + 64; ++stream) add_bytes(row, stream, offset, "x");
            pair.give_row(pair.acceptor, number++, row);
        }
    }
    EXPECT_FALSE(pair.acceptor.closed());
    EXPECT_LE(pair.buffers.copied_bytes(), uint64_t{1} << 20);
    EXPECT_EQ(pair.link.lent(), 0u) << "no burst is kept for a byte";
    // What finds no room is not acknowledged: an honest peer would send it again.
    const auto packets = pair.take(pair.acceptor);
    const auto told = acknowledgement_in(packets);
    ASSERT_TRUE(told);
    EXPECT_LT(told->number, number - 1);
    // And what is in order still finds its way.
    std::vector<std::byte> row;
    add_bytes(row, 7, 0, "a");
    pair.give_row(pair.acceptor, number++, row);
    EXPECT_EQ(pair.read(pair.acceptor, 7), "ax");
    pair.acceptor.close(CloseCode::none);
    EXPECT_EQ(pair.buffers.copied_bytes(), 0u);
}

TEST(HostilePeer, credit_never_goes_back) {
    Pair pair;
    pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) {
        w.stream_credit(0, 2 << 20);
        w.connection_credit(2 << 20);
    });
    pair.give_frames(pair.acceptor, 1, [](FrameWriter& w) {
        w.stream_credit(0, 0);
        w.connection_credit(0);
        w.stream_credit(0, 100);
        w.connection_credit(1);
    });
    const std::string text((1 << 20) + 1000, 'x');   // above what the handshake granted
    ASSERT_TRUE(pair.push(pair.acceptor, 0, text));
    uint64_t sent = 0;
    for (uint32_t number = 2; sent < text.size() && number < 3000; ++number) {
        for (const auto& packet : pair.take(pair.acceptor)) {
            FrameReader frames(frames_of(packet));
            while (const auto frame = frames.next()) sent += frame->kind == FrameKind::stream ? frame->bytes.size() : 0;
        }
        pair.now += millisecond_ns;
        acknowledge(pair, pair.acceptor, number, {{0, pair.acceptor.counters().packets_sent - 1}});
        ASSERT_FALSE(pair.acceptor.closed());
    }
    EXPECT_EQ(sent, text.size());
}

TEST(HostilePeer, absurd_acknowledgements_end_it_or_mean_nothing) {
    const auto after = [](std::span<const uint8_t> row) {
        Pair pair;
        pair.opener.open_stream();
        for (int i = 0; i < 5; ++i) {
            pair.push(pair.opener, 0, "five packets at least");
            EXPECT_FALSE(pair.take(pair.opener).empty());
        }
        pair.give_row(pair.opener, 0, std::as_bytes(row));
        return pair.closed(pair.opener);
    };
    const auto violation = CloseCode::protocol_violation;
    using Row = std::vector<uint8_t>;
    const auto row = [](uint8_t count, uint64_t largest, std::vector<std::pair<uint32_t, uint32_t>> ranges) {
        Row bytes(acknowledgement_frame_bytes + ranges.size() * range_bytes);
        auto* at = reinterpret_cast<std::byte*>(bytes.data());
        bytes[0] = 2;
        bytes[1] = count;
        store_le(at + 8, largest);
        at += acknowledgement_frame_bytes;
        for (const auto& [gap, length] : ranges) {
            store_le(at, gap);
            store_le(at + 4, length);
            at += range_bytes;
        }
        return bytes;
    };
    EXPECT_FALSE(after(row(1, 4, {{0, 5}})));
    EXPECT_FALSE(after(row(2, 4, {{0, 1}, {1, 1}})));
    EXPECT_EQ(after(row(1, 1000, {{0, 1}})), violation) << "never sent";
    EXPECT_EQ(after(row(1, UINT64_MAX - 1, {{0, UINT32_MAX}})), violation);
    EXPECT_EQ(after(row(1, UINT64_MAX, {{0, 1}})), violation);
    EXPECT_EQ(after(row(1, 4, {{0, 6}})), violation) << "below the first packet";
    EXPECT_EQ(after(row(1, 4, {{1, 1}})), violation) << "the largest is not among them";
    EXPECT_EQ(after(row(1, 4, {{0, 0}})), violation) << "a range of nothing";
    EXPECT_EQ(after(row(2, 4, {{0, 2}, {0, 2}})), violation) << "two that touch";
    EXPECT_EQ(after(row(2, 4, {{0, 2}, {UINT32_MAX, 2}})), violation);
    EXPECT_EQ(after(row(2, 4, {{0, 2}})), violation) << "fewer than it says";
    EXPECT_EQ(after(row(0, 4, {})), violation);
    EXPECT_EQ(after(row(33, 4, std::vector<std::pair<uint32_t, uint32_t>>(33, {0, 1}))), violation);
}

TEST(HostilePeer, acknowledging_what_did_not_arrive_harms_only_the_liar) {
    Pair pair;
    pair.opener.open_stream();
    ASSERT_TRUE(pair.push(pair.opener, 0, "never seen", 7));
    ASSERT_FALSE(pair.take(pair.opener).empty());
    acknowledge(pair, pair.opener, 0, {{0, pair.opener.counters().packets_sent - 1}}, UINT32_MAX);
    const auto events = pair.events(pair.opener);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].token, 7u);
    // The same again, and of ever older numbers, says nothing new.
    for (uint32_t number = 1; number < 10; ++number) acknowledge(pair, pair.opener, number, {{0, 0}});
    EXPECT_FALSE(pair.opener.closed());
    EXPECT_TRUE(pair.events(pair.opener).empty());
}

TEST(HostilePeer, jumps_of_numbers_cost_nothing) {
    Pair pair;
    uint32_t number = 0;
    for (int i = 0; i < 1000; ++i) {
        number += (1u << 31) - 1;   // as far ahead as a number can be meant
        pair.give_frames(pair.acceptor, number, [](FrameWriter& w) { w.ping(); });
        const auto packets = pair.take(pair.acceptor);
        const auto told = acknowledgement_in(packets);
        ASSERT_TRUE(told);
        EXPECT_EQ(static_cast<uint32_t>(told->number), number);
        RangeReader ranges(*told);
        size_t count = 0;
        while (ranges.next()) ++count;
        EXPECT_LE(count, 2u) << "what lies too far back is forgotten";
    }
    pair.give_frames(pair.acceptor, number, [](FrameWriter& w) { w.close(0); });
    EXPECT_FALSE(pair.acceptor.closed());
    EXPECT_EQ(pair.acceptor.counters().packets_repeated, 1u);
}

TEST(HostilePeer, old_packets_are_not_taken_again) {
    Pair pair;
    pair.opener.open_stream();
    std::vector<std::vector<std::byte>> seen;
    std::string text;
    for (int i = 0; i < 200; ++i) {
        const std::string word = "word " + std::to_string(i) + ' ';
        ASSERT_TRUE(pair.push(pair.opener, 0, word));
        for (const auto& packet : pair.take(pair.opener)) {
            seen.push_back(packet);
            pair.give(pair.acceptor, packet);
        }
        text += pair.read(pair.acceptor, 0);
        pair.exchange();
    }
    const std::string all = text;
    for (const auto& packet : seen) pair.give(pair.acceptor, packet);
    EXPECT_EQ(pair.acceptor.counters().packets_repeated, seen.size());
    EXPECT_EQ(pair.read(pair.acceptor, 0), "");
    EXPECT_TRUE(all.ends_with("word 199 "));
    EXPECT_FALSE(pair.acceptor.closed());
}

TEST(HostilePeer, a_close_with_garbage_is_a_close) {
    Pair pair;
    pair.give_frames(pair.acceptor, 0, [](FrameWriter& w) { w.close(0xDEADBEEF), w.stream(0, 1, 9, false); });
    const auto code = pair.closed(pair.acceptor);
    ASSERT_TRUE(code);
    EXPECT_STREQ(to_string(*code), "unknown");
    EXPECT_TRUE(pair.take(pair.acceptor).empty()) << "nothing is said to one that has gone";
    pair.give_frames(pair.acceptor, 1, [](FrameWriter& w) { w.close(1); });
    EXPECT_FALSE(pair.acceptor.has_event());
}

/// An acceptor, and packets that nobody's endpoint made.
class HostileHandshake : public testing::Test {
protected:
    void start(uint32_t connections_max) {
        EndpointOptions options;
        options.connections_max = connections_max;
        server_ = &world_.add_acceptor(options);
        world_.after_turn = [this] {
            while (const auto event = server_->endpoint->next_event()) {
                if (event->kind == EndpointEventKind::accepted) accepted_.push_back(event->connection);
            }
        };
        from_ = world_.address(*server_);
        from_.ip[15] = std::byte{77};
    }
    void inject(std::span<const std::byte> packet) {
        world_.network.inject(from_, world_.address(*server_), packet);
        world_.settle();
    }
    /// With a cookie as the acceptor would make it: the peer has been at its address once.
    std::array<std::byte, hello_bytes> hello(uint64_t id) {
        Hello made{.opener = ConnectionId(id)};
        made.nonce[3] = static_cast<std::byte>(id);
        made.parameters = EndpointOptions{}.parameters;
        SecretBits secrets(seed_of(1));
        made.cookie = make_cookie(secrets.next(), from_, made, world_.clock.now());
        std::array<std::byte, hello_bytes> packet;
        put(packet, made);
        return packet;
    }
    const EndpointCounters& counters() const { return server_->endpoint->counters(); }

    World world_;
    Node* server_ = nullptr;
    io::Endpoint from_;
    std::vector<ConnectionId> accepted_;
};

TEST_F(HostileHandshake, a_flood_of_good_cookies_ends_at_the_bound) {
    start(10);
    for (uint64_t id = 1; id <= 100; ++id) inject(hello(id));
    EXPECT_EQ(counters().accepted, 10u);
    EXPECT_EQ(counters().refusals_sent, 90u);
    EXPECT_EQ(server_->endpoint->connections(), 10u);
    // Who never says a word is idle after a while, and makes room.
    world_.run_for(31 * second_ns);
    EXPECT_EQ(server_->endpoint->connections(), 0u);
    inject(hello(500));
    EXPECT_EQ(server_->endpoint->connections(), 1u);
}

TEST_F(HostileHandshake, a_replayed_handshake_makes_no_second_connection) {
    start(10);
    const auto first = hello(1);
    for (int i = 0; i < 50; ++i) inject(first);
    EXPECT_EQ(counters().accepted, 1u);
    EXPECT_EQ(server_->endpoint->connections(), 1u);
    // Of the same name with another nonce: not answered, and the first stays.
    Hello other{.opener = ConnectionId(1)};
    other.nonce[9] = std::byte{9};
    SecretBits secrets(seed_of(1));
    other.cookie = make_cookie(secrets.next(), from_, other, world_.clock.now());
    std::array<std::byte, hello_bytes> packet;
    put(packet, other);
    inject(packet);
    EXPECT_EQ(counters().accepted, 1u);
    EXPECT_EQ(counters().refusals_sent, 0u);
    // After its time the cookie is worth nothing, whoever has it.
    world_.run_for(40 * second_ns);
    EXPECT_EQ(server_->endpoint->connections(), 0u);
    const uint64_t cookies = counters().cookies_sent;
    inject(first);
    EXPECT_EQ(counters().accepted, 1u);
    EXPECT_EQ(counters().cookies_sent, cookies + 1);
}

TEST_F(HostileHandshake, parameters_without_sense_harm_nobody) {
    start(10);
    for (const uint8_t fill : {uint8_t{0}, uint8_t{0xFF}}) {
        auto packet = hello(fill + 1u);
        std::fill(packet.begin() + 96, packet.begin() + 128, std::byte{fill});
        put_checksum(packet);
        inject(packet);
        ASSERT_EQ(accepted_.size(), fill == 0 ? 1u : 2u);
        Connection* connection = server_->endpoint->find(accepted_.back());
        ASSERT_NE(connection, nullptr);
        EXPECT_EQ(connection->datagram_bytes(), datagram_bytes_min);
        std::vector<std::byte> row(data_header_bytes + stream_credit_frame_bytes + checksum_bytes);
        put_data_header(row.data(), {accepted_.back(), 0, true});
        FrameWriter writer{std::span(row).subspan(data_header_bytes)};
        writer.stream_credit(3, UINT64_MAX);
        put_checksum(row);
        inject(row);
        const std::string text(100'000, 'x');
        const Fragment piece{std::as_bytes(std::span(text)).data(), 100'000};
        if (Connection* open = server_->endpoint->find(accepted_.back())) open->push(3, {&piece, 1}, 1);
        world_.run_for(60 * second_ns);
        EXPECT_EQ(server_->endpoint->connections(), 0u) << "it says nothing more, so it goes";
    }
    EXPECT_LT(world_.network.counters().sent, 2000u);
}

}  // namespace
}  // namespace penstock::transport
