// How what is appended travels to the other brokers: on few connections, within bounds, and again when one was lost.
#include "shard/peers.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"

namespace penstock::scenario {
namespace {

class PeersTest : public testing::Test {
protected:
    void make(int32_t partitions) {
        topic_ = world_.make_topic("t", partitions, 3);
        for (int32_t partition = 0; partition < partitions; ++partition)
            ASSERT_TRUE(world_.wait_for_in_sync("t", partition, 3));
    }
    shard::PeerCounters total() {
        shard::PeerCounters sum;
        for (int32_t broker = 1; broker <= 3; ++broker) {
            if (!world_.up(broker)) continue;
            for (uint32_t shard = 0; shard < world_.options.shards; ++shard) {
                const shard::PeerCounters& counters = world_.shard(broker, shard).peers()->counters();
                sum.connections += counters.connections;
                sum.requests += counters.requests;
                sum.bytes += counters.bytes;
                sum.malformed += counters.malformed;
            }
        }
        return sum;
    }
    void send_some(int count, size_t size) {
        Client& client = world_.connect(world_.leader("t", 0));
        for (int i = 0; i < count; ++i)
            ASSERT_EQ(produce(client, "t", 0, {std::string(size, 'x')}).error_code, ErrorCode::none);
    }

    ReplicaWorld world_;
    Uuid topic_;
};

TEST_F(PeersTest, partitions_share_the_connections_between_shards) {
    make(24);
    EXPECT_LE(total().connections, 3u * 2 * 2 * 2) << "from each shard to each shard of the two others";
    EXPECT_EQ(total().malformed, 0u);
}

TEST_F(PeersTest, an_idle_cluster_sends_nothing) {
    make(4);
    send_some(1, 10);
    world_.run(second_ns);   // all have been told of the watermark
    const uint64_t before = total().requests;
    world_.run(5 * second_ns);
    EXPECT_EQ(total().requests, before);
}

TEST_F(PeersTest, go_on_after_a_connection_was_lost) {
    make(1);
    send_some(3, 10);
    const int32_t leader = world_.leader("t", 0);
    const int32_t follower = leader == 1 ? 2 : 1;
    world_.stop(follower);
    send_some(3, 10);
    world_.start(follower);
    ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 3));
    send_some(3, 10);
}

// 12 MiB, of which a share of a second's bytes is there at once.
TEST_F(PeersTest, who_catches_up_gets_no_more_than_a_share_of_the_disk) {
    make(1);
    const int32_t leader = world_.leader("t", 0);
    const int32_t follower = leader == 1 ? 2 : 1;
    world_.crash(follower, 1);
    ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 2));
    send_some(12, mib - 200);
    world_.start(follower);
    const Nanos began = world_.clock.now();
    ASSERT_TRUE(world_.wait_for_in_sync("t", 0, 3));
    EXPECT_GT(world_.clock.now() - began, 100 * millisecond_ns);
    EXPECT_LT(world_.clock.now() - began, 5 * second_ns);
}

}  // namespace
}  // namespace penstock::scenario
