#include "wire/kafka/join_group.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(JoinGroup, request) {
    std::vector<JoinGroupRequest::Protocol> protocols{{"range", bytes_of("xy")}};
    JoinGroupRequest message;
    message.group_id = "g";
    message.session_timeout_ms = 6000;
    message.rebalance_timeout_ms = 7000;
    message.member_id = "m";
    message.group_instance_id = "i";
    message.protocol_type = "consumer";
    message.protocols = protocols;
    message.reason = "why";
    expect_golden(message, 0, "0001 'g' 00001770 0001 'm' 0008 'consumer' 00000001 0005 'range' 00000002 'xy'");
    expect_golden(message, 5,
                  "0001 'g' 00001770 00001b58 0001 'm' 0001 'i' 0008 'consumer' 00000001 0005 'range' 00000002 'xy'");
    expect_golden(message, 6, "02 'g' 00001770 00001b58 02 'm' 02 'i' 09 'consumer' 02 06 'range' 03 'xy' 00 00");
    expect_golden(message, 9,
                  "02 'g' 00001770 00001b58 02 'm' 02 'i' 09 'consumer' 02 06 'range' 03 'xy' 00 04 'why' 00");
    expect_all_versions(message, 0, 9);
}

TEST(JoinGroup, response) {
    std::vector<JoinGroupResponse::Member> members{{"m", "i", bytes_of("xy")}};
    JoinGroupResponse message;
    message.generation_id = 3;
    message.protocol_type = "consumer";
    message.protocol_name = "range";
    message.leader = "m";
    message.skip_assignment = true;
    message.member_id = "n";
    message.members = members;
    expect_golden(message, 0, "0000 00000003 0005 'range' 0001 'm' 0001 'n' 00000001 0001 'm' 00000002 'xy'");
    expect_golden(message, 7,
                  "00000000 0000 00000003 09 'consumer' 06 'range' 02 'm' 02 'n' 02 02 'm' 02 'i' 03 'xy' 00 00");
    expect_golden(message, 9,
                  "00000000 0000 00000003 09 'consumer' 06 'range' 02 'm' 01 02 'n' 02 02 'm' 02 'i' 03 'xy' 00 00");
    expect_all_versions(message, 0, 9);
    JoinGroupResponse refused;
    refused.error_code = ErrorCode::member_id_required;
    refused.member_id = "m";
    expect_golden(refused, 4, "00000000 004f ffffffff 0000 0000 0001 'm' 00000000");
    refused.protocol_name.reset();
    expect_golden(refused, 7, "00000000 004f ffffffff 00 00 01 02 'm' 01 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
