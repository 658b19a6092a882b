// Offsets that were committed are there under the next coordinator of their group.
#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"
#include "scenario/replica_world.h"
#include "wire/kafka/find_coordinator.h"
#include "wire/kafka/offset_commit.h"
#include "wire/kafka/offset_fetch.h"

namespace penstock::scenario {
namespace {

using wire::kafka::FindCoordinatorRequest;
using wire::kafka::FindCoordinatorResponse;
using wire::kafka::OffsetCommitRequest;
using wire::kafka::OffsetCommitResponse;
using wire::kafka::OffsetFetchRequest;
using wire::kafka::OffsetFetchResponse;

constexpr const char* offsets_topic = "__consumer_offsets";

ErrorCode commit(Client& client, int64_t offset) {
    OffsetCommitRequest::Partition row;
    row.partition_index = 0;
    row.committed_offset = offset;
    OffsetCommitRequest::Topic topic;
    topic.name = "t";
    topic.partitions = {&row, 1};
    OffsetCommitRequest request;
    request.group_id = "g";
    request.topics = {&topic, 1};
    return client.ask<OffsetCommitResponse>(request, 7).topics[0].partitions[0].error_code;
}

/// -1: none, or not known here yet.
int64_t committed(Client& client) {
    const int32_t partition = 0;
    OffsetFetchRequest::Topic topic;
    topic.name = "t";
    topic.partition_indexes = {&partition, 1};
    OffsetFetchRequest request;
    request.group_id = "g";
    request.topics = wire::Array<OffsetFetchRequest::Topic>(&topic, 1);
    const auto found = client.ask<OffsetFetchResponse>(request, 7);
    return found.error_code == ErrorCode::none ? found.topics[0].partitions[0].committed_offset : -1;
}

TEST(GroupFailover, committed_offsets_outlive_their_coordinator) {
    ReplicaWorldOptions options;
    options.broker.offsets_partitions = 1;
    ReplicaWorld world(options);
    world.make_topic("t", 1, 3);
    FindCoordinatorRequest find;
    find.coordinator_key = "g";
    world.connect(1).ask<FindCoordinatorResponse>(find, 2);
    ASSERT_TRUE(world.wait_for_in_sync(offsets_topic, 0, 3));
    int64_t offset = 0;
    for (uint64_t kills = 0; kills < 2; ++kills) {
        const int32_t leader = world.leader(offsets_topic, 0);
        Client& client = world.connect(leader);
        for (int i = 0; i < 10; ++i) {
            ErrorCode error = ErrorCode::coordinator_load_in_progress;
            for (int tries = 0; tries < 100 && error != ErrorCode::none; ++tries) {
                error = commit(client, offset + 1);
                world.run(10 * millisecond_ns);
            }
            ASSERT_EQ(error, ErrorCode::none);
            ++offset;
        }
        world.crash(leader, kills);
        ASSERT_TRUE(world.run_until([&] { return world.partition(offsets_topic, 0)->leader.value != leader; }));
        Client& next = world.connect(world.leader(offsets_topic, 0));
        int64_t found = -1;
        for (int tries = 0; tries < 100 && found < 0; ++tries) {
            found = committed(next);
            world.run(10 * millisecond_ns);
        }
        EXPECT_EQ(found, offset);
        world.start(leader);
        ASSERT_TRUE(world.wait_for_in_sync(offsets_topic, 0, 3));
    }
}

}  // namespace
}  // namespace penstock::scenario
