#include "cli/sender.h"

#include <gtest/gtest.h>

#include "mock_cluster.h"
#include "scripted_broker.h"
#include "wire/kafka/init_producer_id.h"
#include "wire/kafka/metadata.h"
#include "wire/kafka/produce.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

/// A sender with its client.
struct Sending {
    Sending(const Globals& globals, SenderOptions options)
        : client(std::move(*SdkClient::create(globals))),
          sender(std::move(*Sender::create(client, std::move(options)))) {}

    void add(int32_t partition, int count) {
        for (int i = 0; i < count; ++i) {
            const std::string value = std::to_string(i);
            while (!sender.add(partition, "key", value, {})) turn();
        }
    }
    void turn() {
        if (sender.step()) return;
        std::vector<pollfd> none;
        ASSERT_TRUE(client.wait(none, Clock::now() + 10s));
    }
    void run() {
        sender.finish();
        while (!sender.idle()) turn();
    }

    SdkClient client;
    Sender sender;
};

TEST(Sender, RealClientsReadWhatItWrites) {
    MockCluster cluster(3);
    for (const auto codec : {PENSTOCK_COMPRESSION_NONE, PENSTOCK_COMPRESSION_GZIP, PENSTOCK_COMPRESSION_SNAPPY,
                             PENSTOCK_COMPRESSION_LZ4, PENSTOCK_COMPRESSION_ZSTD}) {
        const std::string topic = "t" + std::to_string(static_cast<int>(codec));
        cluster.create_topic(topic, 3);
        for (int32_t p = 0; p < 3; ++p) cluster.set_leader(topic, p, p + 1);
        Sending sending(cluster.globals(), {.topic = topic, .compression = codec, .batch_bytes = 2000});
        for (int32_t p = 0; p < 3; ++p) sending.add(p, 500);
        sending.run();
        EXPECT_EQ(sending.sender.report().delivered, 1500u);
        EXPECT_EQ(sending.sender.report().failed, 0u);
        for (int32_t p = 0; p < 3; ++p) {
            const auto records = cluster.consume(topic, p, 500);
            ASSERT_EQ(records.size(), 500u) << topic << "/" << p;
            for (int i = 0; i < 500; ++i) {
                ASSERT_EQ(records[static_cast<size_t>(i)].value, std::to_string(i));
                ASSERT_EQ(records[static_cast<size_t>(i)].offset, i);
            }
        }
    }
}

// In one batch: the mock does not look at sequence numbers, so it would write again what came behind a refused one.
TEST(Sender, WhatPassesIsTriedAgain) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.fail_next(ApiKey::produce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT});
    Sending sending(cluster.globals(), {.topic = "games"});
    sending.add(0, 300);
    sending.run();
    EXPECT_EQ(sending.sender.report().delivered, 300u);
    EXPECT_GE(sending.sender.report().retried_batches, 3u);
    const auto records = cluster.consume("games", 0, 300);
    ASSERT_EQ(records.size(), 300u);
    for (int i = 0; i < 300; ++i) ASSERT_EQ(records[static_cast<size_t>(i)].value, std::to_string(i));
}

TEST(Sender, FinalErrorsAreCountedByReason) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.fail_next(ApiKey::produce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    Sending sending(cluster.globals(), {.topic = "games", .batch_bytes = 1});
    const std::string large(100, 'x');   // each a batch of its own
    for (int i = 0; i < 3; ++i) {
        while (!sending.sender.add(0, "key", large, {})) sending.turn();
    }
    sending.run();
    EXPECT_EQ(sending.sender.report().failed, 1u);
    EXPECT_EQ(sending.sender.report().delivered, 2u);
    ASSERT_EQ(sending.sender.report().failures.size(), 1u);
    EXPECT_NE(sending.sender.report().failures.begin()->first.find("MESSAGE_TOO_LARGE (10)"), std::string::npos);
}

TEST(Sender, GivesUpAfterTheDeliveryTimeout) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.fail_next(ApiKey::produce, std::vector(1000, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS));
    Sending sending(cluster.globals(), {.topic = "games", .delivery_timeout = 100ms});
    sending.add(0, 5);
    sending.run();
    EXPECT_EQ(sending.sender.report().failed, 5u);
    EXPECT_NE(sending.sender.report().failures.begin()->first.find("NOT_ENOUGH_REPLICAS (19)"), std::string::npos)
        << sending.sender.report().failures.begin()->first;
}

TEST(Sender, TheEndOfTheInputEndsLingering) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    Sending sending(cluster.globals(), {.topic = "games", .linger = 1h});
    sending.add(0, 5);
    sending.run();
    EXPECT_EQ(sending.sender.report().delivered, 5u);
}

TEST(Sender, WithoutAcksWhatIsSentCounts) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    Sending sending(cluster.globals(), {.topic = "games", .acks = 0});
    sending.add(0, 10);
    sending.run();
    EXPECT_EQ(sending.sender.report().delivered, 10u);
    EXPECT_EQ(cluster.consume("games", 0, 10).size(), 10u);
}

/// A broker whose Produce answers are what `answer` makes of them.
ScriptedBroker odd_broker(std::function<void(Peer&, const ReceivedRequest&)> answer, const uint16_t& port) {
    return ScriptedBroker({[answer, &port](Peer& peer) {
        while (const auto asked = peer.receive()) {
            if (asked->key == static_cast<int16_t>(ApiKey::api_versions)) answer_versions(peer, *asked);
            if (asked->key == static_cast<int16_t>(ApiKey::produce)) answer(peer, *asked);
            if (asked->key == static_cast<int16_t>(ApiKey::init_producer_id)) {
                peer.answer(*asked, wire::kafka::InitProducerIdResponse{.producer_id = 7, .producer_epoch = 0});
            }
            if (asked->key != static_cast<int16_t>(ApiKey::metadata)) continue;
            const wire::kafka::MetadataResponse::Broker self{.node_id = 1, .host = "127.0.0.1", .port = port};
            const wire::kafka::MetadataResponse::Partition partition{.partition_index = 0, .leader_id = 1};
            wire::kafka::MetadataResponse::Topic topic;
            topic.name = "games";
            topic.partitions = {&partition, 1};
            wire::kafka::MetadataResponse response;
            response.brokers = {&self, 1};
            response.topics = {&topic, 1};
            peer.answer(*asked, response);
        }
    }});
}

TEST(Sender, OddAnswersAreFailuresNotCrashes) {
    using wire::kafka::ProduceResponse;
    const std::vector<std::function<void(Peer&, const ReceivedRequest&)>> answers{
        [](Peer& peer, const ReceivedRequest& asked) { peer.answer(asked, ProduceResponse{}); },  // no partition in it
        [](Peer& peer, const ReceivedRequest& asked) {                                            // another partition
            const ProduceResponse::Partition partition{.index = 77};
            ProduceResponse::Topic topic;
            topic.name = "games";
            topic.partitions = {&partition, 1};
            ProduceResponse response;
            response.topics = {&topic, 1};
            peer.answer(asked, response);
        },
        [](Peer& peer, const ReceivedRequest& asked) {                                            // not an answer
            const std::byte junk[] = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{7}};
            static_cast<void>(asked);
            peer.send(junk);
        },
    };
    for (const auto& answer : answers) {
        uint16_t port = 0;
        ScriptedBroker broker = odd_broker(answer, port);
        port = broker.address().port;
        const Globals globals{.bootstrap = {broker.address()}, .json = false, .timeout = 2s};
        Sending sending(globals, {.topic = "games", .delivery_timeout = 60ms});
        sending.add(0, 2);
        sending.run();
        EXPECT_EQ(sending.sender.report().failed, 2u);
    }
}

}  // namespace
}  // namespace penstock::cli
