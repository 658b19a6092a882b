#include "wire/kafka/sync_group.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(SyncGroup, request) {
    std::vector<SyncGroupRequest::Assignment> assignments{{"m", bytes_of("a")}};
    SyncGroupRequest message;
    message.group_id = "g";
    message.generation_id = 3;
    message.member_id = "m";
    message.group_instance_id = "i";
    message.protocol_type = "consumer";
    message.protocol_name = "range";
    message.assignments = assignments;
    expect_golden(message, 0, "0001 'g' 00000003 0001 'm' 00000001 0001 'm' 00000001 'a'");
    expect_golden(message, 3, "0001 'g' 00000003 0001 'm' 0001 'i' 00000001 0001 'm' 00000001 'a'");
    expect_golden(message, 5, "02 'g' 00000003 02 'm' 02 'i' 09 'consumer' 06 'range' 02 02 'm' 02 'a' 00 00");
    expect_all_versions(message, 0, 5);
}

TEST(SyncGroup, response) {
    SyncGroupResponse message;
    message.protocol_type = "consumer";
    message.protocol_name = "range";
    message.assignment = bytes_of("a");
    expect_golden(message, 0, "0000 00000001 'a'");
    expect_golden(message, 4, "00000000 0000 02 'a' 00");
    expect_golden(message, 5, "00000000 0000 09 'consumer' 06 'range' 02 'a' 00");
    expect_all_versions(message, 0, 5);
    // Librdkafka wants the bytes to be there, if none.
    expect_golden(SyncGroupResponse{}, 0, "0000 00000000");
    expect_golden(SyncGroupResponse{}, 4, "00000000 0000 01 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
