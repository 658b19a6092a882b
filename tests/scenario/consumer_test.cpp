// The SDK's consumer against a whole broker, alone and in a group.
#include "client/consumer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "client/producer.h"
#include "scenario/kafka_calls.h"
#include "scenario/sdk_world.h"
#include "wire/kafka/create_partitions.h"

namespace penstock::scenario {
namespace {

using client::Consumer;
using client::ConsumerOptions;
using client::Producer;

std::string text_of(const penstock_bytes& bytes) {
    return bytes.data == nullptr ? "(null)" : std::string(static_cast<const char*>(bytes.data), bytes.size);
}

struct Seen {
    std::map<std::pair<std::string, int32_t>, std::vector<std::string>> values;
    std::map<std::pair<std::string, int32_t>, int64_t> next;
    size_t total = 0;
    bool in_order = true;

    /// Everything that there is now; released at once.
    penstock_error take(Consumer& consumer) {
        penstock_error error = PENSTOCK_OK;
        while (auto batch = consumer.next(error)) {
            penstock_record_view record;
            const auto key = std::pair(batch->partition->topic, batch->partition->index);
            while ((error = batch->next(record)) == PENSTOCK_OK) {
                in_order &= !next.contains(key) || next[key] == record.offset;
                next[key] = record.offset + 1;
                values[key].push_back(text_of(record.value));
                ++total;
            }
            if (error != PENSTOCK_EMPTY) return error;
            consumer.release(std::move(batch));
        }
        return error;
    }
    const std::vector<std::string>& of(const std::string& topic, int32_t partition) { return values[{topic, partition}]; }
};

/// `count` records, round and round the partitions: "0", "1", ...
void fill(BrokerWorld& world, SdkClient& sdk, const std::string& topic, int count, int first = 0,
          client::ProducerOptions options = {}) {
    Producer producer(*sdk.cluster, topic, options);
    ASSERT_TRUE(world.run_until([&] { return producer.partitions() > 0; }));
    for (int i = first; i < first + count; ++i) {
        const std::string value = std::to_string(i);
        penstock_record record = record_of("", value);
        record.timestamp = 1'700'000'000'000 + i;
        record.partition = i % producer.partitions();
        ASSERT_EQ(producer.send(record, sdk.wall_ms()), PENSTOCK_OK);
    }
    producer.push();
    ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }));
}

std::vector<std::string> numbers(int first, int count, int step) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(std::to_string(first + i * step));
    return out;
}

ConsumerOptions in_group(const std::string& name) {
    ConsumerOptions options;
    options.fetcher.reset = PENSTOCK_OFFSET_EARLIEST;
    options.group = client::GroupOptions{.name = name, .instance = {}};
    return options;
}

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

TEST(Consumer, ReadsWhatIsCompressedAndWhatIsLarge) {
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

TEST(Consumer, WhatCannotBeReadIsToldOnce) {
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

TEST(Consumer, StaysWithinItsBuffer) {
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

TEST(ConsumerGroup, OnlyWhatWasReleasedIsCommitted) {
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
