#include "wire/kafka/join_group.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

class JoinGroupTest : public testing::Test {
protected:
    JoinGroupTest() {
        request_.group_id = "g";
        request_.session_timeout_ms = 10'000;
        request_.rebalance_timeout_ms = 60'000;
        request_.member_id = "m";
        request_.group_instance_id = "i";
        request_.protocol_type = "consumer";
        request_.protocols = protocols_;
    }
    std::vector<JoinGroupRequest::Protocol> protocols_{{"range", std::as_bytes(std::span("xy", 2))}, {"sticky", {}}};
    JoinGroupRequest request_;
    GroupRig rig_;
};

TEST_F(JoinGroupTest, passes_on_everything_and_answers_the_leader) {
    for (int16_t version = 0; version <= 9; ++version) {
        SCOPED_TRACE(version);
        const auto response = rig_.ask<JoinGroupResponse, JoinGroupCall>(request_, version, [&](JoinGroupCall& call) {
            EXPECT_EQ(call.group_id, "g");
            EXPECT_EQ(call.member.member_id, "m");
            EXPECT_EQ(call.member.instance_id.has_value(), version >= 5);
            EXPECT_EQ(call.client_id, "client");
            EXPECT_EQ(call.client_host, "/1.2.3.4");
            EXPECT_EQ(call.session_timeout_ms, 10'000);
            EXPECT_EQ(call.rebalance_timeout_ms, version == 0 ? 10'000 : 60'000);
            EXPECT_EQ(call.protocol_type, "consumer");
            ASSERT_EQ(call.protocols.size(), 2u);
            EXPECT_EQ(call.protocols[0].name, "range");
            EXPECT_EQ(call.protocols[0].metadata.size(), 2u);
            EXPECT_EQ(call.id_required, version >= 4);
            EXPECT_EQ(call.may_skip_assignment, version >= 9);
            call.generation = 5;
            call.member_id = call.leader_id = "m";
            call.chosen_protocol_type = "consumer";
            call.chosen_protocol = "range";
            call.skip_assignment = version >= 9;
            call.members = {{"m", "i", "xy"}, {"n", std::nullopt, ""}};
        });
        EXPECT_EQ(response.error_code, ErrorCode::none);
        EXPECT_EQ(response.generation_id, 5);
        EXPECT_EQ(response.leader, "m");
        EXPECT_EQ(response.member_id, "m");
        EXPECT_EQ(response.protocol_name, "range");
        EXPECT_EQ(response.protocol_type.has_value(), version >= 7);
        EXPECT_EQ(response.skip_assignment, version >= 9);
        ASSERT_EQ(response.members.size(), 2u);
        EXPECT_EQ(response.members[0].metadata.size(), 2u);
        EXPECT_EQ(response.members[1].member_id, "n");
    }
}

TEST_F(JoinGroupTest, tells_a_new_member_its_id_beside_the_error) {
    request_.member_id = "";
    for (const int16_t version : {int16_t{4}, int16_t{9}}) {
        const auto response = rig_.ask<JoinGroupResponse, JoinGroupCall>(request_, version, [](JoinGroupCall& call) {
            call.error = ErrorCode::member_id_required;
            call.member_id = "new";
        });
        EXPECT_EQ(response.error_code, ErrorCode::member_id_required);
        EXPECT_EQ(response.member_id, "new");
        EXPECT_EQ(response.generation_id, -1);
        EXPECT_EQ(response.protocol_name.has_value(), version < 7);
    }
}

TEST_F(JoinGroupTest, takes_the_session_timeout_for_a_rebalance_timeout_of_minus_one) {
    request_.rebalance_timeout_ms = -1;
    rig_.ask<JoinGroupResponse, JoinGroupCall>(
        request_, 5, [](JoinGroupCall& call) { EXPECT_EQ(call.rebalance_timeout_ms, 10'000); });
}

TEST_F(JoinGroupTest, waits_for_long_but_not_for_ever) {
    request_.rebalance_timeout_ms = INT32_MAX;
    rig_.start(request_, 5);
    EXPECT_EQ(rig_.deadline(), Nanos{second_ns} + limits::group_wait_ns + limits::group_wait_slack_ns);
    rig_.time_out();
    EXPECT_EQ(rig_.cancels, 1u);
    auto& call = rig_.next<JoinGroupCall>();
    call.error = ErrorCode::request_timed_out;
    rig_.answer(call);
    EXPECT_EQ(rig_.response<JoinGroupResponse>().error_code, ErrorCode::coordinator_not_available);
}

TEST_F(JoinGroupTest, needs_a_group_id) {
    request_.group_id = "";
    EXPECT_EQ(rig_.ask<JoinGroupResponse>(request_, 9).error_code, ErrorCode::invalid_group_id);
}

}  // namespace
}  // namespace penstock::broker
