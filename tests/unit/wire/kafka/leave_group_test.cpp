#include "wire/kafka/leave_group.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(LeaveGroup, request) {
    std::vector<LeaveGroupRequest::Member> members{{"m", {}, "why"}, {"", "i", {}}};
    LeaveGroupRequest message;
    message.group_id = "g";
    message.member_id = "m";
    message.members = members;
    expect_golden(message, 0, "0001 'g' 0001 'm'");
    expect_golden(message, 3, "0001 'g' 00000002 0001 'm' ffff 0000 0001 'i'");
    expect_golden(message, 5, "02 'g' 03 02 'm' 00 04 'why' 00 01 02 'i' 00 00 00");
    expect_all_versions(message, 0, 5);
}

TEST(LeaveGroup, response) {
    std::vector<LeaveGroupResponse::Member> members{{"m", {}, ErrorCode::unknown_member_id}};
    LeaveGroupResponse message;
    message.members = members;
    expect_golden(message, 0, "0000");
    expect_golden(message, 1, "00000000 0000");
    expect_golden(message, 3, "00000000 0000 00000001 0001 'm' ffff 0019");
    expect_golden(message, 4, "00000000 0000 02 02 'm' 00 0019 00 00");
    expect_all_versions(message, 0, 5);
}

}  // namespace
}  // namespace penstock::wire::kafka
