#include "wire/kafka/init_producer_id.h"

#include <gtest/gtest.h>

#include <set>

#include "limits.h"
#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::InitProducerIdRequest;
using wire::kafka::InitProducerIdResponse;

InitProducerIdResponse init(Client& client, const InitProducerIdRequest& request = {}, int16_t version = 5) {
    return client.ask<InitProducerIdResponse>(request, version);
}

TEST(InitProducerId, gives_a_fresh_id_in_every_version_and_on_every_shard) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t");
    std::set<int64_t> ids;
    for (int i = 0; i < 12; ++i) {
        Client& client = world.connect();
        for (int16_t version = 0; version <= 5; ++version) {
            const InitProducerIdResponse answer = init(client, {}, version);
            EXPECT_EQ(answer.error_code, ErrorCode::none);
            EXPECT_EQ(answer.producer_epoch, 0);
            EXPECT_GE(answer.producer_id, 0);
            EXPECT_TRUE(ids.insert(answer.producer_id).second);
        }
    }
    world.run_until_acknowledged();
    for (const auto& shard : world.shards) EXPECT_EQ(shard->listener().requests_in_use(), 0u);
}

TEST(InitProducerId, gives_a_producer_that_has_an_id_another_one) {
    BrokerWorld world;
    Client& client = world.connect();
    const int64_t first = init(client).producer_id;
    const InitProducerIdResponse again = init(client, {.producer_id = first, .producer_epoch = 0}, 3);
    EXPECT_EQ(again.error_code, ErrorCode::none);
    EXPECT_NE(again.producer_id, first);
    EXPECT_EQ(again.producer_epoch, 0);
    EXPECT_EQ(init(client, {.producer_id = first}).error_code, ErrorCode::invalid_request);
    EXPECT_EQ(init(client, {.producer_epoch = 0}).error_code, ErrorCode::invalid_request);
}

TEST(InitProducerId, refuses_transactional_ids_for_good) {
    BrokerWorld world;
    Client& client = world.connect();
    const InitProducerIdResponse empty = init(client, {.transactional_id = ""});
    EXPECT_EQ(empty.error_code, ErrorCode::invalid_request);
    EXPECT_EQ(empty.producer_id, -1);
    EXPECT_EQ(empty.producer_epoch, -1);
    for (int16_t version = 0; version <= 5; ++version) {
        EXPECT_EQ(init(client, {.transactional_id = "tx"}, version).error_code,
                  ErrorCode::transactional_id_authorization_failed);
    }
}

TEST(InitProducerId, never_gives_an_id_twice_whoever_restarts) {
    BrokerWorld world;
    world.make_topic("t");
    std::set<int64_t> ids;
    const auto take = [&](int count) {
        Client& client = world.connect();
        for (int i = 0; i < count; ++i) {
            const InitProducerIdResponse answer = init(client);
            ASSERT_EQ(answer.error_code, ErrorCode::none) << i;
            ASSERT_TRUE(ids.insert(answer.producer_id).second) << answer.producer_id;
        }
    };
    take(3 * limits::producer_id_block);  // more than the blocks at hand
    for (int round = 0; round < 3; ++round) {
        world.stop_coordinator();
        world.start_coordinator();
        world.run(3 * second_ns);
        take(limits::producer_id_block);
        if (round == 0) world.stop_broker();
        else world.crash_broker(static_cast<uint64_t>(round));
        world.start_broker();
        world.run(3 * second_ns);
        take(5);
    }
}

TEST(InitProducerId, tells_clients_to_come_back_while_the_coordinator_is_away) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(second_ns);
    Client& client = world.connect();
    int given = 0;
    InitProducerIdResponse answer;
    while ((answer = init(client)).error_code == ErrorCode::none) ++given;
    EXPECT_EQ(given, limits::producer_id_block) << "what is at hand is good without the coordinator";
    EXPECT_EQ(answer.error_code, ErrorCode::coordinator_load_in_progress);
    EXPECT_EQ(answer.producer_id, -1);
    world.start_coordinator();
    ASSERT_TRUE(world.run_until([&] { return init(client).error_code == ErrorCode::none; }));
}

}  // namespace
}  // namespace penstock::scenario
