#include "wire/kafka/offset_for_leader_epoch.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(OffsetForLeaderEpoch, request) {
    const std::vector<OffsetForLeaderEpochRequest::Partition> partitions{{1, 2, 3}};
    const std::vector<OffsetForLeaderEpochRequest::Topic> topics{{"a", partitions}};
    OffsetForLeaderEpochRequest message;
    message.replica_id = -1;
    message.topics = topics;
    expect_golden(message, 2, "00000001 0001 'a' 00000001 00000001 00000002 00000003");
    expect_golden(message, 3, "ffffffff 00000001 0001 'a' 00000001 00000001 00000002 00000003");
    expect_golden(message, 4, "ffffffff 02 02 'a' 02 00000001 00000002 00000003 00 00 00");
    expect_all_versions(message, 2, 4);
}

TEST(OffsetForLeaderEpoch, response) {
    const std::vector<OffsetForLeaderEpochResponse::Partition> partitions{
        {ErrorCode::none, 1, 2, 3}, {ErrorCode::fenced_leader_epoch, 2, -1, -1}};
    const std::vector<OffsetForLeaderEpochResponse::Topic> topics{{"a", partitions}};
    OffsetForLeaderEpochResponse message;
    message.throttle_time_ms = 7;
    message.topics = topics;
    expect_golden(message, 2,
                  "00000007 00000001 0001 'a' 00000002 0000 00000001 00000002 0000000000000003"
                  "004a 00000002 ffffffff ffffffffffffffff");
    expect_golden(message, 4,
                  "00000007 02 02 'a' 03 0000 00000001 00000002 0000000000000003 00"
                  "004a 00000002 ffffffff ffffffffffffffff 00 00 00");
    expect_all_versions(message, 2, 4);
}

}  // namespace
}  // namespace penstock::wire::kafka
