// Which leaders a follower listens to.
#include "wire/node/replica_state.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"

namespace penstock::scenario {
namespace {

using wire::node::ReplicaStateRequest;
using wire::node::ReplicaStateResponse;

// A node that claims to lead under a later epoch stops the one that leads: no two are ever followed.
TEST(ReplicaState, whoever_hears_of_a_later_leader_refuses_the_one_before) {
    ReplicaWorld world;
    const Uuid topic = world.make_topic("t", 1, 3);
    ASSERT_TRUE(world.wait_for_in_sync("t", 0, 3));
    const int32_t leader = world.leader("t", 0);
    const uint32_t shard = log::shard_of({topic, 0}, world.options.shards);
    for (int32_t broker = 1; broker <= 3; ++broker) {
        Client& node = world.connect_native(broker, shard, true);
        const auto ask = [&](int32_t epoch) {
            ReplicaStateRequest request;
            request.topic = topic;
            request.partition = 0;
            request.leader_epoch = epoch;
            request.session = 0;
            return ErrorCode{node.ask<ReplicaStateResponse>(request, 0).error};
        };
        EXPECT_EQ(ask(-1), ErrorCode::fenced_leader_epoch);
        EXPECT_EQ(ask(1000), ErrorCode::none);
        EXPECT_EQ(ask(999), ErrorCode::fenced_leader_epoch);
    }
    EXPECT_EQ(produce(world.connect(leader), "t", 0, {"x"}).error_code, ErrorCode::not_leader_or_follower);
}

TEST(ReplicaState, strangers_may_not_ask) {
    ReplicaWorld world({.brokers = 1});
    Client& stranger = world.connect_native(1, 0, false);
    stranger.send(ReplicaStateRequest{}, 0);
    EXPECT_TRUE(stranger.wait_for_close());
    Client& node = world.connect_native(1, 0, true);
    EXPECT_EQ(ErrorCode{node.ask<ReplicaStateResponse>(ReplicaStateRequest{}, 0).error},
              ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace penstock::scenario
