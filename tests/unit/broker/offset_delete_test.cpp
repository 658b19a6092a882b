#include "wire/kafka/offset_delete.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

TEST(OffsetDelete, judges_each_partition_and_asks_for_the_rest_in_one_call) {
    const std::vector<OffsetDeleteRequest::Partition> partitions{{0}, {7}, {1}};
    const std::vector<OffsetDeleteRequest::Topic> topics{{"unknown", partitions}, {"t", partitions}};
    OffsetDeleteRequest request;
    request.group_id = "g";
    request.topics = topics;
    GroupRig rig;
    const auto response = rig.ask<OffsetDeleteResponse, DeleteOffsetsCall>(request, 0, [](DeleteOffsetsCall& call) {
        ASSERT_EQ(call.wanted.size(), 2u);
        EXPECT_EQ(call.wanted[0].partition, 0);
        EXPECT_EQ(call.wanted[1].partition, 1);
        call.wanted[1].error = ErrorCode::group_subscribed_to_topic;
    });
    EXPECT_EQ(response.error_code, ErrorCode::none);
    ASSERT_EQ(response.topics.size(), 2u);
    for (const auto& partition : response.topics[0].partitions)
        EXPECT_EQ(partition.error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::none);
    EXPECT_EQ(response.topics[1].partitions[1].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(response.topics[1].partitions[2].partition_index, 1);
    EXPECT_EQ(response.topics[1].partitions[2].error_code, ErrorCode::group_subscribed_to_topic);
}

TEST(OffsetDelete, tells_the_groups_error_on_top) {
    OffsetDeleteRequest request;
    request.group_id = "g";
    GroupRig rig;
    const auto response = rig.ask<OffsetDeleteResponse, DeleteOffsetsCall>(
        request, 0, [](DeleteOffsetsCall& call) { call.error = ErrorCode::group_id_not_found; });
    EXPECT_EQ(response.error_code, ErrorCode::group_id_not_found);
    request.group_id = "";
    EXPECT_EQ(rig.ask<OffsetDeleteResponse>(request, 0).error_code, ErrorCode::invalid_group_id);
}

}  // namespace
}  // namespace penstock::broker
