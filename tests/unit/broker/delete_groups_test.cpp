#include "wire/kafka/delete_groups.h"

#include <gtest/gtest.h>

#include "broker/group_rig.h"

namespace penstock::broker {
namespace {

using namespace wire::kafka;

TEST(DeleteGroups, judges_each_on_its_own) {
    const std::vector<std::string_view> names{"g", "", "h"};
    DeleteGroupsRequest request;
    request.group_names = names;
    GroupRig rig;
    for (int16_t version = 0; version <= 2; ++version) {
        rig.start(request, version);
        auto& first = rig.next<DeleteGroupCall>();
        auto& second = rig.next<DeleteGroupCall>();
        EXPECT_EQ(first.group_id, "g");
        EXPECT_EQ(second.group_id, "h");
        first.error = ErrorCode::non_empty_group;
        rig.answer(first);
        rig.answer(second);
        const auto response = rig.response<DeleteGroupsResponse>();
        ASSERT_EQ(response.results.size(), 3u);
        EXPECT_EQ(response.results[0].group_id, "g");
        EXPECT_EQ(response.results[0].error_code, ErrorCode::non_empty_group);
        EXPECT_EQ(response.results[1].error_code, ErrorCode::invalid_group_id);
        EXPECT_EQ(response.results[2].error_code, ErrorCode::none);
    }
}

TEST(DeleteGroups, closes_on_more_than_anybody_asks_for) {
    const std::vector<std::string_view> names(limits::groups_per_request + 1, "g");
    DeleteGroupsRequest request;
    request.group_names = names;
    GroupRig rig;
    rig.start(request, 2);
    EXPECT_TRUE(rig.closed);
}

}  // namespace
}  // namespace penstock::broker
