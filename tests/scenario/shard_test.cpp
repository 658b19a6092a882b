#include "shard/shard.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "scenario/kafka_calls.h"
#include "scenario/partition_calls.h"
#include "scenario/peer_broker.h"
#include "wire/kafka/metadata.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ProduceResponse;

/// A response may hold less than there is: some of it comes from the disk.
std::vector<std::string> everything(Client& client, int32_t partition) {
    std::vector<std::string> all;
    while (true) {
        const auto part = fetch(client, "t", partition, static_cast<int64_t>(all.size()));
        EXPECT_EQ(part.error_code, ErrorCode::none);
        for (std::string& value : values_of(part.records, static_cast<int64_t>(all.size()))) all.push_back(value);
        if (part.records.empty() || static_cast<int64_t>(all.size()) >= part.high_watermark) return all;
    }
}

TEST(Shard, serves_nobody_before_it_knows_the_cluster) {
    BrokerWorldOptions options;
    options.coordinator = false;
    BrokerWorld world(options);
    world.run(5 * second_ns);
    for (const auto& shard : world.shards) EXPECT_FALSE(shard->serving());
    // On the native road connections wait for the broker; with TCP there is nothing to connect to yet.
    EXPECT_EQ(world.connect().wait_for_close(second_ns), world.options.road == io::Road::tcp);
    world.start_coordinator();
    EXPECT_TRUE(world.run_until([&] {
        return world.shards[0]->serving() && world.shards[1]->serving();
    }));
    world.make_topic("t");
    EXPECT_EQ(produce(world.connect(), "t", 0, {"x"}).error_code, ErrorCode::none);
}

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
    EXPECT_EQ(world.shards[1]->view().topic("games"), nullptr);
    EXPECT_FALSE(world.shards[0]->serving());
    EXPECT_FALSE(world.shards[1]->serving());

    world.shards.push_back(std::move(slow));
    world.run(second_ns);
    for (const auto& shard : world.shards) EXPECT_TRUE(shard->serving());
}

TEST(Shard, goes_on_serving_while_the_coordinator_is_away) {
    BrokerWorld world;
    world.make_topic("t");
    world.stop_coordinator();
    world.run(10 * second_ns);
    Client& client = world.connect();
    EXPECT_EQ(produce(client, "t", 0, {"x"}).error_code, ErrorCode::none);
    EXPECT_EQ(values_of(fetch(client, "t", 0, 0).records), std::vector<std::string>{"x"});
    world.start_coordinator();
    world.run(5 * second_ns);
    world.make_topic("later");
    EXPECT_EQ(produce(client, "later", 0, {"y"}).error_code, ErrorCode::none);
    EXPECT_EQ(produce(client, "t", 0, {"z"}).base_offset, 1);
}

TEST(Shard, stops_in_good_time_and_finds_everything_again) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 9);
    std::map<int32_t, int64_t> ends;
    for (int i = 0; i < 60; ++i) {
        const int32_t partition = i % 9;
        const auto answer = produce(world.connect(), "t", partition, {"v" + std::to_string(i)});
        ends[partition] = answer.base_offset + 1;
    }
    // Long polls, half frames and unread responses do not hold up the stop.
    FetchCall({{"t", 0, ends[0]}}, {.max_wait_ms = 250'000}).send(world.connect());
    world.connect().send_bytes({std::byte{0}, std::byte{0}});
    Client& lazy = world.connect();
    FetchCall({{"t", 0, 0}}).send(lazy);
    lazy.stop_reading();
    world.run(10 * millisecond_ns);
    const Nanos asked = world.clock.now();
    world.stop_broker();
    EXPECT_LT(world.clock.now() - asked, 2 * second_ns);
    world.start_broker();
    for (const auto& [partition, end] : ends) {
        EXPECT_EQ(list_offset(world.connect(), "t", partition, -1).offset, end);
        EXPECT_EQ(produce(world.connect(), "t", partition, {"more"}).base_offset, end);
    }
}

TEST(Shard, keeps_what_it_acknowledged_through_power_cuts) {
    for (uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE(seed);
        BrokerWorld world({.shards = 2, .seed = seed});
        world.make_topic("t", 6);
        Random random(seed);
        std::map<int32_t, std::vector<std::string>> acknowledged;
        for (int round = 0; round < 3; ++round) {
            std::vector<std::tuple<Client*, int32_t, int32_t, std::string>> sent;
            for (int i = 0; i < 40; ++i) {
                Client& client = world.connect();
                const auto partition = static_cast<int32_t>(random.below(6));
                const std::string value = std::to_string(round) + ":" + std::to_string(i) +
                                          std::string(random.below(30'000), 'v');
                sent.emplace_back(&client, partition, ProduceCall("t", partition, make_batch({value})).send(client),
                                  value);
                world.run(static_cast<int64_t>(random.below(300 * microsecond_ns)));
            }
            world.run(static_cast<int64_t>(random.below(3 * millisecond_ns)));
            for (auto& [client, partition, id, value] : sent) {
                if (!client->has_frame()) continue;
                const auto answer = only(client->receive<ProduceResponse>(id, 9));
                if (answer.error_code != ErrorCode::none) continue;
                auto& values = acknowledged[partition];
                values.resize(std::max(values.size(), static_cast<size_t>(answer.base_offset) + 1));
                values[static_cast<size_t>(answer.base_offset)] = value;
            }
            world.clients.clear();
            world.crash_broker(random.next());
            world.start_broker();
        }
        for (const auto& [partition, values] : acknowledged) {
            const std::vector<std::string> found = everything(world.connect(), partition);
            ASSERT_GE(found.size(), values.size());
            for (size_t i = 0; i < values.size(); ++i) {
                if (!values[i].empty()) {
                    ASSERT_EQ(found[i], values[i]) << partition << "@" << i;
                }
            }
        }
    }
}

TEST(Shard, runs_the_same_from_the_same_seed) {
    std::vector<int64_t> times[2];
    for (auto& time : times) {
        BrokerWorld world({.shards = 3, .seed = 77});
        world.make_topic("t", 9);
        for (int i = 0; i < 30; ++i) {
            produce(world.connect(), "t", i % 9, {std::string(static_cast<size_t>(i) * 1000, 'x')});
            time.push_back(world.clock.now().value);
        }
    }
    EXPECT_EQ(times[0], times[1]);
}

// The peer is in sync, so what the broker leads finds another leader.
TEST(Shard, that_wants_to_stop_may_when_others_lead) {
    BrokerWorld world;
    PeerBroker second(world, 2);
    make_shared_topic(world, "t", 2);
    shard::Shard& first = *world.shards[0];
    ASSERT_EQ(first.partitions_led(), 1u);
    EXPECT_EQ(first.hand_over(), shard::HandOver::under_way);
    world.run(5 * second_ns);
    EXPECT_EQ(first.hand_over(), shard::HandOver::under_way) << "nobody was asked yet";
    first.want_to_stop();
    ASSERT_TRUE(world.run_until([&] { return first.hand_over() == shard::HandOver::done; }));
    EXPECT_EQ(first.partitions_led(), 0u);
    EXPECT_EQ(first.view().topic("t")->partitions[0].leader, NodeId{2});
    EXPECT_TRUE(first.serving());
}

TEST(Shard, that_wants_to_stop_keeps_what_nobody_else_has) {
    BrokerWorld world;
    PeerBroker second(world, 2);
    make_assigned_topic(world, "lonely", {{1}});
    make_shared_topic(world, "shared", 2);
    world.shards[0]->want_to_stop();
    ASSERT_TRUE(world.run_until([&] { return world.shards[0]->hand_over() == shard::HandOver::done; }));
    EXPECT_EQ(world.shards[0]->partitions_led(), 1u);
}

TEST(Shard, that_wants_to_stop_need_not_wait_where_nobody_can_help) {
    BrokerWorld world;
    world.make_topic("t");
    EXPECT_EQ(world.shards[0]->hand_over(), shard::HandOver::nobody);
    {
        PeerBroker second(world, 2);
        EXPECT_EQ(world.shards[0]->hand_over(), shard::HandOver::under_way);
    }
    ASSERT_TRUE(world.run_until([&] { return world.shards[0]->hand_over() == shard::HandOver::nobody; }));
    world.stop_coordinator();
    EXPECT_TRUE(world.run_until([&] { return world.shards[0]->hand_over() == shard::HandOver::no_coordinator; }));
}

}  // namespace
}  // namespace penstock::scenario
