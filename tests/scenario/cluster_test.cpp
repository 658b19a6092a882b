// How the SDK finds its way in a cluster, and what it makes of one that is not there.
#include "client/cluster.h"

#include <gtest/gtest.h>

#include "scenario/sdk_world.h"

namespace penstock::scenario {
namespace {

using client::Purpose;

TEST(Cluster, LearnsTopicsThatAreWatchedAndForgetsOthers) {
    BrokerWorld world;
    world.make_topic("t", 3);
    SdkClient sdk(world);
    EXPECT_EQ(sdk.cluster->find("t"), nullptr);
    sdk.cluster->watch("t", false);
    sdk.cluster->watch("nowhere", false);
    ASSERT_TRUE(world.run_until([&] { return sdk.cluster->find("t") != nullptr && sdk.cluster->find("nowhere"); }));
    EXPECT_EQ(sdk.cluster->find("t")->partitions.size(), 3u);
    for (const auto& place : sdk.cluster->find("t")->partitions) EXPECT_GE(place.leader, 0);
    EXPECT_EQ(sdk.cluster->find("nowhere")->error, PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION);
    sdk.cluster->watch("t", false);
    sdk.cluster->unwatch("t");
    EXPECT_NE(sdk.cluster->find("t"), nullptr);
    sdk.cluster->unwatch("t");
    EXPECT_EQ(sdk.cluster->find("t"), nullptr);
    sdk.cluster->unwatch("nowhere");
}

TEST(Cluster, OldKnowledgeThatIsAskedForAnewKeepsNoCoreBusy) {
    BrokerWorld world;
    world.make_topic("t");
    SdkClient sdk(world);
    sdk.cluster->watch("t", false);
    ASSERT_TRUE(world.run_until([&] { return sdk.cluster->find("t") != nullptr; }));
    const uint64_t revision = sdk.cluster->revision();
    world.run(295 * second_ns);
    world.network.set_cut("broker", "sdk", true);
    world.datagrams.set_cut("broker", "sdk", true);
    Turns turns;
    world.participants.push_back(&turns);
    world.run_until([&] { return turns.count > 200'000; }, 20 * second_ns);
    EXPECT_LT(turns.count, 200'000u);
    EXPECT_EQ(sdk.cluster->revision(), revision);
    std::erase(world.participants, &turns);
    world.network.set_cut("broker", "sdk", false);
    world.datagrams.set_cut("broker", "sdk", false);
    EXPECT_TRUE(world.run_until([&] { return sdk.cluster->revision() > revision; }));
    sdk.cluster->unwatch("t");
}

// Its answers take longer than a broker that is near may be silent.
TEST(Cluster, ABrokerThatIsFarAwayIsUnderstoodAndNotAskedForEver) {
    BrokerWorldOptions far;
    far.road = io::Road::tcp;
    far.network.delay_ns_min = 150 * millisecond_ns;
    far.network.delay_ns_max = 160 * millisecond_ns;
    BrokerWorld world(far);
    world.make_topic("t");
    SdkClient sdk(world);
    sdk.cluster->watch("t", false);
    ASSERT_TRUE(world.run_until([&] { return sdk.cluster->find("t") != nullptr; }));
    world.run(10 * second_ns);
    const uint64_t revision = sdk.cluster->revision();
    world.run(60 * second_ns);
    EXPECT_EQ(sdk.cluster->revision(), revision) << "nothing is wrong";
    sdk.cluster->unwatch("t");
}

TEST(Cluster, EachPurposeHasAConnectionOfItsOwn) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    sdk.cluster->watch("t", false);
    ASSERT_TRUE(world.run_until([&] { return sdk.cluster->find("t") != nullptr; }));
    const client::PartitionPlace place = sdk.cluster->find("t")->partitions[0];
    client::Connection* produce = nullptr;
    client::Connection* fetch = nullptr;
    ASSERT_TRUE(world.run_until([&] {
        produce = sdk.cluster->leader(place, Purpose::produce);
        fetch = sdk.cluster->leader(place, Purpose::fetch);
        return produce != nullptr && fetch != nullptr;
    }));
    EXPECT_NE(produce, fetch);
    EXPECT_EQ(sdk.cluster->leader(place, Purpose::produce), produce);
    EXPECT_TRUE(produce->version_of(client::ApiKey::produce).has_value());
    sdk.cluster->unwatch("t");
}

TEST(Cluster, ABrokerThatIsNotThereCostsLittleAndIsNamed) {
    BrokerWorld world;
    SdkClient sdk(world);
    world.stop_broker();
    sdk.cluster->watch("t", false);
    int turns = 0;
    world.run_until([&] { ++turns; return false; }, 60 * second_ns);
    EXPECT_LT(turns, 60'000);
    EXPECT_NE(sdk.cluster->failure().code, PENSTOCK_OK);
    EXPECT_NE(sdk.cluster->failure().detail.find("broker:"), std::string::npos) << sdk.cluster->failure().detail;
    world.start_broker();
    ASSERT_TRUE(world.run_until([&] { return sdk.cluster->find("t") != nullptr; }));
    sdk.cluster->unwatch("t");
}

}  // namespace
}  // namespace penstock::scenario
