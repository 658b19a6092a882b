#include "wire/kafka/describe_groups.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

class DescribeGroupsTest : public testing::Test {
protected:
    DescribeGroupsTest() { request_.groups = groups_; }
    std::vector<std::string_view> groups_{"g"};
    DescribeGroupsRequest request_;
    GroupRig rig_;
};

TEST_F(DescribeGroupsTest, tells_state_and_members) {
    for (int16_t version = 0; version <= 6; ++version) {
        const auto response = rig_.ask<DescribeGroupsResponse, DescribeGroupCall>(request_, version, [](auto& call) {
            call.found = true;
            call.state = "Stable";
            call.protocol_type = "consumer";
            call.protocol = "range";
            call.members = {{"m", "i", "c", "/h", "xy", "z"}};
        });
        ASSERT_EQ(response.groups.size(), 1u);
        const auto& group = response.groups[0];
        EXPECT_EQ(group.error_code, ErrorCode::none);
        EXPECT_EQ(group.group_state, "Stable");
        EXPECT_EQ(group.protocol_data, "range");
        EXPECT_EQ(group.authorized_operations, operations_unknown);
        ASSERT_EQ(group.members.size(), 1u);
        EXPECT_EQ(group.members[0].client_host, "/h");
        EXPECT_EQ(group.members[0].member_metadata.size(), 2u);
        EXPECT_EQ(group.members[0].group_instance_id.has_value(), version >= 4);
    }
}

TEST_F(DescribeGroupsTest, calls_an_unknown_group_dead_and_from_version_6_on_not_found) {
    for (const int16_t version : {int16_t{0}, int16_t{5}, int16_t{6}}) {
        const auto response = rig_.ask<DescribeGroupsResponse, DescribeGroupCall>(request_, version, [](auto&) {});
        const auto& group = response.groups[0];
        EXPECT_EQ(group.group_state, "Dead");
        EXPECT_EQ(group.error_code, version == 6 ? ErrorCode::group_id_not_found : ErrorCode::none);
        EXPECT_EQ(group.error_message.has_value(), version == 6);
    }
}

TEST_F(DescribeGroupsTest, judges_each_on_its_own) {
    groups_ = {"", "g", "h"};
    request_.groups = groups_;
    request_.include_authorized_operations = true;
    rig_.start(request_, 5);
    auto& first = rig_.next<DescribeGroupCall>();
    auto& second = rig_.next<DescribeGroupCall>();
    first.error = ErrorCode::coordinator_load_in_progress;
    second.found = true;
    rig_.answer(second);
    rig_.answer(first);
    const auto response = rig_.response<DescribeGroupsResponse>();
    ASSERT_EQ(response.groups.size(), 3u);
    EXPECT_EQ(response.groups[0].error_code, ErrorCode::invalid_group_id);
    EXPECT_EQ(response.groups[1].error_code, ErrorCode::coordinator_load_in_progress);
    EXPECT_EQ(response.groups[2].error_code, ErrorCode::none);
    EXPECT_EQ(response.groups[2].authorized_operations, 0xd48) << "as Kafka answers without an authorizer";
}

}  // namespace
}  // namespace penstock::broker
