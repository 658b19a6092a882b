#include "wire/kafka/produce.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

TEST(Produce, gives_consecutive_offsets_on_every_shard) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    Client& client = world.connect();
    for (uint32_t shard = 0; shard < 2; ++shard) {
        const int32_t partition = world.partition_of(id, 8, shard);
        ASSERT_GE(partition, 0);
        EXPECT_EQ(produce(client, "t", partition, {"a", "b", "c"}).base_offset, 0);
        EXPECT_EQ(produce(client, "t", partition, {"d"}).base_offset, 3);
        EXPECT_EQ(values_of(fetch(client, "t", partition, 0).records), (std::vector<std::string>{"a", "b", "c", "d"}));
    }
}

}  // namespace
}  // namespace penstock::scenario
