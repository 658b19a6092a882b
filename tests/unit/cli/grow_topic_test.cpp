#include "cli/grow_topic.h"

#include <gtest/gtest.h>

#include "cli/command.h"
#include "scripted_broker.h"
#include "wire/kafka/create_partitions.h"
#include "wire/kafka/metadata.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;
using wire::kafka::CreatePartitionsRequest;
using wire::kafka::CreatePartitionsResponse;
using wire::kafka::MetadataResponse;

/// A broker with one topic that grows when it is told to.
struct GrowingBroker {
    std::atomic<int> partitions = 2, calls = 0, hang_ups_left = 0;
    ScriptedBroker broker{{[this](Peer& peer) { serve(peer); }}};

    void serve(Peer& peer) {
        while (const auto asked = peer.receive()) {
            switch (static_cast<ApiKey>(asked->key)) {
                case ApiKey::api_versions: answer_versions(peer, *asked); break;
                case ApiKey::metadata: metadata(peer, *asked); break;
                case ApiKey::create_partitions:
                    if (!grow(peer, *asked)) return;
                    break;
                default: return;
            }
        }
    }

    void metadata(Peer& peer, const ReceivedRequest& asked) {
        const std::string host = broker.address().host;
        const MetadataResponse::Broker self{.node_id = 1, .host = host, .port = broker.address().port};
        std::vector<MetadataResponse::Partition> all(static_cast<size_t>(partitions));
        for (size_t i = 0; i < all.size(); ++i) {
            all[i].partition_index = static_cast<int32_t>(i);
            all[i].leader_id = 1;
        }
        MetadataResponse::Topic topic;
        topic.name = "games";
        topic.partitions = all;
        MetadataResponse response;
        response.brokers = {&self, 1};
        response.controller_id = 1;
        response.topics = {&topic, 1};
        peer.answer(asked, response);
    }

    bool grow(Peer& peer, const ReceivedRequest& asked) {
        ++calls;
        Arena arena(1 << 20);
        const auto request = peer.decode<CreatePartitionsRequest>(asked, arena);
        EXPECT_FALSE(request.topics[0].assignments.has_value());
        CreatePartitionsResponse::Result result;
        result.name = "games";
        if (request.topics[0].count > partitions) {
            partitions = request.topics[0].count;
        } else {
            result.error_code = ErrorCode::invalid_partitions;
            result.error_message = "it has as many";
        }
        if (hang_ups_left-- > 0) return false;
        CreatePartitionsResponse response;
        response.results = {&result, 1};
        peer.answer(asked, response);
        return true;
    }

    Globals globals() const { return {.bootstrap = {broker.address()}, .json = false, .timeout = 5s}; }
};

TEST(GrowTopic, TellsHowManyThereAreAndWere) {
    GrowingBroker fake;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto grown = grow_topic(client, "games", 5, client.deadline());
    ASSERT_TRUE(grown) << grown.error().message;
    EXPECT_EQ(grown->partitions_before, 2u);
    EXPECT_EQ(grown->topic.partitions.size(), 5u);
    EXPECT_EQ(fake.calls, 1);
}

TEST(GrowTopic, ALostAnswerIsNotARefusal) {
    GrowingBroker fake;
    fake.hang_ups_left = 1;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto grown = grow_topic(client, "games", 5, client.deadline());
    EXPECT_TRUE(grown) << grown.error().message;
    EXPECT_EQ(fake.calls, 2);
}

TEST(GrowTopic, RefusalsCarryTheBrokersWords) {
    GrowingBroker fake;
    const Globals globals = fake.globals();
    Client client(globals);
    const auto grown = grow_topic(client, "games", 2, client.deadline());
    ASSERT_FALSE(grown);
    EXPECT_NE(grown.error().message.find("INVALID_PARTITIONS (37): it has as many"), std::string::npos);
    EXPECT_EQ(fake.calls, 1);
}

TEST(GrowTopic, NeedsANameAndANumber) {
    EXPECT_TRUE(parse_arguments({"topic", "alter", "games", "--partitions", "3"}).has_value());
    EXPECT_FALSE(parse_arguments({"topic", "alter", "games"}).has_value());
    EXPECT_FALSE(parse_arguments({"topic", "alter", "--partitions", "3"}).has_value());
    EXPECT_FALSE(parse_arguments({"topic", "alter", "games", "--partitions", "0"}).has_value());
    EXPECT_FALSE(parse_arguments({"topic", "alter", "games", "--partitions", "many"}).has_value());
}

}  // namespace
}  // namespace penstock::cli
