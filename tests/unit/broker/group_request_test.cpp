#include "broker/group_request.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"
#include "broker/topic_config.h"
#include "wire/kafka/heartbeat.h"

namespace penstock::broker {
namespace {

using wire::kafka::HeartbeatRequest;
using wire::kafka::HeartbeatResponse;

HeartbeatRequest heartbeat() {
    HeartbeatRequest request;
    request.group_id = "g";
    request.member_id = "m";
    return request;
}

TEST(GroupRequest, has_the_topic_made_first_and_then_asks_the_group) {
    GroupRig rig(false);
    rig.start(heartbeat(), 4);
    auto& making = rig.next<TopicsCall>();
    EXPECT_EQ(making.kind, CallKind::topics);
    EXPECT_EQ(rig.deadline(), Nanos{second_ns} + limits::offsets_topic_wait_ms * millisecond_ns);
    rig.add_topic(std::string(offsets_topic), make_uuid(1, 2), {1, 1});
    rig.answer(making);
    EXPECT_FALSE(rig.finished);
    EXPECT_EQ(rig.deadline(), Nanos{second_ns} + limits::group_call_ns);
    rig.answer(rig.next<HeartbeatCall>());
    EXPECT_EQ(rig.response<HeartbeatResponse>().error_code, ErrorCode::none);
}

TEST(GroupRequest, tries_once_to_have_the_topic_made) {
    GroupRig rig(false);
    rig.start(heartbeat(), 4);
    rig.answer(rig.next<TopicsCall>());
    EXPECT_EQ(rig.response<HeartbeatResponse>().error_code, ErrorCode::coordinator_not_available);
}

TEST(GroupRequest, asks_no_group_once_the_time_is_over) {
    GroupRig rig(false);
    rig.start(heartbeat(), 4);
    auto& making = rig.next<TopicsCall>();
    rig.time_out();
    rig.add_topic(std::string(offsets_topic), make_uuid(1, 2), {1, 1});
    rig.answer(making);
    EXPECT_TRUE(rig.asked.empty());
    EXPECT_EQ(rig.response<HeartbeatResponse>().error_code, ErrorCode::coordinator_not_available);
}

TEST(GroupRequest, of_a_client_that_went_ends_without_an_answer) {
    GroupRig rig;
    rig.start(heartbeat(), 4);
    rig.time_out(true);
    EXPECT_EQ(rig.cancels, 1u);
    rig.answer(rig.next<HeartbeatCall>());
    EXPECT_TRUE(rig.silent());
    GroupRig before(false);
    before.start(heartbeat(), 4);
    before.time_out(true);
    before.answer(before.next<TopicsCall>());
    EXPECT_TRUE(before.silent());
}

TEST(GroupRequest, is_refused_where_another_broker_leads) {
    GroupRig rig(false);
    rig.add_topic(std::string(offsets_topic), make_uuid(1, 2), {2});
    EXPECT_EQ(rig.ask<HeartbeatResponse>(heartbeat(), 0).error_code, ErrorCode::not_coordinator);
}

TEST(GroupRequest, the_internal_topic_is_compacted_in_small_segments) {
    BrokerOptions options;
    options.offsets_partitions = 7;
    const NewTopic made = new_offsets_topic(options);
    EXPECT_EQ(made.name, offsets_topic);
    EXPECT_EQ(made.partitions, 7);
    const std::vector<ConfigEntry> expected{
        {"cleanup.policy", "compact"}, {"compression.type", "producer"}, {"segment.bytes", "104857600"}};
    EXPECT_EQ(made.configs, expected);
}

TEST(GroupRequest, errors_of_the_log_become_those_of_a_coordinator) {
    EXPECT_EQ(group_error(ErrorCode::none), ErrorCode::none);
    EXPECT_EQ(group_error(ErrorCode::unknown_member_id), ErrorCode::unknown_member_id);
    EXPECT_EQ(group_error(ErrorCode::not_leader_or_follower), ErrorCode::not_coordinator);
    EXPECT_EQ(group_error(ErrorCode::not_enough_replicas), ErrorCode::coordinator_not_available);
    EXPECT_EQ(group_error(ErrorCode::message_too_large), ErrorCode::unknown_server_error);
}

}  // namespace
}  // namespace penstock::broker
