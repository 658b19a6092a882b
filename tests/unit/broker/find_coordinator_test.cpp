#include "wire/kafka/find_coordinator.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

FindCoordinatorRequest request_of(std::string_view key, std::span<const std::string_view> keys = {}) {
    FindCoordinatorRequest request;
    request.coordinator_key = key;
    request.coordinator_keys = keys;
    return request;
}

TEST(FindCoordinator, names_the_broker_in_every_version) {
    GroupRig rig;
    for (int16_t version = 0; version <= 3; ++version) {
        const auto response = rig.ask<FindCoordinatorResponse>(request_of("g"), version);
        EXPECT_EQ(response.error_code, ErrorCode::none);
        EXPECT_EQ(response.node_id, 1);
        EXPECT_EQ(response.host, "one");
        EXPECT_EQ(response.port, 9092);
    }
    const std::vector<std::string_view> keys{"g", "h"};
    for (int16_t version = 4; version <= 6; ++version) {
        const auto response = rig.ask<FindCoordinatorResponse>(request_of("", keys), version);
        ASSERT_EQ(response.coordinators.size(), 2u);
        EXPECT_EQ(response.coordinators[1].key, "h");
        EXPECT_EQ(response.coordinators[1].node_id, 1);
        EXPECT_EQ(response.coordinators[1].error_code, ErrorCode::none);
    }
}

TEST(FindCoordinator, names_another_broker_that_leads_the_groups_partition) {
    GroupRig rig(false);
    rig.add_topic(std::string(offsets_topic), make_uuid(1, 2), {2, 2});
    const auto response = rig.ask<FindCoordinatorResponse>(request_of("g"), 2);
    EXPECT_EQ(response.node_id, 2);
    EXPECT_EQ(response.host, "two");
    EXPECT_EQ(response.port, 9093);
}

TEST(FindCoordinator, of_a_partition_without_a_leader_is_not_available) {
    GroupRig rig(false);
    rig.add_topic(std::string(offsets_topic), make_uuid(1, 2), {-1});
    const auto response = rig.ask<FindCoordinatorResponse>(request_of("g"), 1);
    EXPECT_EQ(response.error_code, ErrorCode::coordinator_not_available);
    EXPECT_EQ(response.node_id, -1);
}

TEST(FindCoordinator, has_the_topic_made_and_answers_in_the_same_request) {
    GroupRig rig(false);
    rig.start(request_of("g"), 2);
    auto& call = rig.next<TopicsCall>();
    ASSERT_EQ(call.created.size(), 1u);
    EXPECT_EQ(call.created[0].name, "__consumer_offsets");
    EXPECT_EQ(call.created[0].partitions, 50);
    rig.add_topic(std::string(offsets_topic), make_uuid(1, 2), {1, 1});
    rig.answer(call);
    EXPECT_EQ(rig.response<FindCoordinatorResponse>().node_id, 1);
}

TEST(FindCoordinator, says_so_when_the_topic_cannot_be_made) {
    GroupRig rig(false);
    const std::vector<std::string_view> keys{"g"};
    const auto response = rig.ask<FindCoordinatorResponse, TopicsCall>(
        request_of("", keys), 4, [](auto& call) { call.result.error = ErrorCode::request_timed_out; });
    ASSERT_EQ(response.coordinators.size(), 1u);
    EXPECT_EQ(response.coordinators[0].error_code, ErrorCode::coordinator_not_available);
    EXPECT_TRUE(response.coordinators[0].error_message.has_value());
}

TEST(FindCoordinator, refuses_what_is_not_a_group) {
    GroupRig rig(false);
    const std::vector<std::string_view> keys{"t"};
    for (const int8_t type : {coordinator_of_transaction, coordinator_of_share_group, int8_t{9}}) {
        FindCoordinatorRequest request = request_of("t", keys);
        request.key_type = type;
        EXPECT_EQ(rig.ask<FindCoordinatorResponse>(request, 3).error_code, ErrorCode::invalid_request);
        const auto response = rig.ask<FindCoordinatorResponse>(request, 6);
        ASSERT_EQ(response.coordinators.size(), 1u);
        EXPECT_EQ(response.coordinators[0].error_code, ErrorCode::invalid_request);
        EXPECT_FALSE(response.coordinators[0].error_message.value_or("").empty());
    }
}

}  // namespace
}  // namespace penstock::broker
