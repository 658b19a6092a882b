#include "cli/client.h"

#include <gtest/gtest.h>

#include "cli/create_topic.h"
#include "cli/offsets.h"
#include "contains.h"
#include "scripted_broker.h"
#include "wire/kafka/create_topics.h"
#include "wire/kafka/list_offsets.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;
using wire::kafka::CreateTopicsResponse;
using wire::kafka::ListOffsetsResponse;
using wire::kafka::MetadataRequest;
using wire::kafka::MetadataResponse;

/// A broker that knows one topic and counts what it is asked; the tests change what it says.
struct FakeBroker {
    std::atomic<int> metadata_calls = 0, create_calls = 0, offsets_calls = 0;
    std::atomic<ErrorCode> topic_error = ErrorCode::none;
    std::atomic<int> errors_left = 0;              ///< so many times topic_error is answered
    std::atomic<int> leaderless_left = 0;
    std::atomic<int> hang_up_after_create = 0;
    std::atomic<ErrorCode> create_error = ErrorCode::none;
    std::atomic<ErrorCode> offsets_error = ErrorCode::none;
    ScriptedBroker broker{{[this](Peer& peer) { serve(peer); }}};

    void serve(Peer& peer) {
        while (const auto asked = peer.receive()) {
            switch (static_cast<ApiKey>(asked->key)) {
                case ApiKey::api_versions: answer_versions(peer, *asked); break;
                case ApiKey::metadata: metadata(peer, *asked); break;
                case ApiKey::create_topics:
                    ++create_calls;
                    if (hang_up_after_create-- > 0) return;
                    create(peer, *asked);
                    break;
                case ApiKey::list_offsets: offsets(peer, *asked); break;
                default: return;
            }
        }
    }

    void metadata(Peer& peer, const ReceivedRequest& asked) {
        ++metadata_calls;
        Arena arena(1 << 20);
        const auto request = peer.decode<MetadataRequest>(asked, arena);
        const int32_t node = 1;
        const std::string host = broker.address().host;
        const MetadataResponse::Broker self{.node_id = 1, .host = host, .port = broker.address().port};
        MetadataResponse::Partition partition{.partition_index = 0, .leader_id = 1, .leader_epoch = 0,
                                              .replica_nodes = {&node, 1}, .isr_nodes = {&node, 1}};
        if (leaderless_left-- > 0) partition.leader_id = -1;
        MetadataResponse::Topic topic;
        topic.name = "games";
        topic.partitions = {&partition, 1};
        if (request.topics) {
            const std::string_view name = request.topics->front().name.value_or("");
            if (name != "games") {
                topic.name = name;
                topic.error_code = ErrorCode::unknown_topic_or_partition;
                topic.partitions = {};
            } else if (errors_left-- > 0) {
                topic.error_code = topic_error;
            }
        }
        MetadataResponse response;
        response.brokers = {&self, 1};
        response.controller_id = 1;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }

    void create(Peer& peer, const ReceivedRequest& asked) {
        CreateTopicsResponse::Topic topic;
        topic.name = "games";
        topic.error_code = create_error;
        topic.error_message = "because \x1b[31m";
        CreateTopicsResponse response;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }

    void offsets(Peer& peer, const ReceivedRequest& asked) {
        ++offsets_calls;
        const ListOffsetsResponse::Partition partition{.partition_index = 0, .error_code = offsets_error, .offset = 42};
        ListOffsetsResponse::Topic topic;
        topic.name = "games";
        topic.partitions = {&partition, 1};
        ListOffsetsResponse response;
        response.topics = {&topic, 1};
        offsets_error = ErrorCode::none;
        peer.answer(asked, response);
    }

    Globals globals(Duration timeout = 5s) const {
        return {.bootstrap = {broker.address()}, .json = false, .timeout = timeout};
    }
};

TEST(Client, DescribesTheCluster) {
    FakeBroker fake;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto cluster = client.describe(client.deadline());
    ASSERT_TRUE(cluster) << cluster.error().message;
    ASSERT_EQ(cluster->brokers.size(), 1u);
    EXPECT_EQ(cluster->brokers[0].address, fake.broker.address());
    ASSERT_NE(cluster->find("games"), nullptr);
    EXPECT_EQ(cluster->find("nothing"), nullptr);
}

TEST(Client, TriesTheNextBootstrapAddress) {
    FakeBroker fake;
    Globals globals = fake.globals();
    globals.bootstrap.insert(globals.bootstrap.begin(), Address{"127.0.0.1", closed_port()});
    Client client(globals);
    EXPECT_TRUE(client.describe(client.deadline()));
}

TEST(Client, UnreachableFailsAtOnceAndNamesAll) {
    Globals globals{.bootstrap = {{"127.0.0.1", closed_port()}, {"127.0.0.1", closed_port()}}, .timeout = 60s};
    Client client(globals);
    const auto begun = Clock::now();
    const auto cluster = client.describe(client.deadline());
    ASSERT_FALSE(cluster);
    EXPECT_LT(Clock::now() - begun, 30s);
    for (const Address& address : globals.bootstrap) EXPECT_TRUE(contains(cluster.error().message, address.text()));
}

TEST(Client, WaitsForALeader) {
    FakeBroker fake;
    fake.leaderless_left = 2;
    const Globals globals = fake.globals();
    Client client(globals);
    EXPECT_TRUE(client.topic("games", IfAbsent::refuse, client.deadline()));
    EXPECT_EQ(fake.metadata_calls, 3);
}

TEST(Client, TriesAgainOnRetriableErrorsOnly) {
    FakeBroker fake;
    fake.topic_error = ErrorCode::leader_not_available;
    fake.errors_left = 2;
    const Globals globals = fake.globals();
    Client client(globals);
    EXPECT_TRUE(client.topic("games", IfAbsent::refuse, client.deadline()));
    fake.topic_error = ErrorCode::topic_authorization_failed;
    fake.errors_left = 1;
    fake.metadata_calls = 0;
    const auto denied = client.topic("games", IfAbsent::refuse, client.deadline());
    ASSERT_FALSE(denied);
    EXPECT_TRUE(contains(denied.error().message, "TOPIC_AUTHORIZATION_FAILED (29)"));
    EXPECT_EQ(fake.metadata_calls, 1);
}

TEST(Client, GivesUpAtTheDeadline) {
    FakeBroker fake;
    fake.topic_error = ErrorCode::leader_not_available;
    fake.errors_left = 1'000'000;
    const Globals globals = fake.globals(200ms);
    Client client(globals);
    EXPECT_FALSE(client.topic("games", IfAbsent::refuse, client.deadline()));
    EXPECT_GE(fake.metadata_calls, 1);
    EXPECT_LT(fake.metadata_calls, 10);  // it pauses longer and longer
}

TEST(Client, UnknownTopicsGetASuggestion) {
    FakeBroker fake;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto near = client.topic("gmaes", IfAbsent::refuse, client.deadline());
    ASSERT_FALSE(near);
    EXPECT_EQ(near.error().message, "there is no topic 'gmaes'");
    EXPECT_EQ(near.error().hint, "Did you mean 'games'?");
    const auto far = client.topic("zzzzzzz", IfAbsent::refuse, client.deadline());
    ASSERT_FALSE(far);
    EXPECT_TRUE(contains(far.error().hint, "penstock topic create zzzzzzz"));
}

TEST(CreateTopic, ALostAnswerFollowedByExistsIsASuccess) {
    FakeBroker fake;
    fake.hang_up_after_create = 1;
    fake.create_error = ErrorCode::topic_already_exists;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto created = create_topic(client, {.name = "games", .configs = {}}, client.deadline());
    EXPECT_TRUE(created) << created.error().message;
    EXPECT_EQ(fake.create_calls, 2);
}

TEST(CreateTopic, RefusalsCarryTheBrokersWords) {
    FakeBroker fake;
    fake.create_error = ErrorCode::invalid_replication_factor;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto created = create_topic(client, {.name = "games", .configs = {}}, client.deadline());
    ASSERT_FALSE(created);
    EXPECT_TRUE(contains(created.error().message, "INVALID_REPLICATION_FACTOR (38): because ?[31m"));
    EXPECT_TRUE(contains(created.error().hint, "--replication-factor"));
    fake.create_error = ErrorCode::topic_already_exists;
    EXPECT_FALSE(create_topic(client, {.name = "games", .configs = {}}, client.deadline()));
    EXPECT_TRUE(create_topic(client, {.name = "games", .configs = {}, .if_not_exists = true}, client.deadline()));
}

TEST(ListOffsets, AsksAgainAfterALeaderMoved) {
    FakeBroker fake;
    fake.offsets_error = ErrorCode::not_leader_or_follower;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto found = list_offsets(client, "games", {0}, wire::kafka::latest_timestamp, client.deadline());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->at(0), 42);
    EXPECT_EQ(fake.offsets_calls, 2);
    EXPECT_FALSE(list_offsets(client, "games", {7}, wire::kafka::latest_timestamp, client.deadline()));
}

}  // namespace
}  // namespace penstock::cli
