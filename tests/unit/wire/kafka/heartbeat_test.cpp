#include "wire/kafka/heartbeat.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(Heartbeat, request) {
    HeartbeatRequest message;
    message.group_id = "g";
    message.generation_id = 3;
    message.member_id = "m";
    expect_golden(message, 0, "0001 'g' 00000003 0001 'm'");
    expect_golden(message, 3, "0001 'g' 00000003 0001 'm' ffff");
    expect_golden(message, 4, "02 'g' 00000003 02 'm' 00 00");
    message.group_instance_id = "i";
    expect_golden(message, 4, "02 'g' 00000003 02 'm' 02 'i' 00");
    expect_all_versions(message, 0, 4);
}

TEST(Heartbeat, response) {
    HeartbeatResponse message;
    message.error_code = ErrorCode::rebalance_in_progress;
    expect_golden(message, 0, "001b");
    expect_golden(message, 1, "00000000 001b");
    expect_golden(message, 4, "00000000 001b 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
