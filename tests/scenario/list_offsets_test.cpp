#include "wire/kafka/list_offsets.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::ListOffsetsRequest;
using wire::kafka::ListOffsetsResponse;

constexpr int64_t base_ms = 1'700'000'000'000;

TEST(ListOffsets, tells_both_ends) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(list_offset(client, "t", 0, -1).offset, 0);
    produce(client, "t", 0, {"a", "b", "c"});
    const auto latest = list_offset(client, "t", 0, -1);
    EXPECT_EQ(latest.error_code, ErrorCode::none);
    EXPECT_EQ(latest.offset, 3);
    EXPECT_EQ(latest.timestamp, -1);
    EXPECT_EQ(list_offset(client, "t", 0, -2).offset, 0);
}

TEST(ListOffsets, finds_the_first_record_at_or_after_a_time_in_every_codec) {
    BrokerWorld world;
    const Uuid id = world.make_topic("t", 8);
    Client& client = world.connect();
    int32_t partition = 0;
    for (const auto codec : {wire::Codec::none, wire::Codec::gzip, wire::Codec::snappy, wire::Codec::lz4,
                             wire::Codec::zstd}) {
        // Two batches of three records, a millisecond apart inside, a second apart between them.
        produce_batch(client, "t", partition, make_batch({"a", "b", "c"}, codec, base_ms));
        produce_batch(client, "t", partition, make_batch({"d", "e", "f"}, codec, base_ms + 1000));
        const std::pair<int64_t, int64_t> expected[] = {{0, 0}, {base_ms + 1, 1}, {base_ms + 2, 2}, {base_ms + 3, 3},
                                                        {base_ms + 1001, 4}, {base_ms + 1002, 5}};
        for (const auto& [timestamp, offset] : expected) {
            const auto found = list_offset(client, "t", partition, timestamp);
            EXPECT_EQ(found.error_code, ErrorCode::none);
            EXPECT_EQ(found.offset, offset) << timestamp;
            EXPECT_GE(found.timestamp, timestamp);
        }
        const auto beyond = list_offset(client, "t", partition, base_ms + 1003);
        EXPECT_EQ(beyond.error_code, ErrorCode::none);
        EXPECT_EQ(beyond.offset, -1);
        EXPECT_EQ(beyond.timestamp, -1);
        ++partition;
    }
    EXPECT_FALSE(id.is_zero());
}

TEST(ListOffsets, finds_times_that_the_cache_has_lost) {
    BrokerWorld world({.shards = 1, .cache_bytes = 4 * mib});
    world.make_topic("t");
    Client& client = world.connect();
    for (int i = 0; i < 20; ++i)
        produce_batch(client, "t", 0, make_batch({std::string(600'000, 'v')}, wire::Codec::none, base_ms + 1000 * i));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(list_offset(client, "t", 0, base_ms + 1000 * i).offset, i);
}

TEST(ListOffsets, knows_each_place_from_its_version_on) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    produce_batch(client, "t", 0, make_batch({"a", "b", "c"}, wire::Codec::none, base_ms));
    produce_batch(client, "t", 0, make_batch({"d"}, wire::Codec::none, base_ms - 1000));
    struct Place {
        int64_t timestamp;
        int16_t version;
        int64_t offset, found;
    };
    for (const Place& place : {Place{-3, 7, 2, base_ms + 2}, Place{-4, 8, 0, -1}, Place{-5, 9, -1, -1},
                               Place{-6, 11, -1, -1}}) {
        for (int16_t version = 1; version <= 11; ++version) {
            const auto found = list_offset(client, "t", 0, place.timestamp, -1, version);
            const bool known = version >= place.version;
            EXPECT_EQ(found.error_code, known ? ErrorCode::none : ErrorCode::unsupported_version) << version;
            EXPECT_EQ(found.offset, known ? place.offset : -1) << place.timestamp << ' ' << version;
            EXPECT_EQ(found.timestamp, known ? place.found : -1) << place.timestamp << ' ' << version;
        }
    }
}

TEST(ListOffsets, finds_the_highest_time_that_the_cache_has_lost) {
    BrokerWorld world({.shards = 1, .cache_bytes = 4 * mib});
    world.make_topic("t");
    Client& client = world.connect();
    for (int i = 0; i < 40; ++i) {
        const int64_t timestamp = base_ms + (i == 7 ? 1'000'000 : 1000 * i);
        produce_batch(client, "t", 0, make_batch({std::string(600'000, 'v')}, wire::Codec::none, timestamp));
    }
    const auto found = list_offset(client, "t", 0, -3);
    EXPECT_EQ(found.offset, 7);
    EXPECT_EQ(found.timestamp, base_ms + 1'000'000);
}

TEST(ListOffsets, gives_up_when_the_client_does) {
    BrokerWorld world({.shards = 1, .cache_bytes = 4 * mib});
    world.make_topic("t");
    Client& client = world.connect();
    for (int i = 0; i < 40; ++i)
        produce_batch(client, "t", 0, make_batch({std::string(600'000, 'v')}, wire::Codec::none, base_ms + 1000 * i));
    world.directory->stall_until(world.clock.now() + 30 * second_ns);
    wire::kafka::ListOffsetsRequest::Partition asked;
    asked.timestamp = base_ms;
    wire::kafka::ListOffsetsRequest::Topic topic;
    topic.name = "t";
    topic.partitions = {&asked, 1};
    wire::kafka::ListOffsetsRequest request;
    request.topics = {&topic, 1};
    request.timeout_ms = 700;
    const Nanos begun = world.clock.now();
    const auto response = client.ask<wire::kafka::ListOffsetsResponse>(request, 10);
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::request_timed_out);
    EXPECT_LT(world.clock.now() - begun, second_ns);
}

TEST(ListOffsets, refuses_a_partition_that_is_named_twice) {
    BrokerWorld world;
    world.make_topic("t", 3);
    const ListOffsetsRequest::Partition first[] = {{.partition_index = 1}, {.partition_index = 0}};
    const ListOffsetsRequest::Partition second[] = {{.partition_index = 2}, {.partition_index = 1}};
    const ListOffsetsRequest::Topic topics[] = {{"t", first}, {"t", second}};
    ListOffsetsRequest request;
    request.topics = topics;
    const auto response = world.connect().ask<ListOffsetsResponse>(request, 6);
    ASSERT_EQ(response.topics.size(), 2u);
    EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::invalid_request);
    EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::none);
    EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::none);
    EXPECT_EQ(response.topics[1].partitions[1].error_code, ErrorCode::invalid_request);
}

TEST(ListOffsets, refuses_what_it_does_not_know) {
    BrokerWorld world;
    world.make_topic("t");
    Client& client = world.connect();
    EXPECT_EQ(list_offset(client, "nope", 0, -1).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(list_offset(client, "t", 1, -1).error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(list_offset(client, "t", 0, -7).error_code, ErrorCode::unsupported_version);
    EXPECT_EQ(list_offset(client, "t", 0, INT64_MIN).error_code, ErrorCode::unsupported_version);
    EXPECT_EQ(list_offset(client, "t", 0, -1, 1000).error_code, ErrorCode::unknown_leader_epoch);
}

}  // namespace
}  // namespace penstock::scenario
