// How the SDK's consumer reads: what is compressed, large, damaged, or too much.
#include "client/fetcher.h"

#include <gtest/gtest.h>

#include <set>

#include "scenario/consumer_calls.h"

namespace penstock::scenario {
namespace {

using client::Consumer;
using client::ConsumerOptions;
using client::Producer;

TEST(Fetcher, ReadsWhatIsCompressedAndWhatIsLarge) {
    for (const wire::Codec codec : {wire::Codec::gzip, wire::Codec::snappy, wire::Codec::lz4, wire::Codec::zstd}) {
        BrokerWorld world;
        world.make_topic("t", 1);
        SdkClient sdk(world);
        fill(world, sdk, "t", 200, 0, {.codec = codec});
        client::ConsumerOptions options;
        options.fetcher.partition_bytes = 1;   // less than any batch
        Consumer consumer(*sdk.cluster, options);
        const penstock_position position{"t", 0, 7, 0};
        ASSERT_EQ(consumer.assign({&position, 1}), PENSTOCK_OK);
        Seen seen;
        ASSERT_TRUE(world.run_until([&] { seen.take(consumer); return seen.total >= 193; }));
        EXPECT_EQ(seen.of("t", 0), numbers(7, 193, 1));
    }
}

TEST(Fetcher, WhatCannotBeReadIsToldOnce) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    client::ConsumerOptions options;
    options.fetcher.reset = PENSTOCK_OFFSET_COMMITTED;
    Consumer consumer(*sdk.cluster, options);
    const penstock_position positions[] = {{"t", 0, 1000, 0}, {"t", 9, 0, 0}, {"nowhere", 0, 0, 0}};
    ASSERT_EQ(consumer.assign(positions), PENSTOCK_OK);
    std::multiset<penstock_error> errors;
    world.run_until([&] {
        penstock_error error = PENSTOCK_OK;
        consumer.next(error);
        if (error != PENSTOCK_EMPTY) errors.insert(error);
        return false;
    }, 5 * second_ns);
    EXPECT_EQ(errors, (std::multiset<penstock_error>{PENSTOCK_OFFSET_OUT_OF_RANGE,
                                                     PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION,
                                                     PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION}));
    const penstock_position nonsense[] = {{"t", 0, -9, 0}};
    EXPECT_EQ(consumer.assign(nonsense), PENSTOCK_INVALID);
    const penstock_position no_group[] = {{"t", 0, PENSTOCK_OFFSET_COMMITTED, 0}};
    EXPECT_EQ(consumer.assign(no_group), PENSTOCK_INVALID);
}

TEST(Fetcher, StaysWithinItsBuffer) {
    BrokerWorld world;
    world.make_topic("t", 4);
    SdkClient sdk(world);
    {
        Producer producer(*sdk.cluster, "t", {.batch_bytes = 4096});
        ASSERT_TRUE(world.run_until([&] { return producer.partitions() > 0; }));
        const std::string value(1000, 'x');
        for (int i = 0; i < 1000; ++i) {
            penstock_record record = record_of("", value);
            record.partition = i % 4;
            ASSERT_EQ(producer.send(record, sdk.wall_ms()), PENSTOCK_OK);
        }
        producer.push();
        ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }));
    }
    client::ConsumerOptions options;
    options.fetcher.reset = PENSTOCK_OFFSET_EARLIEST;
    options.fetcher.partition_bytes = 16 * kib;
    options.fetcher.buffer_bytes = 64 * kib;
    Consumer consumer(*sdk.cluster, options);
    std::vector<penstock_position> positions;
    for (int32_t i = 0; i < 4; ++i) positions.push_back({"t", i, PENSTOCK_OFFSET_EARLIEST, 0});
    ASSERT_EQ(consumer.assign(positions), PENSTOCK_OK);
    world.run(5 * second_ns);
    uint64_t queued = 0;
    penstock_error error = PENSTOCK_OK;
    std::vector<std::unique_ptr<client::ReceivedBatch>> held;
    while (auto batch = consumer.next(error)) {
        queued += batch->size();
        held.push_back(std::move(batch));
    }
    EXPECT_GE(queued, 40 * kib);
    EXPECT_LE(queued, 80 * kib);
    for (auto& batch : held) consumer.release(std::move(batch));
    Seen seen;
    ASSERT_TRUE(world.run_until([&] { seen.take(consumer); return seen.next.size() == 4 && seen.next[{"t", 0}] == 250 &&
        seen.next[{"t", 1}] == 250 && seen.next[{"t", 2}] == 250 && seen.next[{"t", 3}] == 250; }));
}

}  // namespace
}  // namespace penstock::scenario
