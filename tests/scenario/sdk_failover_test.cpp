// The SDK's core and brokers that replicate: a broker that dies without a word is left as soon as the others know.
#include <gtest/gtest.h>

#include "client/producer.h"
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

TEST(SdkFailover, a_broker_that_dies_in_silence_is_left_long_before_its_requests_time_out) {
    for (const io::Road road : {io::Road::tcp, io::Road::native}) {
        for (uint64_t seed = 1; seed <= 4; ++seed) {
            ReplicaWorld world({.seed = seed});
            world.make_topic("t", 1, 3);
            ASSERT_TRUE(world.wait_for_in_sync("t", 0, 3));
            Sdk sdk(world, road);
            client::Producer producer(sdk.cluster(), "t", {});
            const auto produce_one = [&] {
                penstock_record record = PENSTOCK_RECORD_INIT;
                record.value = {"x", 1};
                penstock_error error = PENSTOCK_FULL;
                EXPECT_TRUE(world.run_until([&] {
                    if (error == PENSTOCK_FULL) error = producer.send(record, world.clock.time().wall_ms);
                    return error != PENSTOCK_FULL;
                }));
                EXPECT_EQ(error, PENSTOCK_OK);
                producer.push();
                EXPECT_TRUE(world.run_until([&] { return producer.unsettled() == 0; }));
                penstock_completion done{};
                EXPECT_EQ(producer.completions({&done, 1}), 1u);
                return done.error;
            };
            EXPECT_EQ(produce_one(), PENSTOCK_OK);
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
            EXPECT_EQ(produce_one(), PENSTOCK_OK);
            EXPECT_LT(world.clock.now() - before, 3 * second_ns);
            cut(false);
        }
    }
}

}  // namespace
}  // namespace penstock::scenario
