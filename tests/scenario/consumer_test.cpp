// The SDK's consumer against a whole broker.
#include "client/consumer.h"

#include <gtest/gtest.h>

#include <set>

#include "scenario/consumer_calls.h"

namespace penstock::scenario {
namespace {

using client::Consumer;
using client::ConsumerOptions;
using client::Producer;

TEST(Consumer, ReadsFromWhereItIsTold) {
    BrokerWorld world;
    world.make_topic("t", 2);
    SdkClient sdk(world);
    fill(world, sdk, "t", 100);
    Consumer consumer(*sdk.cluster, {});
    const penstock_position positions[] = {{"t", 0, PENSTOCK_OFFSET_EARLIEST, 0}, {"t", 1, 40, 0}};
    ASSERT_EQ(consumer.assign(positions), PENSTOCK_OK);
    Seen seen;
    ASSERT_TRUE(world.run_until([&] { seen.take(consumer); return seen.total >= 60; }));
    EXPECT_EQ(seen.of("t", 0), numbers(0, 50, 2));
    EXPECT_EQ(seen.of("t", 1), numbers(81, 10, 2));
    // And what comes while it waits.
    fill(world, sdk, "t", 10, 100);
    ASSERT_TRUE(world.run_until([&] { seen.take(consumer); return seen.total >= 70; }));
    EXPECT_TRUE(seen.in_order);

    const penstock_position by_time[] = {{"t", 0, PENSTOCK_OFFSET_TIME, 1'700'000'000'091},
                                         {"t", 1, PENSTOCK_OFFSET_LATEST, 0}};
    ASSERT_EQ(consumer.assign(by_time), PENSTOCK_OK);
    Seen later;
    ASSERT_TRUE(world.run_until([&] { later.take(consumer); return later.total >= 9; }));
    world.run(second_ns);
    later.take(consumer);
    EXPECT_EQ(later.of("t", 0), numbers(92, 9, 2));
    EXPECT_TRUE(later.of("t", 1).empty());
    fill(world, sdk, "t", 2, 110);
    ASSERT_TRUE(world.run_until([&] { later.take(consumer); return later.total >= 11; }));
    EXPECT_EQ(later.of("t", 1), numbers(111, 1, 2));
}

TEST(Consumer, SeekDropsWhatWasReadAhead) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    fill(world, sdk, "t", 100, 0, {.batch_bytes = 200});
    Consumer consumer(*sdk.cluster, {});
    penstock_position position{"t", 0, 0, 0};
    ASSERT_EQ(consumer.assign({&position, 1}), PENSTOCK_OK);
    penstock_error error = PENSTOCK_OK;
    std::unique_ptr<client::ReceivedBatch> batch;
    ASSERT_TRUE(world.run_until([&] { return (batch = consumer.next(error)) != nullptr; }));
    position.offset = 90;
    ASSERT_EQ(consumer.seek(position), PENSTOCK_OK);
    consumer.release(std::move(batch));   // of before: counts for nothing
    EXPECT_EQ(consumer.positions()[0].offset, 90);
    Seen seen;
    ASSERT_TRUE(world.run_until([&] { seen.take(consumer); return seen.total >= 10; }));
    EXPECT_EQ(seen.of("t", 0), numbers(90, 10, 1));
}

TEST(Consumer, OnlyWhatWasReleasedIsCommitted) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    fill(world, sdk, "t", 100, 0, {.batch_bytes = 300});
    std::unique_ptr<client::ReceivedBatch> a, b, c;
    int64_t end_of_a = 0;
    {
        Consumer consumer(*sdk.cluster, in_group("g"));
        ASSERT_EQ(consumer.subscribe({"t"}), PENSTOCK_OK);
        penstock_error error = PENSTOCK_OK;
        ASSERT_TRUE(world.run_until([&] { return (a = consumer.next(error)) != nullptr; }));
        b = consumer.next(error);
        c = consumer.next(error);
        ASSERT_TRUE(b && c);
        end_of_a = a->next_offset();
        consumer.release(std::move(c));
        consumer.release(std::move(a));
        EXPECT_TRUE(consumer.commit());
        ASSERT_TRUE(world.run_until([&] { return !consumer.committing(); }));
        EXPECT_EQ(consumer.commit_error(), PENSTOCK_OK);
        consumer.leave();
        ASSERT_TRUE(world.run_until([&] { return consumer.left(); }));
        consumer.release(std::move(b));
    }
    Consumer consumer(*sdk.cluster, in_group("g"));
    const penstock_position position{"t", 0, PENSTOCK_OFFSET_COMMITTED, 0};
    ASSERT_EQ(consumer.assign({&position, 1}), PENSTOCK_OK);
    Seen seen;
    ASSERT_TRUE(world.run_until([&] { seen.take(consumer); return seen.next[{"t", 0}] == 100; }));
    EXPECT_EQ(static_cast<int64_t>(seen.total), 100 - end_of_a);
}

}  // namespace
}  // namespace penstock::scenario
