// The SDK's producer against a whole broker.
#include "client/producer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "scenario/kafka_calls.h"
#include "scenario/sdk_world.h"
#include "wire/partitioner.h"

namespace penstock::scenario {
namespace {

using client::Producer;
using client::ProducerOptions;

/// What became of records, by tag.
struct Outcomes {
    std::map<uint64_t, penstock_completion> by_tag;
    void take(Producer& producer) {
        penstock_completion done[16];
        while (const size_t count = producer.completions(done)) {
            for (const penstock_completion& one : std::span(done).first(count)) {
                for (size_t i = 0; i < one.records; ++i) {
                    penstock_completion mine = one;
                    mine.first_offset += one.first_offset < 0 ? 0 : static_cast<int64_t>(i);
                    EXPECT_TRUE(by_tag.emplace(one.tags[i], mine).second) << "settled twice";
                }
            }
        }
    }
};

/// Sends a record as soon as there is room for it.
void send(BrokerWorld& world, Producer& producer, SdkClient& sdk, const penstock_record& record) {
    penstock_error error = producer.send(record, sdk.wall_ms());
    ASSERT_TRUE(world.run_until([&] {
        if (error == PENSTOCK_FULL) error = producer.send(record, sdk.wall_ms());
        return error != PENSTOCK_FULL;
    }));
    ASSERT_EQ(error, PENSTOCK_OK) << penstock_error_name(error);
}

bool settle(BrokerWorld& world, Producer& producer) {
    producer.push();
    return world.run_until([&] { return producer.unsettled() == 0; }, 300 * second_ns);
}

std::vector<std::string> read_all(BrokerWorld& world, const std::string& topic, int32_t partition) {
    return values_of(fetch(world.connect(), topic, partition, 0, {.max_wait_ms = 0}).records);
}

TEST(Producer, PutsKeyedRecordsWhereAllClientsPutThem) {
    BrokerWorld world;
    world.make_topic("t", 4);
    SdkClient sdk(world);
    Producer producer(*sdk.cluster, "t", {});
    Outcomes outcomes;
    for (uint64_t i = 0; i < 100; ++i) {
        const std::string key = "key-" + std::to_string(i % 10), value = "value-" + std::to_string(i);
        send(world, producer, sdk, record_of(key, value, i));
    }
    ASSERT_TRUE(settle(world, producer));
    outcomes.take(producer);
    ASSERT_EQ(outcomes.by_tag.size(), 100u);
    std::map<int32_t, std::vector<std::string>> expected;
    for (const auto& [tag, outcome] : outcomes.by_tag) {
        ASSERT_EQ(outcome.error, PENSTOCK_OK) << sdk.cluster->failure().detail;
        const std::string key = "key-" + std::to_string(tag % 10);
        EXPECT_EQ(outcome.partition, wire::partition_of_key(std::as_bytes(std::span(key)), 4));
        EXPECT_EQ(outcome.first_offset, static_cast<int64_t>(expected[outcome.partition].size()));
        expected[outcome.partition].push_back("value-" + std::to_string(tag));
    }
    for (const auto& [partition, values] : expected) EXPECT_EQ(read_all(world, "t", partition), values);
}

TEST(Producer, CompressesWholeBatches) {
    for (const wire::Codec codec : {wire::Codec::gzip, wire::Codec::snappy, wire::Codec::lz4, wire::Codec::zstd}) {
        BrokerWorld world;
        world.make_topic("t", 1);
        SdkClient sdk(world);
        Producer producer(*sdk.cluster, "t", {.codec = codec});
        const std::string value(1000, 'x');
        for (uint64_t i = 0; i < 50; ++i) send(world, producer, sdk, record_of("", value, i));
        ASSERT_TRUE(settle(world, producer));
        EXPECT_EQ(read_all(world, "t", 0), std::vector<std::string>(50, value));
    }
}

TEST(Producer, WritesAReservedRecordInPlace) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    Producer producer(*sdk.cluster, "t", {});
    send(world, producer, sdk, record_of("k", "first"));
    const penstock_header header{"h", 1, bytes_of("hv")};
    for (const size_t used : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{8000}, size_t{9000}}) {
        penstock_record record = record_of("key", "");
        record.headers = &header;
        record.header_count = 1;
        void* value = nullptr;
        ASSERT_EQ(producer.reserve(record, 9000, sdk.wall_ms(), &value), PENSTOCK_OK);
        std::memset(value, 'v', 9000);
        producer.commit(used);
    }
    void* value = nullptr;
    ASSERT_EQ(producer.reserve(record_of("", ""), 10, sdk.wall_ms(), &value), PENSTOCK_OK);
    producer.abandon();
    send(world, producer, sdk, record_of("k", "last"));
    ASSERT_TRUE(settle(world, producer));
    EXPECT_EQ(read_all(world, "t", 0),
              (std::vector<std::string>{"first", "", "v", std::string(63, 'v'), std::string(64, 'v'),
                                        std::string(8000, 'v'), std::string(9000, 'v'), "last"}));
}

TEST(Producer, WithoutIdempotenceItKeepsOrder) {
    for (const int16_t acks : {int16_t{1}, int16_t{-1}, int16_t{0}}) {
        BrokerWorld world;
        world.make_topic("t", 1);
        SdkClient sdk(world);
        Producer producer(*sdk.cluster, "t", {.acks = acks, .idempotent = false, .batch_bytes = 512});
        Outcomes outcomes;
        std::vector<std::string> values;
        for (uint64_t i = 0; i < 200; ++i) {
            values.push_back("value-" + std::to_string(i));
            send(world, producer, sdk, record_of("", values.back(), i));
        }
        ASSERT_TRUE(settle(world, producer));
        world.run(50 * millisecond_ns);
        outcomes.take(producer);
        EXPECT_EQ(outcomes.by_tag.size(), 200u);
        EXPECT_EQ(outcomes.by_tag[7].first_offset, acks == 0 ? -1 : 7);
        EXPECT_EQ(read_all(world, "t", 0), values);
    }
}

TEST(Producer, MeetsItsBoundWithFull) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    Producer producer(*sdk.cluster, "t", {.batch_bytes = 4096, .buffer_bytes = 64 * kib});
    const std::string value(1000, 'x');
    ASSERT_TRUE(world.run_until([&] { return producer.partitions() == 1; }));
    uint64_t taken = 0;
    while (producer.send(record_of("", value), sdk.wall_ms()) == PENSTOCK_OK) ASSERT_LT(++taken, 100u);
    EXPECT_GE(taken, 45u);
    EXPECT_EQ(producer.send(record_of("", value), sdk.wall_ms()), PENSTOCK_FULL);
    EXPECT_EQ(producer.send(record_of("", std::string(65 * mib, 'x')), sdk.wall_ms()), PENSTOCK_TOO_LARGE);
    penstock_record record = record_of("", value);
    record.partition = 1;
    EXPECT_EQ(producer.send(record, sdk.wall_ms()), PENSTOCK_INVALID);
    ASSERT_TRUE(settle(world, producer));
    EXPECT_EQ(producer.send(record_of("", value), sdk.wall_ms()), PENSTOCK_OK);
    EXPECT_EQ(read_all(world, "t", 0).size(), taken);
}

TEST(Producer, ARefusedBatchFailsAndThoseBehindItGoOn) {
    BrokerWorld world;
    world.make_topic("t", 1, {{"max.message.bytes", "2000"}});
    SdkClient sdk(world);
    Producer producer(*sdk.cluster, "t", {.batch_bytes = 1000});
    Outcomes outcomes;
    for (uint64_t i = 0; i < 30; ++i) {
        send(world, producer, sdk, record_of("", std::string(i % 10 == 3 ? 3000 : 100, 'x'), i));
    }
    ASSERT_TRUE(settle(world, producer));
    outcomes.take(producer);
    ASSERT_EQ(outcomes.by_tag.size(), 30u);
    for (const auto& [tag, outcome] : outcomes.by_tag) {
        EXPECT_EQ(outcome.error, tag % 10 == 3 ? PENSTOCK_MESSAGE_TOO_LARGE : PENSTOCK_OK) << tag;
    }
    EXPECT_EQ(read_all(world, "t", 0).size(), 27u);
}

TEST(Producer, AnUnknownTopicIsAnErrorUnlessItComes) {
    BrokerWorld world;
    SdkClient sdk(world);
    Producer producer(*sdk.cluster, "nowhere", {});
    ASSERT_TRUE(world.run_until([&] { return producer.topic_error() != PENSTOCK_OK; }));
    EXPECT_EQ(producer.send(record_of("", "x"), sdk.wall_ms()), PENSTOCK_UNKNOWN_TOPIC_OR_PARTITION);
    world.make_topic("nowhere", 1);
    ASSERT_TRUE(world.run_until([&] { return producer.partitions() == 1; }));
    EXPECT_EQ(producer.send(record_of("", "x"), sdk.wall_ms()), PENSTOCK_OK);
    ASSERT_TRUE(settle(world, producer));
}

TEST(Producer, NothingIsLostOrDoubledWhenTheBrokerCrashes) {
    for (uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE(seed);
        BrokerWorld world({.seed = seed});
        world.make_topic("t", 3);
        SdkClient sdk(world);
        Producer producer(*sdk.cluster, "t", {.batch_bytes = 600});
        Outcomes outcomes;
        Random random(seed);
        uint64_t sent = 0;
        for (int round = 0; round < 6; ++round) {
            for (int i = 0; i < 60; ++i, ++sent) {
                penstock_record record = record_of("", "", sent);
                const std::string value = std::to_string(sent);
                record.value = bytes_of(value);
                record.partition = static_cast<int32_t>(random.next() % 3);
                send(world, producer, sdk, record);
                if (random.next() % 8 == 0) world.run(static_cast<int64_t>(random.next() % (2 * millisecond_ns)));
            }
            world.crash_broker(random.next());
            world.run(static_cast<int64_t>(random.next() % second_ns));
            world.start_broker();
        }
        ASSERT_TRUE(settle(world, producer)) << sdk.cluster->failure().detail;
        outcomes.take(producer);
        ASSERT_EQ(outcomes.by_tag.size(), sent);
        for (int32_t partition = 0; partition < 3; ++partition) {
            std::vector<std::string> expected;
            for (const auto& [tag, outcome] : outcomes.by_tag) {
                EXPECT_EQ(outcome.error, PENSTOCK_OK) << penstock_error_name(outcome.error);
                if (outcome.partition == partition) expected.push_back(std::to_string(tag));
            }
            EXPECT_EQ(read_all(world, "t", partition), expected);
        }
    }
}

TEST(Producer, GivesUpInTimeAndSaysWhatIsKnown) {
    BrokerWorld world;
    world.make_topic("t", 1);
    SdkClient sdk(world);
    Producer producer(*sdk.cluster, "t", {.delivery_timeout_ns = 2 * second_ns});
    Outcomes outcomes;
    send(world, producer, sdk, record_of("", "there", 1));
    ASSERT_TRUE(settle(world, producer));
    world.crash_broker(1);
    send(world, producer, sdk, record_of("", "never", 2));
    const Nanos before = world.clock.now();
    ASSERT_TRUE(settle(world, producer));
    EXPECT_LT(world.clock.now() - before, 3 * second_ns);
    outcomes.take(producer);
    EXPECT_NE(outcomes.by_tag[2].error, PENSTOCK_OK);
    world.start_broker();
    send(world, producer, sdk, record_of("", "again", 3));
    ASSERT_TRUE(settle(world, producer));
    outcomes.take(producer);
    EXPECT_EQ(outcomes.by_tag[3].error, PENSTOCK_OK);
}

}  // namespace
}  // namespace penstock::scenario
