#include "wire/kafka/describe_log_dirs.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::DescribeLogDirsRequest;
using wire::kafka::DescribeLogDirsResponse;

BrokerWorldOptions three_shards() {
    BrokerWorldOptions options;
    options.shards = 3;
    options.broker.data_directory = "/data";
    return options;
}

/// "a:0+ a:1- ": with records or without.
std::string text_of(const DescribeLogDirsResponse::Result& result) {
    std::string text;
    for (const auto& topic : result.topics)
        for (const auto& partition : topic.partitions) {
            EXPECT_EQ(partition.offset_lag, 0);
            EXPECT_FALSE(partition.is_future_key);
            text += std::string(topic.name) + ':' + std::to_string(partition.partition_index) +
                    (partition.partition_size > 0 ? "+ " : "- ");
        }
    return text;
}

TEST(DescribeLogDirs, tells_the_sizes_on_all_shards) {
    BrokerWorld world(three_shards());
    world.make_topic("b", 2);
    world.make_topic("a", 4);
    for (const int32_t partition : {0, 2, 3}) produce(world.connect(), "a", partition, {std::string(1000, 'x')});
    Client& client = world.connect();
    for (int16_t version = 1; version <= 5; ++version) {
        const auto response = client.ask<DescribeLogDirsResponse>(DescribeLogDirsRequest(), version);
        EXPECT_EQ(response.error_code, ErrorCode::none);
        ASSERT_EQ(response.results.size(), 1u);
        const auto& result = response.results[0];
        EXPECT_EQ(result.error_code, ErrorCode::none);
        EXPECT_EQ(result.log_dir, "/data");
        EXPECT_EQ(text_of(result), "a:0+ a:1- a:2+ a:3+ b:0- b:1- ");
        EXPECT_EQ(result.total_bytes > 0, version >= 4);
        EXPECT_EQ(result.usable_bytes > 0, version >= 4);
        EXPECT_LE(result.usable_bytes, result.total_bytes);
        EXPECT_FALSE(result.is_cordoned);
    }
}

TEST(DescribeLogDirs, tells_of_what_is_asked_for_and_there) {
    BrokerWorld world(three_shards());
    world.make_topic("a", 3);
    world.make_topic("b", 1);
    const std::vector<int32_t> some{2, 0, 2, 7, -1}, one{0};
    const std::vector<DescribeLogDirsRequest::Topic> topics{{"b", one}, {"nope", one}, {"a", some}, {"a", one}};
    DescribeLogDirsRequest request;
    request.topics = topics;
    Client& client = world.connect();
    EXPECT_EQ(text_of(client.ask<DescribeLogDirsResponse>(request, 5).results[0]), "a:0- a:2- b:0- ");
    request.topics = wire::Array<DescribeLogDirsRequest::Topic>();
    const auto none = client.ask<DescribeLogDirsResponse>(request, 5);
    EXPECT_TRUE(none.results[0].topics.empty());
    EXPECT_GT(none.results[0].total_bytes, 0);
}

}  // namespace
}  // namespace penstock::scenario
