#include "wire/kafka/leave_group.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

TEST(LeaveGroup, of_one_member_tells_its_error_on_top) {
    GroupRig rig;
    LeaveGroupRequest request;
    request.group_id = "g";
    request.member_id = "m";
    for (int16_t version = 0; version <= 2; ++version) {
        const auto response = rig.ask<LeaveGroupResponse, LeaveGroupCall>(request, version, [](LeaveGroupCall& call) {
            ASSERT_EQ(call.members.size(), 1u);
            EXPECT_EQ(call.members[0].member_id, "m");
            call.members[0].error = ErrorCode::unknown_member_id;
        });
        EXPECT_EQ(response.error_code, ErrorCode::unknown_member_id);
    }
}

TEST(LeaveGroup, of_several_tells_each_its_own) {
    GroupRig rig;
    const std::vector<LeaveGroupRequest::Member> members{{"m", {}, {}}, {"", "i", "why"}};
    LeaveGroupRequest request;
    request.group_id = "g";
    request.members = members;
    for (int16_t version = 3; version <= 5; ++version) {
        const auto response = rig.ask<LeaveGroupResponse, LeaveGroupCall>(request, version, [](LeaveGroupCall& call) {
            ASSERT_EQ(call.members.size(), 2u);
            EXPECT_EQ(call.members[1].instance_id, "i");
            call.members[1].error = ErrorCode::fenced_instance_id;
        });
        EXPECT_EQ(response.error_code, ErrorCode::none);
        ASSERT_EQ(response.members.size(), 2u);
        EXPECT_EQ(response.members[0].member_id, "m");
        EXPECT_EQ(response.members[0].error_code, ErrorCode::none);
        EXPECT_EQ(response.members[1].group_instance_id, "i");
        EXPECT_EQ(response.members[1].error_code, ErrorCode::fenced_instance_id);
    }
    request.group_id = "";
    EXPECT_EQ(rig.ask<LeaveGroupResponse>(request, 5).error_code, ErrorCode::invalid_group_id);
}

}  // namespace
}  // namespace penstock::broker
