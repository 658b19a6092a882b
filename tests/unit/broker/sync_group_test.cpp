#include "wire/kafka/sync_group.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

class SyncGroupTest : public testing::Test {
protected:
    SyncGroupTest() {
        request_.group_id = "g";
        request_.generation_id = 3;
        request_.member_id = "m";
        request_.protocol_type = "consumer";
        request_.protocol_name = "range";
        request_.assignments = assignments_;
    }
    std::vector<SyncGroupRequest::Assignment> assignments_{{"m", std::as_bytes(std::span("xy", 2))}};
    SyncGroupRequest request_;
    GroupRig rig_;
};

TEST_F(SyncGroupTest, passes_on_assignments_and_answers_with_one) {
    for (int16_t version = 0; version <= 5; ++version) {
        SCOPED_TRACE(version);
        const auto response = rig_.ask<SyncGroupResponse, SyncGroupCall>(request_, version, [&](SyncGroupCall& call) {
            EXPECT_EQ(call.member.member_id, "m");
            EXPECT_EQ(call.member.generation, 3);
            EXPECT_EQ(call.protocol.has_value(), version >= 5);
            ASSERT_EQ(call.assignments.size(), 1u);
            EXPECT_EQ(call.assignments[0].member_id, "m");
            EXPECT_EQ(call.assignments[0].bytes.size(), 2u);
            call.chosen_protocol_type = "consumer";
            call.chosen_protocol = "range";
            call.assignment = "abc";
        });
        EXPECT_EQ(response.error_code, ErrorCode::none);
        EXPECT_EQ(response.assignment->size(), 3u);
        EXPECT_EQ(response.protocol_name.has_value(), version >= 5);
    }
}

TEST_F(SyncGroupTest, always_has_an_assignment_if_an_empty_one) {
    const auto response = rig_.ask<SyncGroupResponse, SyncGroupCall>(
        request_, 3, [](SyncGroupCall& call) { call.error = ErrorCode::rebalance_in_progress; });
    EXPECT_EQ(response.error_code, ErrorCode::rebalance_in_progress);
    ASSERT_TRUE(response.assignment.has_value());
    EXPECT_TRUE(response.assignment->empty());
}

TEST_F(SyncGroupTest, needs_the_protocol_from_version_5_on_and_a_group_id) {
    request_.protocol_name.reset();
    EXPECT_EQ(rig_.ask<SyncGroupResponse>(request_, 5).error_code, ErrorCode::inconsistent_group_protocol);
    request_.group_id = "";
    EXPECT_EQ(rig_.ask<SyncGroupResponse>(request_, 4).error_code, ErrorCode::invalid_group_id);
}

}  // namespace
}  // namespace penstock::broker
