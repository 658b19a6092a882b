#include "wire/kafka/heartbeat.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

HeartbeatRequest request_of(std::string_view group) {
    HeartbeatRequest request;
    request.group_id = group;
    request.generation_id = 3;
    request.member_id = "m";
    request.group_instance_id = "i";
    return request;
}

TEST(Heartbeat, passes_on_who_asks_and_what_is_answered) {
    GroupRig rig;
    for (int16_t version = 0; version <= 4; ++version) {
        const auto response = rig.ask<HeartbeatResponse, HeartbeatCall>(request_of("g"), version, [&](auto& call) {
            EXPECT_EQ(call.op, GroupOp::heartbeat);
            EXPECT_EQ(call.group_id, "g");
            EXPECT_EQ(call.key.partition, group_partition("g", 4));
            EXPECT_EQ(call.owner, log::shard_of(call.key, 2));
            EXPECT_EQ(call.member.member_id, "m");
            EXPECT_EQ(call.member.generation, 3);
            EXPECT_EQ(call.member.instance_id.has_value(), version >= 3);
            call.error = ErrorCode::rebalance_in_progress;
        });
        EXPECT_EQ(response.error_code, ErrorCode::rebalance_in_progress);
    }
}

TEST(Heartbeat, needs_a_group_id) {
    GroupRig rig;
    EXPECT_EQ(rig.ask<HeartbeatResponse>(request_of(""), 4).error_code, ErrorCode::invalid_group_id);
}

}  // namespace
}  // namespace penstock::broker
