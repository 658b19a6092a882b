#include "wire/kafka/offset_for_leader_epoch.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::OffsetForLeaderEpochRequest;
using wire::kafka::OffsetForLeaderEpochResponse;

OffsetForLeaderEpochResponse::Partition epoch_end(Client& client, std::string_view topic,
                                                  const OffsetForLeaderEpochRequest::Partition& asked,
                                                  int16_t version = 4) {
    OffsetForLeaderEpochRequest::Topic asked_topic;
    asked_topic.topic = topic;
    asked_topic.partitions = {&asked, 1};
    OffsetForLeaderEpochRequest request;
    request.replica_id = -1;
    request.topics = {&asked_topic, 1};
    const auto response = client.ask<OffsetForLeaderEpochResponse>(request, version);
    EXPECT_EQ(response.topics.size(), 1u);
    if (response.topics.size() != 1) return {};
    EXPECT_EQ(response.topics[0].topic, topic);
    EXPECT_EQ(response.topics[0].partitions[0].partition, asked.partition);
    return response.topics[0].partitions[0];
}

TEST(OffsetForLeaderEpoch, knows_epochs_of_runs_before) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 3);
    for (int32_t partition = 0; partition < 3; ++partition) produce(world.connect(), "t", partition, {"a", "b"});
    world.crash_broker(5);
    world.start_broker();
    Client& client = world.connect();
    const int32_t epoch = world.shards[0]->view().topic("t")->partitions[0].leader_epoch.value;
    ASSERT_GT(epoch, 0);
    for (int32_t partition = 0; partition < 3; ++partition) {
        produce(client, "t", partition, {"c"});
        for (int16_t version = 2; version <= 4; ++version) {
            const auto old = epoch_end(client, "t", {partition, epoch, 0}, version);
            EXPECT_EQ(old.error_code, ErrorCode::none);
            EXPECT_EQ(old.leader_epoch, 0);
            EXPECT_EQ(old.end_offset, 2);
            EXPECT_EQ(epoch_end(client, "t", {partition, -1, epoch}, version).end_offset, 3);
        }
    }
}

TEST(OffsetForLeaderEpoch, refuses_what_it_does_not_know) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(epoch_end(client, "nope", {0, -1, 0}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(epoch_end(client, "t", {1, -1, 0}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(epoch_end(client, "t", {-1, -1, 0}).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(epoch_end(client, "t", {0, 7, 0}).error_code, ErrorCode::unknown_leader_epoch);
    const auto beyond = epoch_end(client, "t", {0, -1, 7});
    EXPECT_EQ(beyond.error_code, ErrorCode::none);
    EXPECT_EQ(beyond.leader_epoch, -1);
    EXPECT_EQ(beyond.end_offset, -1);
}

}  // namespace
}  // namespace penstock::scenario
