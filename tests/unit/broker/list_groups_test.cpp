#include "wire/kafka/list_groups.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

class ListGroupsTest : public testing::Test {
protected:
    ListGroupsResponse list(int16_t version) {
        rig_.start(request_, version);
        auto& first = rig_.next<ListGroupsCall>();
        auto& second = rig_.next<ListGroupsCall>();
        EXPECT_NE(first.owner, second.owner);
        first.groups = {{"a", "consumer", "Stable"}, {"b", "connect", "Empty"}};
        second.groups = {{"c", "consumer", "PreparingRebalance"}};
        rig_.answer(second);
        rig_.answer(first);
        return rig_.response<ListGroupsResponse>();
    }
    GroupRig rig_;
    ListGroupsRequest request_;
};

TEST_F(ListGroupsTest, asks_every_shard) {
    for (int16_t version = 0; version <= 5; ++version) {
        const auto response = list(version);
        EXPECT_EQ(response.error_code, ErrorCode::none);
        ASSERT_EQ(response.groups.size(), 3u);
        EXPECT_EQ(response.groups[1].group_id, "b");
        EXPECT_EQ(response.groups[1].protocol_type, "connect");
        EXPECT_EQ(response.groups[2].group_state, version >= 4 ? "PreparingRebalance" : "");
        EXPECT_EQ(response.groups[2].group_type, version >= 5 ? "classic" : "");
    }
}

TEST_F(ListGroupsTest, filters_in_any_case) {
    const std::vector<std::string_view> states{"PREPARINGREBALANCE", "empty"};
    request_.states_filter = states;
    const auto by_state = list(4);
    ASSERT_EQ(by_state.groups.size(), 2u);
    EXPECT_EQ(by_state.groups[0].group_id, "b");
    EXPECT_EQ(by_state.groups[1].group_id, "c");
    request_.states_filter = {};
    const std::vector<std::string_view> classic{"Classic"}, consumer{"consumer"};
    request_.types_filter = classic;
    EXPECT_EQ(list(5).groups.size(), 3u);
    request_.types_filter = consumer;
    EXPECT_EQ(list(5).groups.size(), 0u);
}

TEST_F(ListGroupsTest, needs_no_internal_topic_and_tells_an_error) {
    GroupRig rig(false);
    rig.start(request_, 5);
    auto& first = rig.next<ListGroupsCall>();
    auto& second = rig.next<ListGroupsCall>();
    EXPECT_EQ(first.kind, CallKind::group);
    first.error = ErrorCode::coordinator_load_in_progress;
    rig.answer(first);
    rig.answer(second);
    EXPECT_EQ(rig.response<ListGroupsResponse>().error_code, ErrorCode::coordinator_load_in_progress);
}

}  // namespace
}  // namespace penstock::broker
