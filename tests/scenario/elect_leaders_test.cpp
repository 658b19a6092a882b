#include "wire/kafka/elect_leaders.h"

#include <gtest/gtest.h>

#include "scenario/kafka_calls.h"

namespace penstock::scenario {
namespace {

using wire::kafka::election_preferred;
using wire::kafka::election_unclean;
using wire::kafka::ElectLeadersRequest;
using wire::kafka::ElectLeadersResponse;

TEST(ElectLeaders, is_not_needed_where_the_preferred_leader_leads) {
    BrokerWorld world;
    world.make_topic("t", 2);
    const std::vector<int32_t> partitions{1, 0, 2, -1}, one{0};
    const std::vector<ElectLeadersRequest::Topic> topics{{"t", partitions}, {"nope", one}};
    const ErrorCode expected[] = {ErrorCode::election_not_needed, ErrorCode::election_not_needed,
                                  ErrorCode::unknown_topic_or_partition, ErrorCode::unknown_topic_or_partition};
    Client& client = world.connect();
    for (int16_t version = 0; version <= 2; ++version) {
        for (const int8_t type : {election_preferred, election_unclean}) {
            ElectLeadersRequest request;
            request.election_type = type;
            request.topic_partitions = topics;
            const auto response = client.ask<ElectLeadersResponse>(request, version);
            EXPECT_EQ(response.error_code, ErrorCode::none);
            ASSERT_EQ(response.replica_election_results.size(), 2u);
            const auto& results = response.replica_election_results[0].partition_result;
            ASSERT_EQ(results.size(), 4u);
            for (size_t i = 0; i < 4; ++i) {
                EXPECT_EQ(results[i].partition_id, partitions[i]);
                EXPECT_EQ(results[i].error_code, expected[i]);
                EXPECT_TRUE(results[i].error_message.has_value());
            }
            EXPECT_EQ(response.replica_election_results[1].partition_result[0].error_code,
                      ErrorCode::unknown_topic_or_partition);
        }
    }
}

TEST(ElectLeaders, of_all_lists_only_partitions_that_wanted_it) {
    BrokerWorld world;
    world.make_topic("t", 2);
    const auto response = world.connect().ask<ElectLeadersResponse>(ElectLeadersRequest(), 2);
    EXPECT_EQ(response.error_code, ErrorCode::none);
    ASSERT_EQ(response.replica_election_results.size(), 1u);
    EXPECT_EQ(response.replica_election_results[0].topic, "t");
    EXPECT_TRUE(response.replica_election_results[0].partition_result.empty());
}

TEST(ElectLeaders, refuses_types_that_it_does_not_know) {
    BrokerWorld world;
    world.make_topic("t", 1);
    const std::vector<int32_t> one{0};
    const std::vector<ElectLeadersRequest::Topic> topics{{"t", one}};
    ElectLeadersRequest request;
    request.election_type = 2;
    Client& client = world.connect();
    EXPECT_EQ(client.ask<ElectLeadersResponse>(request, 2).error_code, ErrorCode::invalid_request);
    request.topic_partitions = topics;
    const auto response = client.ask<ElectLeadersResponse>(request, 1);
    EXPECT_EQ(response.error_code, ErrorCode::invalid_request);
    EXPECT_EQ(response.replica_election_results[0].partition_result[0].error_code, ErrorCode::invalid_request);
}

}  // namespace
}  // namespace penstock::scenario
