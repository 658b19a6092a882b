// Topics whose durability is memory: what clients see before the disk has it, and what a crash leaves.
#include <gtest/gtest.h>

#include "scenario/config_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::latest_timestamp;
using wire::kafka::max_timestamp;
using wire::kafka::ProduceResponse;

const std::vector<std::pair<std::string, std::string>> in_memory{{"durability", "memory"}};

TEST(Durability, of_memory_is_answered_and_seen_before_the_disk_has_it) {
    BrokerWorld world;
    world.make_topic("t", 1, in_memory);
    Client& client = world.connect();
    produce(client, "t", 0, {"first"});
    world.run(second_ns);
    Client& consumer = world.connect();
    FetchCall waits({{"t", 0, 1}}, {.max_wait_ms = 5000});
    const int32_t fetched = waits.send(consumer);
    world.run(10 * millisecond_ns);
    world.directory->stall_until(world.clock.now() + 10 * second_ns);
    const Nanos asked = world.clock.now();
    for (const int16_t acks : {int16_t{1}, int16_t{-1}})
        EXPECT_EQ(produce(client, "t", 0, {"x"}, {.acks = acks}).error_code, ErrorCode::none);
    const auto seen = consumer.receive<wire::kafka::FetchResponse>(fetched, 12).topics[0].partitions[0];
    EXPECT_GT(seen.high_watermark, 1);
    EXPECT_EQ(seen.high_watermark, seen.last_stable_offset);
    EXPECT_EQ(values_of(fetch(client, "t", 0, 0).records), (std::vector<std::string>{"first", "x", "x"}));
    EXPECT_EQ(list_offset(client, "t", 0, latest_timestamp).offset, 3);
    EXPECT_EQ(list_offset(client, "t", 0, max_timestamp).offset, 0);
    EXPECT_LT(world.clock.now() - asked, second_ns);
}

TEST(Durability, changes_while_the_topic_is_used) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    Client& admin = world.connect();
    produce(client, "t", 0, {"first"});
    EXPECT_EQ(value_of(admin, "t", "durability"), "disk");
    ASSERT_EQ(alter_topic(admin, "t", {set("durability", "memory")}).error, ErrorCode::none);
    EXPECT_EQ(value_of(admin, "t", "durability"), "memory");
    world.run(second_ns);
    world.directory->stall_until(world.clock.now() + 10 * second_ns);
    const Nanos asked = world.clock.now();
    EXPECT_EQ(produce(client, "t", 0, {"second"}).base_offset, 1);
    ASSERT_EQ(alter_topic(admin, "t", {unset("durability")}).error, ErrorCode::none);
    EXPECT_EQ(list_offset(client, "t", 0, latest_timestamp).offset, 2) << "what was seen stays seen";
    EXPECT_LT(world.clock.now() - asked, second_ns);
    ProduceCall call("t", 0, make_batch({"third"}), {.timeout_ms = 30'000});
    const int32_t id = call.send(client);
    world.run(second_ns);
    EXPECT_FALSE(client.has_frame()) << "it waits for the disk again";
    EXPECT_EQ(list_offset(admin, "t", 0, latest_timestamp).offset, 2);
    EXPECT_EQ(only(client.receive<ProduceResponse>(id, 9)).base_offset, 2);
    EXPECT_EQ(list_offset(admin, "t", 0, latest_timestamp).offset, 3);
}

TEST(Durability, of_the_internal_topic_is_always_disk) {
    BrokerWorld world;
    world.make_topic("__consumer_offsets", 4);
    Client& client = world.connect();
    const Altered refused = alter_topic(client, "__consumer_offsets", {set("durability", "memory")});
    EXPECT_EQ(refused.error, ErrorCode::invalid_config);
    EXPECT_NE(refused.message.find("internal topic is disk"), std::string::npos) << refused.message;
    EXPECT_EQ(value_of(client, "__consumer_offsets", "durability"), "disk");
}

/// After each power cut the log is a prefix of what was appended, under an epoch that no record had before.
TEST(Durability, of_memory_loses_a_tail_in_a_crash_and_begins_an_epoch) {
    size_t lost = 0;
    for (uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        BrokerWorld world({.shards = 1, .seed = seed});
        world.make_topic("t", 1, in_memory);
        std::vector<std::string> appended;
        int32_t epoch = -1;
        for (int life = 0; life < 4; ++life) {
            Client& client = world.connect();
            const auto latest = list_offset(client, "t", 0, latest_timestamp);
            EXPECT_GT(latest.leader_epoch, epoch) << "offsets are given again, but not under the same epoch";
            epoch = latest.leader_epoch;
            const auto left = static_cast<size_t>(latest.offset);
            ASSERT_LE(left, appended.size());
            lost += appended.size() - left;
            appended.resize(left);
            EXPECT_EQ(values_of(fetch(client, "t", 0, 0).records), appended);
            for (int i = 0; i < 20; ++i) {
                const std::string value = std::to_string(life) + " " + std::to_string(i);
                ASSERT_EQ(produce(client, "t", 0, {value}).base_offset, static_cast<int64_t>(appended.size()));
                appended.push_back(value);
                if (i == 5) world.run(100 * millisecond_ns);
            }
            client.close();
            if (life == 2) world.stop_broker();
            else world.crash_broker(mix64(seed * 10 + static_cast<uint64_t>(life)));
            world.start_broker();
            if (life != 2) continue;
            Client& after = world.connect();
            EXPECT_EQ(list_offset(after, "t", 0, latest_timestamp).offset, static_cast<int64_t>(appended.size()))
                << "a stop loses nothing";
        }
    }
    EXPECT_GT(lost, 0u) << "the test cuts too late";
}

}  // namespace
}  // namespace penstock::scenario
