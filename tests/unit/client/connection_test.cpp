#include "client/connection.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "sim/clock.h"
#include "sim/stream.h"
#include "wire/kafka/api_versions.h"
#include "wire/kafka/metadata.h"

namespace penstock::client {
namespace {

using wire::kafka::ApiVersionsResponse;
using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

struct Heard final : Requester {
    std::map<uint64_t, uint32_t> answers;
    std::map<uint64_t, penstock_error> lost;
    void on_answer(uint64_t ask, const Answer& answer, Nanos) override { answers[ask] = answer.size; }
    void on_lost(uint64_t ask, const Failure& why, Nanos) override { lost[ask] = why.code; }
};

/// A connection, and a broker that says what the test wants it to say.
class World {
public:
    World() {
        EXPECT_TRUE(server_.listen({.host = "server", .port = 1}).has_value());
        const auto id = client_.connect({.host = "server", .port = 1});
        connection.emplace(client_, *id, io::Address{.host = "server", .port = 1}, name_, numbers_,
                           clock.now() + second_ns);
    }

    /// Until nothing happens any more, with a millisecond for each step.
    void run(int steps = 20) {
        for (int i = 0; i < steps; ++i) {
            clock.advance_to(clock.now() + millisecond_ns);
            network_.run();
            io::StreamEvent events[16];
            for (size_t n = server_.poll(events), at = 0; at < n; ++at) on_server_event(events[at]);
            for (size_t n = client_.poll(events), at = 0; at < n; ++at) connection->on_event(events[at], clock.now());
            connection->expire(clock.now());
        }
    }
    /// A frame with this correlation id and body.
    void answer(int32_t correlation_id, std::span<const std::byte> body) {
        std::vector<std::byte> bytes(8);
        store_be(bytes.data(), static_cast<uint32_t>(4 + body.size()));
        store_be(bytes.data() + 4, correlation_id);
        bytes.insert(bytes.end(), body.begin(), body.end());
        say(bytes);
    }
    template <class M>
    void answer_with(int32_t correlation_id, const M& message, int16_t version) {
        Arena arena(mib);
        const auto frame = wire::response_frame(arena, correlation_id, message, version);
        std::vector<std::byte> bytes;
        for (const Fragment& one : *frame) bytes.insert(bytes.end(), one.data, one.data + one.size);
        say(bytes);
    }
    void say(std::vector<std::byte> bytes) {
        said_.push_back(std::make_unique<std::vector<std::byte>>(std::move(bytes)));
        const Fragment fragment{said_.back()->data(), static_cast<uint32_t>(said_.back()->size())};
        EXPECT_TRUE(server_.send(accepted_, {&fragment, 1}, 0).has_value());
    }
    /// A broker that speaks these versions of Metadata.
    void negotiate(int16_t metadata_last = 9) {
        run();
        ApiVersionsResponse::Row rows[] = {{18, 0, 4}, {3, 0, metadata_last}};
        ApiVersionsResponse versions;
        versions.api_keys = rows;
        answer_with(1, versions, 4);
        run();
    }
    uint64_t ask(Nanos deadline = never) {
        const auto asked = connection->ask(heard, MetadataRequest(), 9, {.deadline = deadline});
        EXPECT_TRUE(asked.has_value());
        return asked.value_or(0);
    }
    void hang_up() { server_.close(accepted_); }

    sim::Clock clock;
    std::vector<std::byte> received;
    Heard heard;
    std::optional<Connection> connection;

private:
    void on_server_event(const io::StreamEvent& event) {
        if (event.kind == io::StreamEventKind::accepted) accepted_ = event.connection;
        if (event.kind != io::StreamEventKind::received) return;
        received.insert(received.end(), event.buffer.data, event.buffer.data + event.buffer.size);
        server_.release(event.buffer);
    }

    sim::Network network_{clock, 1, {}};
    sim::Streams server_{network_, {.host = "server"}};
    sim::Streams client_{network_, {.host = "client"}};
    ClientName name_;
    uint64_t numbers_ = 0;
    io::ConnectionId accepted_;
    std::vector<std::unique_ptr<std::vector<std::byte>>> said_;
};

TEST(Connection, NegotiatesThenAnswersInOrder) {
    World world;
    world.negotiate();
    ASSERT_TRUE(world.connection->ready());
    EXPECT_EQ(world.connection->version_of(ApiKey::metadata).value_or(-1), 9);
    EXPECT_EQ(world.connection->version_of(ApiKey::produce).error().code, PENSTOCK_UNSUPPORTED);
    const uint64_t first = world.ask(), second = world.ask();
    EXPECT_EQ(world.connection->under_way(), 2u);
    world.run();
    world.answer(2, std::vector<std::byte>(10));
    world.run();
    EXPECT_TRUE(world.heard.answers.contains(first));
    EXPECT_FALSE(world.heard.answers.contains(second));
    world.answer(3, std::vector<std::byte>(20));
    world.run();
    EXPECT_EQ(world.heard.answers[second], 24u);
    EXPECT_TRUE(world.heard.lost.empty());
}

TEST(Connection, AnOlderBrokerIsAskedAgainInItsOwnVersion) {
    World world;
    world.run();
    ApiVersionsResponse::Row row{18, 0, 2};
    ApiVersionsResponse refusal;
    refusal.error_code = wire::kafka::ErrorCode::unsupported_version;
    refusal.api_keys = {&row, 1};
    world.answer_with(1, refusal, 0);
    world.run();
    EXPECT_FALSE(world.connection->ready());
    ApiVersionsResponse versions;
    ApiVersionsResponse::Row rows[] = {{18, 0, 2}, {3, 0, 1}};
    versions.api_keys = rows;
    world.answer_with(2, versions, 2);
    world.run();
    EXPECT_TRUE(world.connection->ready());
    EXPECT_EQ(world.connection->version_of(ApiKey::metadata).value_or(-1), 1);
}

TEST(Connection, ARefusalThatCannotBeReadIsAskedAgainInVersion0) {
    World world;
    world.run();
    // As librdkafka's mock does: in the layout of a later version, with a wrong count.
    world.answer(1, std::vector<std::byte>{std::byte{0}, std::byte{35}, std::byte{1}, std::byte{0}, std::byte{18},
                                           std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}, std::byte{0},
                                           std::byte{0}, std::byte{0}, std::byte{0}});
    world.run();
    EXPECT_FALSE(world.connection->closed());
    ApiVersionsResponse versions;
    ApiVersionsResponse::Row rows[] = {{18, 0, 2}, {3, 0, 1}};
    versions.api_keys = rows;
    world.answer_with(2, versions, 0);
    world.run();
    EXPECT_TRUE(world.connection->ready());
}

TEST(Connection, WhatNoBrokerWouldSayEndsIt) {
    const std::vector<std::vector<std::byte>> sayings = {
        {std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}},   // size -1
        {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{3}},               // too small for an answer
        {std::byte{0x48}, std::byte{0x54}, std::byte{0x54}, std::byte{0x50}},   // "HTTP"
        {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{4}, std::byte{9}, std::byte{9}, std::byte{9},
         std::byte{9}},   // an answer that nobody waits for
    };
    for (const auto& saying : sayings) {
        World world;
        world.negotiate();
        const uint64_t asked = world.ask();
        world.run();
        world.say(saying);
        world.run();
        EXPECT_TRUE(world.connection->closed());
        EXPECT_EQ(world.heard.lost[asked], PENSTOCK_MALFORMED);
    }
    World world;
    world.run();
    world.answer(1, {});   // no versions
    world.run();
    EXPECT_TRUE(world.connection->closed());
}

TEST(Connection, ManyBytesAtOnceOrOneByOneAreTheSame) {
    World world;
    world.negotiate();
    std::vector<uint64_t> asked;
    for (int i = 0; i < 5; ++i) asked.push_back(world.ask());
    world.run();
    for (int32_t i = 0; i < 5; ++i) {
        std::vector<std::byte> frame(8 + 3);
        store_be(frame.data(), uint32_t{7});
        store_be(frame.data() + 4, 2 + i);
        if (i < 3) world.say(frame);
        else for (const std::byte byte : frame) world.say({byte});
    }
    world.run(100);
    EXPECT_EQ(world.heard.answers.size(), 5u);
}

TEST(Connection, SilenceAndHangingUpAreToldToAllWhoAsked) {
    {
        World world;
        world.negotiate();
        const uint64_t one = world.ask(world.clock.now() + 5 * millisecond_ns), other = world.ask();
        world.run();
        EXPECT_TRUE(world.connection->closed());
        EXPECT_EQ(world.heard.lost, (std::map<uint64_t, penstock_error>{{one, PENSTOCK_TIMED_OUT},
                                                                        {other, PENSTOCK_TIMED_OUT}}));
    }
    {
        World world;
        world.negotiate();
        const uint64_t one = world.ask();
        world.run();
        world.hang_up();
        world.run();
        EXPECT_TRUE(world.connection->closed());
        EXPECT_EQ(world.heard.lost[one], PENSTOCK_UNREACHABLE);
    }
    World world;   // never answers at all
    world.run(1100);
    EXPECT_TRUE(world.connection->closed());
    EXPECT_EQ(world.connection->failure().code, PENSTOCK_TIMED_OUT);
}

TEST(Connection, WhoForgotHearsNothingAndLeavesWhatIsHeld) {
    World world;
    world.negotiate();
    auto held = std::make_shared<int>(1);
    const auto asked = world.connection->ask(world.heard, MetadataRequest(), 9, {.held = held});
    ASSERT_TRUE(asked.has_value());
    world.connection->forget(world.heard);
    EXPECT_EQ(held.use_count(), 2);
    world.run();
    world.answer(2, std::vector<std::byte>(10));
    world.run();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_TRUE(world.heard.answers.empty());
    EXPECT_TRUE(world.heard.lost.empty());
}

}  // namespace
}  // namespace penstock::client
