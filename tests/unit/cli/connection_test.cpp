#include "cli/connection.h"

#include <gtest/gtest.h>

#include "contains.h"
#include "scripted_broker.h"
#include "wire/kafka/api_versions.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;
using wire::kafka::ApiVersionsResponse;
using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

Deadline soon() { return Clock::now() + 5s; }

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int v : values) out.push_back(static_cast<std::byte>(v));
    return out;
}

/// "I do not know that version", with what this broker can, in the body of version 0.
void refuse_version(Peer& peer, const ReceivedRequest& request, std::optional<int16_t> last) {
    ApiVersionsResponse response;
    response.error_code = ErrorCode::unsupported_version;
    const ApiVersionsResponse::Row row{.api_key = 18, .min_version = 0, .max_version = last.value_or(0)};
    if (last) response.api_keys = {&row, 1};
    peer.answer(request, response, int16_t{0});
}

TEST(Connection, NegotiatesTheHighestCommonVersion) {
    ScriptedBroker broker({[](Peer& peer) {
        const auto asked = peer.receive();
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->key, 18);
        EXPECT_EQ(asked->version, 4);
        answer_versions(peer, *asked, {{ApiKey::produce, {0, 9}}, {ApiKey::fetch, {4, 99}},
                                       {ApiKey::metadata, {0, 4}}});
        peer.receive();
    }});
    const auto connection = Connection::open(broker.address(), soon());
    ASSERT_TRUE(connection) << connection.error().message;
    EXPECT_EQ(connection->version_of(ApiKey::produce), 9);
    EXPECT_EQ(connection->version_of(ApiKey::fetch), 12);  // above it topics have only ids
    EXPECT_EQ(connection->version_of(ApiKey::metadata), 4);
}

TEST(Connection, FallsBackToTheVersionThatTheBrokerNames) {
    for (const std::optional<int16_t> last : {std::optional<int16_t>(3), std::optional<int16_t>(0),
                                              std::optional<int16_t>()}) {
        std::vector<int16_t> versions;
        ScriptedBroker broker({[&](Peer& peer) {
            auto asked = peer.receive();
            ASSERT_TRUE(asked);
            versions.push_back(asked->version);
            refuse_version(peer, *asked, last);
            asked = peer.receive();
            ASSERT_TRUE(asked);
            versions.push_back(asked->version);
            answer_versions(peer, *asked);
            peer.receive();
        }});
        const auto connection = Connection::open(broker.address(), soon());
        ASSERT_TRUE(connection) << connection.error().message;
        EXPECT_EQ(versions, (std::vector<int16_t>{4, last.value_or(0)}));
        EXPECT_EQ(broker.connections(), 1);
    }
}

TEST(Connection, AsksAgainInVersionZeroWhereTheBrokerHangsUp) {
    int16_t second = -1;
    ScriptedBroker broker({[](Peer& peer) { peer.receive(); },
                           [&](Peer& peer) {
                               const auto asked = peer.receive();
                               ASSERT_TRUE(asked);
                               second = asked->version;
                               answer_versions(peer, *asked);
                               peer.receive();
                           }});
    const auto connection = Connection::open(broker.address(), soon());
    ASSERT_TRUE(connection) << connection.error().message;
    EXPECT_EQ(second, 0);
    EXPECT_TRUE(connection->offers(ApiKey::produce));
}

TEST(Connection, ABrokerThatNeverAgreesIsAFailure) {
    ScriptedBroker broker({[](Peer& peer) {
        while (const auto asked = peer.receive()) refuse_version(peer, *asked, 3);
    }});
    const auto connection = Connection::open(broker.address(), soon());
    ASSERT_FALSE(connection);
    EXPECT_TRUE(contains(connection.error().message, "refuses to say"));
}

TEST(Connection, SaysWhichSideIsTooOld) {
    ScriptedBroker broker({[](Peer& peer) {
        const auto asked = peer.receive();
        ASSERT_TRUE(asked);
        answer_versions(peer, *asked, {{ApiKey::produce, {0, 2}}, {ApiKey::fetch, {90, 99}},
                                       {ApiKey::create_topics, {}}});
        peer.receive();
    }});
    const auto connection = Connection::open(broker.address(), soon());
    ASSERT_TRUE(connection);
    EXPECT_TRUE(contains(connection->version_of(ApiKey::produce).error().hint, "broker is too old"));
    EXPECT_TRUE(contains(connection->version_of(ApiKey::fetch).error().hint, "program is too old"));
    EXPECT_TRUE(contains(connection->version_of(ApiKey::create_topics).error().message, "does not offer CreateTopics"));
}

TEST(Connection, RefusedAndUnknownHostsSayWhatToDo) {
    const auto refused = Connection::open({"127.0.0.1", closed_port()}, soon());
    ASSERT_FALSE(refused);
    EXPECT_TRUE(contains(refused.error().message, "connection refused"));
    EXPECT_TRUE(contains(refused.error().hint, "Is the broker running"));
    const auto unknown = Connection::open({"no-such-host.invalid", 9092}, soon());
    ASSERT_FALSE(unknown);
    EXPECT_TRUE(contains(unknown.error().message, "no-such-host.invalid"));
}

TEST(Connection, ASilentBrokerRunsIntoTheDeadline) {
    ScriptedBroker broker({[](Peer& peer) {
        while (peer.receive()) {
        }
    }});
    const auto connection = Connection::open(broker.address(), Clock::now() + 30ms);
    ASSERT_FALSE(connection);
    EXPECT_TRUE(contains(connection.error().message, "in time"));
}

TEST(Connection, WhatIsNotKafkaIsSaidSo) {
    const std::string http = "HTTP/1.1 400 Bad Request\r\n\r\n";
    ScriptedBroker broker({[&](Peer& peer) {
        peer.receive();
        peer.send(std::as_bytes(std::span(http)));
        peer.receive();
    }});
    const auto connection = Connection::open(broker.address(), soon());
    ASSERT_FALSE(connection);
    EXPECT_TRUE(contains(connection.error().message, "no Kafka answer")) << connection.error().message;
}

TEST(Connection, MalformedAnswersAreFailures) {
    const std::vector<std::vector<std::byte>> answers{
        bytes({0xff, 0xff, 0xff, 0xff}),                                       // negative size
        bytes({0x7f, 0xff, 0xff, 0xff}),                                       // 2 GiB
        bytes({0, 0, 0, 0}),                                                   // nothing in it
        bytes({0, 0, 0, 2, 0, 0}),                                             // half a correlation id
        bytes({0, 0, 0, 4, 0, 0, 0, 1}),                                       // no body
        bytes({0, 0, 0, 11, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}),  // 4 G rows
        bytes({0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 5}),                              // four rows, none there
        bytes({0, 0, 0, 20, 0, 0, 0, 1}),                                      // cut off
    };
    for (size_t i = 0; i < answers.size(); ++i) {
        ScriptedBroker broker({[&](Peer& peer) {
            peer.receive();
            peer.send(answers[i]);
        }});
        const auto connection = Connection::open(broker.address(), soon());
        EXPECT_FALSE(connection) << i;
    }
}

TEST(Connection, AnswersOutOfOrderAreFailures) {
    ScriptedBroker broker({[](Peer& peer) {
        auto asked = peer.receive();
        ASSERT_TRUE(asked);
        answer_versions(peer, *asked);
        asked = peer.receive();
        ASSERT_TRUE(asked);
        ++asked->correlation_id;
        peer.answer(*asked, MetadataResponse{});
    }});
    auto connection = Connection::open(broker.address(), soon());
    ASSERT_TRUE(connection);
    const auto reply = connection->call<MetadataResponse>(MetadataRequest{}, soon());
    ASSERT_FALSE(reply);
    EXPECT_TRUE(contains(reply.error().message, "out of order"));
}

TEST(Connection, EveryCutOfAnAnswerIsAFailure) {
    // The frame's size says what was sent, so only its content is cut.
    const int32_t nodes[] = {1, 2, 3};
    const MetadataResponse::Partition partition{.partition_index = 0, .leader_id = 1, .leader_epoch = 5,
                                                .replica_nodes = nodes, .isr_nodes = nodes};
    MetadataResponse::Topic topic;
    topic.name = "games";
    topic.partitions = {&partition, 1};
    const MetadataResponse::Broker node{.node_id = 1, .host = "localhost", .port = 9092};
    MetadataResponse response;
    response.brokers = {&node, 1};
    response.cluster_id = "cluster";
    response.topics = {&topic, 1};
    Arena arena(1 << 20);
    const auto frame = wire::response_frame(arena, 7, response, 12);
    ASSERT_TRUE(frame);
    std::vector<std::byte> whole;
    for (const Fragment& f : *frame) whole.insert(whole.end(), f.data, f.data + f.size);
    whole.erase(whole.begin(), whole.begin() + 4);
    Connection nowhere;
    EXPECT_TRUE(nowhere.decode_reply<MetadataResponse>(whole, 7, 12));
    for (size_t n = 0; n < whole.size(); ++n) {
        const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
        EXPECT_FALSE(nowhere.decode_reply<MetadataResponse>(cut, 7, 12)) << n;
    }
}

}  // namespace
}  // namespace penstock::cli
