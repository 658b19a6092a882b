// Consumer groups of the SDK against a whole broker.
#include "client/group.h"

#include <gtest/gtest.h>

#include <set>

#include "scenario/consumer_calls.h"
#include "wire/kafka/create_partitions.h"

namespace penstock::scenario {
namespace {

using client::Consumer;
using client::ConsumerOptions;
using client::Producer;

TEST(ConsumerGroup, MembersShareAndGoOnWhereOthersStopped) {
    BrokerWorld world;
    world.make_topic("t", 4);
    SdkClient first(world, "first"), second(world, "second"), writer(world, "writer");
    fill(world, writer, "t", 100);
    auto one = std::make_unique<Consumer>(*first.cluster, in_group("g"));
    ASSERT_EQ(one->subscribe({"t"}), PENSTOCK_OK);
    Seen seen_one, seen_two;
    ASSERT_TRUE(world.run_until([&] { seen_one.take(*one); return seen_one.total >= 100; }));
    EXPECT_EQ(one->positions().size(), 4u);

    auto two = std::make_unique<Consumer>(*second.cluster, in_group("g"));
    ASSERT_EQ(two->subscribe({"t"}), PENSTOCK_OK);
    ASSERT_TRUE(world.run_until([&] { return two->positions().size() == 2 && one->positions().size() == 2; }));
    fill(world, writer, "t", 100, 100);
    ASSERT_TRUE(world.run_until([&] {
        seen_one.take(*one);
        seen_two.take(*two);
        return seen_one.total + seen_two.total >= 200;
    }));
    EXPECT_EQ(seen_one.total, 150u);   // what was released was committed before the partitions changed hands
    EXPECT_EQ(seen_two.total, 50u);

    one->leave();
    ASSERT_TRUE(world.run_until([&] { return one->left(); }));
    one.reset();
    ASSERT_TRUE(world.run_until([&] { return two->positions().size() == 4; }));
    fill(world, writer, "t", 40, 200);
    ASSERT_TRUE(world.run_until([&] { seen_two.take(*two); return seen_two.total >= 90; }));
    world.run(second_ns);
    seen_two.take(*two);
    EXPECT_EQ(seen_two.total, 90u);
}

TEST(ConsumerGroup, SurvivesACrashOfTheBroker) {
    for (uint64_t seed = 1; seed <= 6; ++seed) {
        SCOPED_TRACE(seed);
        BrokerWorld world({.seed = seed});
        world.make_topic("t", 2);
        SdkClient sdk(world), writer(world, "writer");
        ConsumerOptions options = in_group("g");
        options.commit_interval_ns = 100 * millisecond_ns;
        Consumer consumer(*sdk.cluster, options);
        ASSERT_EQ(consumer.subscribe({"t"}), PENSTOCK_OK);
        Seen seen;
        for (int round = 0; round < 3; ++round) {
            fill(world, writer, "t", 50, round * 50);
            ASSERT_TRUE(world.run_until([&] {
                seen.take(consumer);
                return seen.next[{"t", 0}] == 25 * (round + 1) && seen.next[{"t", 1}] == 25 * (round + 1);
            })) << sdk.cluster->failure().detail;
            world.run(static_cast<int64_t>(Random(seed).next() % (300 * millisecond_ns)));
            world.crash_broker(seed);
            world.start_broker();
        }
        EXPECT_LE(seen.total, 450u);
    }
}

TEST(ConsumerGroup, AHeartbeatThatIsDueInAPauseKeepsNoCoreBusy) {
    BrokerWorld world;
    world.make_topic("t");
    SdkClient sdk(world), writer(world, "writer");
    ConsumerOptions options = in_group("g");
    options.commit_interval_ns = 0;
    options.group->heartbeat_interval_ms = 10;
    Consumer consumer(*sdk.cluster, options);
    ASSERT_EQ(consumer.subscribe({"t"}), PENSTOCK_OK);
    fill(world, writer, "t", 1);
    Seen seen;
    ASSERT_TRUE(world.run_until([&] { return seen.take(consumer), seen.total == 1; }));
    // The commit is given up, and with it the heartbeats that wait behind it.
    world.directory->stall_until(world.directory->now() + 40 * second_ns);
    consumer.commit();
    Turns turns;
    world.participants.push_back(&turns);
    world.run_until([&] { return turns.count > 200'000; }, 35 * second_ns);
    EXPECT_LT(turns.count, 200'000u);
    EXPECT_NE(consumer.commit_error(), PENSTOCK_OK);
    std::erase(world.participants, &turns);
}

TEST(ConsumerGroup, GrowsWithTheTopic) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    Consumer consumer(*sdk.cluster, in_group("g"));
    ASSERT_EQ(consumer.subscribe({"t"}), PENSTOCK_OK);
    ASSERT_TRUE(world.run_until([&] { return consumer.positions().size() == 1; }));
    std::vector<penstock_event_kind> kinds;
    while (const auto event = consumer.next_event()) kinds.push_back(event->kind);
    EXPECT_EQ(kinds, std::vector{PENSTOCK_EVENT_ASSIGNED});
    EXPECT_EQ(consumer.subscribe({}), PENSTOCK_INVALID);
    wire::kafka::CreatePartitionsRequest::Topic topic;
    topic.name = "t";
    topic.count = 3;
    wire::kafka::CreatePartitionsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = 5000;
    const auto response = world.connect().ask<wire::kafka::CreatePartitionsResponse>(request, 3);
    EXPECT_EQ(response.results[0].error_code, ErrorCode::none);
    sdk.cluster->refresh();   // as it does by itself when what it knows is old
    ASSERT_TRUE(world.run_until([&] { return consumer.positions().size() == 3; }));
    while (const auto event = consumer.next_event()) kinds.push_back(event->kind);
    EXPECT_EQ(kinds, (std::vector{PENSTOCK_EVENT_ASSIGNED, PENSTOCK_EVENT_REVOKED, PENSTOCK_EVENT_COMMITTED,
                                  PENSTOCK_EVENT_ASSIGNED}));
}

}  // namespace
}  // namespace penstock::scenario
