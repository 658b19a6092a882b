#include "cli/producer.h"

#include <gtest/gtest.h>

#include "cli/partition_choice.h"
#include "mock_cluster.h"
#include "scripted_broker.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

void run(Producer& producer) {
    producer.finish();
    while (!producer.idle()) {
        std::vector<pollfd> waits;
        producer.append_waits(waits);
        ASSERT_TRUE(wait_for_any(waits, std::min(producer.next_deadline(), Clock::now() + 10s)));
        ASSERT_TRUE(producer.step());
    }
}

void add(Producer& producer, int32_t partition, int count) {
    for (int i = 0; i < count; ++i) {
        const std::string value = std::to_string(i);
        producer.add(partition, 1000, bytes_of("key"), bytes_of(value), {});
    }
}

TEST(Producer, RealClientsReadWhatItWrites) {
    MockCluster cluster(3);
    for (const auto codec : {wire::Codec::none, wire::Codec::gzip, wire::Codec::snappy, wire::Codec::lz4,
                             wire::Codec::zstd}) {
        const std::string topic = "t" + std::to_string(static_cast<int>(codec));
        cluster.create_topic(topic, 3);
        for (int32_t p = 0; p < 3; ++p) cluster.set_leader(topic, p, p + 1);
        const Globals globals = cluster.globals();
        Client client(globals);
        Producer producer(client, {.topic = topic, .codec = codec, .batch_bytes = 2000});
        ASSERT_TRUE(producer.open(IfAbsent::refuse));
        for (int32_t p = 0; p < 3; ++p) add(producer, p, 500);
        run(producer);
        EXPECT_EQ(producer.report().delivered, 1500u);
        EXPECT_EQ(producer.report().failed, 0u);
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

TEST(Producer, RetriableErrorsKeepTheOrder) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.fail_next(ApiKey::produce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NO_ERROR,
                                        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT});
    const Globals globals = cluster.globals();
    Client client(globals);
    Producer producer(client, {.topic = "games", .batch_bytes = 500});
    ASSERT_TRUE(producer.open(IfAbsent::refuse));
    add(producer, 0, 300);
    run(producer);
    EXPECT_EQ(producer.report().delivered, 300u);
    EXPECT_GE(producer.report().retried_batches, 3u);
    const auto records = cluster.consume("games", 0, 300);
    ASSERT_EQ(records.size(), 300u);
    for (int i = 0; i < 300; ++i) ASSERT_EQ(records[static_cast<size_t>(i)].value, std::to_string(i));
}

TEST(Producer, FinalErrorsAreCountedByReason) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.fail_next(ApiKey::produce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    const Globals globals = cluster.globals();
    Client client(globals);
    Producer producer(client, {.topic = "games", .batch_bytes = 1});  // a batch for each record
    ASSERT_TRUE(producer.open(IfAbsent::refuse));
    add(producer, 0, 3);
    run(producer);
    EXPECT_EQ(producer.report().failed, 1u);
    EXPECT_EQ(producer.report().delivered, 2u);
    ASSERT_EQ(producer.report().failures.size(), 1u);
    EXPECT_NE(producer.report().failures.begin()->first.find("MESSAGE_TOO_LARGE (10)"), std::string::npos);
}

TEST(Producer, GivesUpAfterTheDeliveryTimeout) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    cluster.fail_next(ApiKey::produce, std::vector(1000, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS));
    const Globals globals = cluster.globals();
    Client client(globals);
    Producer producer(client, {.topic = "games", .delivery_timeout = 100ms});
    ASSERT_TRUE(producer.open(IfAbsent::refuse));
    add(producer, 0, 5);
    run(producer);
    EXPECT_EQ(producer.report().failed, 5u);
    EXPECT_NE(producer.report().failures.begin()->first.find("NOT_ENOUGH_REPLICAS (19)"), std::string::npos);
}

TEST(Producer, TheEndOfTheInputEndsLingering) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    const Globals globals = cluster.globals();
    Client client(globals);
    Producer producer(client, {.topic = "games", .linger = 1h});
    ASSERT_TRUE(producer.open(IfAbsent::refuse));
    add(producer, 0, 5);
    EXPECT_GT(producer.next_deadline(), Clock::now() + 30min);
    run(producer);
    EXPECT_EQ(producer.report().delivered, 5u);
}

TEST(Producer, WithoutAcksWhatIsSentCounts) {
    MockCluster cluster(1);
    cluster.create_topic("games", 1);
    const Globals globals = cluster.globals();
    Client client(globals);
    Producer producer(client, {.topic = "games", .acks = 0});
    ASSERT_TRUE(producer.open(IfAbsent::refuse));
    add(producer, 0, 10);
    run(producer);
    EXPECT_EQ(producer.report().delivered, 10u);
    EXPECT_EQ(cluster.consume("games", 0, 10).size(), 10u);
}

/// A broker whose Produce answers are what `answer` makes of them.
ScriptedBroker odd_broker(std::function<void(Peer&, const ReceivedRequest&)> answer, const uint16_t& port) {
    return ScriptedBroker({[answer, &port](Peer& peer) {
        while (const auto asked = peer.receive()) {
            if (asked->key == static_cast<int16_t>(ApiKey::api_versions)) answer_versions(peer, *asked);
            if (asked->key == static_cast<int16_t>(ApiKey::produce)) answer(peer, *asked);
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

TEST(Producer, OddAnswersAreFailuresNotCrashes) {
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
        Client client(globals);
        Producer producer(client, {.topic = "games", .delivery_timeout = 60ms});
        ASSERT_TRUE(producer.open(IfAbsent::refuse));
        add(producer, 0, 2);
        run(producer);
        EXPECT_EQ(producer.report().failed, 2u);
    }
}

}  // namespace
}  // namespace penstock::cli
