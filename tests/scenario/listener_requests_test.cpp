// The life of requests: src/broker/listener_requests.cpp.
#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"
#include "wire/kafka/api_versions.h"
#include "wire/kafka/metadata.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ProduceResponse;

uint32_t requests(const BrokerWorld& world) {
    uint32_t sum = 0;
    for (const auto& shard : world.shards) sum += shard->listener().requests_in_use();
    return sum;
}

TEST(Requests, are_finished_for_nobody_when_their_client_has_gone) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 9);
    world.directory->stall_until(world.clock.now() + 2 * second_ns);
    for (int32_t partition = 0; partition < 9; ++partition) {
        Client& client = world.connect();
        ProduceCall("t", partition, make_batch({"kept"})).send(client);
        world.run(2 * millisecond_ns);
        world.clients.clear();  // reset: an end alone would not say that it has gone
    }
    world.run(10 * millisecond_ns);
    EXPECT_EQ(requests(world), 0u) << "nobody waits for the disk on their behalf";
    world.run(5 * second_ns);
    // What the owner had taken is in the log; the broker goes on.
    for (int32_t partition = 0; partition < 9; ++partition)
        EXPECT_EQ(produce(world.connect(), "t", partition, {"next"}).error_code, ErrorCode::none);
}

TEST(Requests, wait_for_each_other_unless_they_are_produces) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    // A long poll, and behind it a request that could be answered at once.
    const int32_t poll = FetchCall({{"t", 0, 0}}, {.max_wait_ms = 800}).send(client);
    const int32_t behind = client.send(wire::kafka::ApiVersionsRequest{}, 0);
    world.run(500 * millisecond_ns);
    EXPECT_FALSE(client.has_frame());
    client.receive<wire::kafka::FetchResponse>(poll, 12);
    client.receive<wire::kafka::ApiVersionsResponse>(behind, 0);

    // A Metadata behind a Produce sees nothing before the Produce is answered, and is answered after it.
    const int32_t first = ProduceCall("t", 0, make_batch({"x"})).send(client);
    const int32_t second = client.send(wire::kafka::MetadataRequest{}, 9);
    EXPECT_EQ(only(client.receive<ProduceResponse>(first, 9)).error_code, ErrorCode::none);
    EXPECT_EQ(client.receive<wire::kafka::MetadataResponse>(second, 9).topics.size(), 1u);
}

TEST(Requests, of_one_connection_are_durable_together) {
    BrokerWorld world({.shards = 1});
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"warm"});
    world.run(second_ns);
    const uint64_t commits = world.shards[0]->store().counters().commits;
    std::vector<int32_t> sent;
    for (int i = 0; i < 50; ++i) sent.push_back(ProduceCall("t", 0, make_batch({"x"})).send(client));
    for (const int32_t id : sent) client.receive<ProduceResponse>(id, 9);
    EXPECT_LT(world.shards[0]->store().counters().commits - commits, 20u) << "they do not share commits";
}

}  // namespace
}  // namespace penstock::scenario
