// What only shows with several shards, each turning at its own pace.
#include "shard/shard.h"

#include <gtest/gtest.h>

#include "scenario/broker_world.h"

namespace penstock::scenario {
namespace {

// A shard that has the view itself would send requests to an owner that does not know its partitions yet, and answer
// that the topic does not exist.
TEST(Shard, lets_nobody_in_before_all_shards_have_the_first_view) {
    BrokerWorld world({.shards = 3});
    world.make_topic("games", 12);
    world.stop_broker();
    world.stop_coordinator();
    world.start_broker();

    std::unique_ptr<shard::Shard> slow = std::move(world.shards[2]);
    world.shards.pop_back();
    world.start_coordinator();
    world.run(5 * second_ns);
    EXPECT_NE(world.shards[1]->view().topic("games"), nullptr);
    EXPECT_FALSE(world.shards[0]->serving());
    EXPECT_FALSE(world.shards[1]->serving());

    world.shards.push_back(std::move(slow));
    world.run(second_ns);
    for (const auto& shard : world.shards) EXPECT_TRUE(shard->serving());
}

}  // namespace
}  // namespace penstock::scenario
