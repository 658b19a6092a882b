#include "wire/kafka/delete_records.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::DeleteRecordsRequest;
using wire::kafka::DeleteRecordsResponse;

DeleteRecordsResponse delete_records(Client& client, std::string_view topic,
                                     const std::vector<DeleteRecordsRequest::Partition>& partitions,
                                     int16_t version = 2, int32_t timeout_ms = 5000) {
    DeleteRecordsRequest::Topic asked;
    asked.name = topic;
    asked.partitions = partitions;
    DeleteRecordsRequest request;
    request.topics = {&asked, 1};
    request.timeout_ms = timeout_ms;
    return client.ask<DeleteRecordsResponse>(request, version);
}

TEST(DeleteRecords, raises_the_start_for_good_in_every_version) {
    BrokerWorld world({.shards = 3});
    world.make_topic("t", 3);
    Client* client = &world.connect();
    for (int32_t partition = 0; partition < 3; ++partition)
        for (int i = 0; i < 5; ++i) produce(*client, "t", partition, {"a", "b"});
    for (int16_t version = 0; version <= 2; ++version) {
        const auto response = delete_records(*client, "t", {{version, 3 + version}}, version);
        ASSERT_EQ(response.topics.size(), 1u);
        EXPECT_EQ(response.topics[0].name, "t");
        EXPECT_EQ(response.topics[0].partitions[0].partition_index, version);
        EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::none);
        EXPECT_EQ(response.topics[0].partitions[0].low_watermark, 3 + version);
    }
    world.crash_broker(7);
    world.start_broker();
    client = &world.connect();
    for (int32_t partition = 0; partition < 3; ++partition) {
        EXPECT_EQ(list_offset(*client, "t", partition, -2).offset, 3 + partition);
        EXPECT_EQ(list_offset(*client, "t", partition, -1).offset, 10);
        EXPECT_EQ(fetch(*client, "t", partition, 0).error_code, ErrorCode::offset_out_of_range);
        const auto rest = fetch(*client, "t", partition, 3 + partition);
        EXPECT_EQ(rest.log_start_offset, 3 + partition);
        EXPECT_EQ(values_of(rest.records, 3 + partition).size(), static_cast<size_t>(7 - partition));
    }
}

TEST(DeleteRecords, takes_all_and_goes_on_behind) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"a", "b", "c"});
    EXPECT_EQ(delete_records(client, "t", {{0, -1}}).topics[0].partitions[0].low_watermark, 3);
    EXPECT_EQ(delete_records(client, "t", {{0, 1}}).topics[0].partitions[0].low_watermark, 3);
    EXPECT_EQ(produce(client, "t", 0, {"d"}).base_offset, 3);
    EXPECT_EQ(values_of(fetch(client, "t", 0, 3).records), std::vector<std::string>{"d"});
}

TEST(DeleteRecords, judges_each_partition_on_its_own) {
    BrokerWorld world;
    world.make_topic("t", 2);
    world.make_topic("__consumer_offsets");
    world.make_topic("table", 1, {{"cleanup.policy", "compact"}});
    world.make_topic("both", 1, {{"cleanup.policy", "compact,delete"}});
    Client& client = world.connect();
    produce(client, "t", 0, {"a", "b"});
    produce(client, "t", 1, {"a", "b"});
    const auto response = delete_records(client, "t", {{0, 3}, {1, 1}, {2, 0}, {-1, 0}, {0, -2}, {1, 1}});
    const ErrorCode expected[] = {ErrorCode::offset_out_of_range, ErrorCode::none,
                                  ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_or_partition,
                                  ErrorCode::offset_out_of_range, ErrorCode::none};
    ASSERT_EQ(response.topics[0].partitions.size(), std::size(expected));
    for (size_t i = 0; i < std::size(expected); ++i) {
        EXPECT_EQ(response.topics[0].partitions[i].error_code, expected[i]) << i;
        EXPECT_EQ(response.topics[0].partitions[i].low_watermark, expected[i] == ErrorCode::none ? 1 : -1) << i;
    }
    EXPECT_EQ(delete_records(client, "nope", {{0, 0}}).topics[0].partitions[0].error_code,
              ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(delete_records(client, "__consumer_offsets", {{0, 0}}).topics[0].partitions[0].error_code,
              ErrorCode::invalid_topic);
    EXPECT_EQ(delete_records(client, "table", {{0, 0}}).topics[0].partitions[0].error_code,
              ErrorCode::policy_violation);
    EXPECT_EQ(delete_records(client, "both", {{0, 0}}).topics[0].partitions[0].error_code, ErrorCode::none);
    EXPECT_EQ(delete_records(client, "__consumer_offsets", {{7, 0}}).topics[0].partitions[0].error_code,
              ErrorCode::unknown_topic_or_partition);
}

TEST(DeleteRecords, times_out_when_the_disk_does_not_answer) {
    BrokerWorld world({.shards = 1});
    world.make_topic("t");
    Client& client = world.connect();
    produce(client, "t", 0, {"a", "b"});
    world.directory->stall_until(world.clock.now() + 10 * second_ns);
    const Nanos asked = world.clock.now();
    EXPECT_EQ(delete_records(client, "t", {{0, 1}}, 2, 500).topics[0].partitions[0].error_code,
              ErrorCode::request_timed_out);
    EXPECT_LT(world.clock.now() - asked, second_ns);
    world.run(20 * second_ns);
    EXPECT_EQ(list_offset(client, "t", 0, -2).offset, 1);
}

}  // namespace
}  // namespace penstock::scenario
