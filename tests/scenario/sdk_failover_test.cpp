// The SDK's core and brokers that replicate: a broker that dies without a word is left as soon as the others know.
#include <gtest/gtest.h>

#include "client/producer.h"
#include "scenario/broker_world.h"
#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"
#include "scenario/sdk_process.h"

namespace penstock::scenario {
namespace {

class Sdk final : public Participant {
public:
    Sdk(ReplicaWorld& world, io::Road road)
        : world_(world), process_(world.network, world.datagrams, options_of(world, road)) {
        world_.participants.push_back(this);
    }
    ~Sdk() override { std::erase(world_.participants, this); }

    bool turn() override { return process_.turn(world_.clock.time()); }
    Nanos next_deadline() const override { return process_.next_deadline(); }
    client::Cluster& cluster() { return process_.cluster(); }

private:
    static SdkProcessOptions options_of(ReplicaWorld& world, io::Road road) {
        SdkProcessOptions options{.road = road, .bootstrap = {}, .cluster = {}, .seed = world.next_seed()};
        for (const broker::BrokerView& broker : world.view(1).brokers)
            options.bootstrap.push_back({broker.host, road == io::Road::tcp ? broker.port : broker.native_port, road});
        return options;
    }

    ReplicaWorld& world_;
    SdkProcess process_;
};

/// To any partition, unless one is named.
void send(ReplicaWorld& world, client::Producer& producer, const std::string& value, int32_t partition = -1) {
    penstock_record record = PENSTOCK_RECORD_INIT;
    record.value = {value.data(), value.size()};
    record.partition = partition;
    penstock_error error = PENSTOCK_FULL;
    ASSERT_TRUE(world.run_until([&] {
        if (error == PENSTOCK_FULL) error = producer.send(record, world.clock.time().wall_ms);
        return error != PENSTOCK_FULL;
    }));
    ASSERT_EQ(error, PENSTOCK_OK);
    producer.push();
}

/// One record, however long that takes.
void produce_one(ReplicaWorld& world, client::Producer& producer) {
    send(world, producer, "x");
    ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }, 120 * second_ns));
    penstock_completion done{};
    ASSERT_EQ(producer.completions({&done, 1}), 1u);
    ASSERT_EQ(done.error, PENSTOCK_OK);
}

TEST(SdkFailover, a_broker_that_dies_in_silence_is_left_long_before_its_requests_time_out) {
    for (const io::Road road : {io::Road::tcp, io::Road::native}) {
        for (uint64_t seed = 1; seed <= 4; ++seed) {
            ReplicaWorld world({.seed = seed});
            world.make_topic("t", 1, 3);
            ASSERT_TRUE(world.wait_for_in_sync("t", 0, 3));
            Sdk sdk(world, road);
            client::Producer producer(sdk.cluster(), "t", {});
            produce_one(world, producer);
            // Nothing comes from it any more, not even that a connection ends.
            const int32_t dead = world.leader("t", 0);
            const std::string host = world.view(dead).broker(NodeId(dead))->host;
            const auto cut = [&](bool on) {
                world.cut_off(dead, on);
                world.network.set_cut(host, "sdk", on);
                world.datagrams.set_cut(host, "sdk", on);
            };
            cut(true);
            const Nanos before = world.clock.now();
            produce_one(world, producer);
            EXPECT_LT(world.clock.now() - before, 3 * second_ns);
            cut(false);
        }
    }
}

TEST(SdkFailover, leader_after_leader_crashes_and_each_is_replaced_at_once) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
        ReplicaWorld world({.seed = seed});
        world.make_topic("t", 4, 3);
        ASSERT_TRUE(world.wait_for_in_sync("t", 0, 3));
        Sdk sdk(world, seed % 2 == 0 ? io::Road::tcp : io::Road::native);
        client::Producer producer(sdk.cluster(), "t", {});
        for (int kill = 0; kill < 6; ++kill) {
            produce_one(world, producer);
            const int32_t dead = world.leader("t", 0);
            world.crash(dead, seed + static_cast<uint64_t>(kill));
            const Nanos before = world.clock.now();
            produce_one(world, producer);
            EXPECT_LT(world.clock.now() - before, 3 * second_ns) << "seed " << seed << ", kill " << kill;
            world.start(dead);
            for (int32_t p = 0; p < 4; ++p) ASSERT_TRUE(world.wait_for_in_sync("t", p, 3));
        }
    }
}

/// The leader had it in its log when the others died, and says ever since that it takes nothing.
TEST(SdkFailover, a_record_that_waits_for_replicas_is_not_written_again_under_another_producer_id) {
    ReplicaWorld world;
    world.make_topic("t", 2, 3, {{"min.insync.replicas", "2"}, {"max.message.bytes", "2000"}});
    for (int32_t p = 0; p < 2; ++p) ASSERT_TRUE(world.wait_for_in_sync("t", p, 3));
    Sdk sdk(world, io::Road::tcp);
    client::Producer producer(sdk.cluster(), "t", {});
    const int32_t leader = world.leader("t", 0);
    send(world, producer, "first", 0);
    ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }));
    for (int32_t other = 1; other <= 3; ++other)
        if (other != leader) world.crash(other, 1);
    send(world, producer, "second", 0);
    ASSERT_TRUE(world.run_until([&] { return producer.retried_batches() >= 3; }, 60 * second_ns));
    // Refused for good, it ends the producer's id: what is behind it has sequences that will never fit.
    send(world, producer, std::string(3000, 'x'), 1);
    ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 1; }, 60 * second_ns));
    world.run(5 * second_ns);
    for (int32_t other = 1; other <= 3; ++other)
        if (other != leader) world.start(other);
    ASSERT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }, 60 * second_ns));
    const auto read = fetch(world.connect(world.leader("t", 0)), "t", 0, 0, {.max_wait_ms = 0});
    EXPECT_EQ(values_of(read.records), (std::vector<std::string>{"first", "second"}));
}

}  // namespace
}  // namespace penstock::scenario
