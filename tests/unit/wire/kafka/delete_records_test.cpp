#include "wire/kafka/delete_records.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DeleteRecords, request) {
    const std::vector<DeleteRecordsRequest::Partition> partitions{{1, 2}, {3, delete_all_records}};
    std::vector<DeleteRecordsRequest::Topic> topics(1);
    topics[0].name = "a";
    topics[0].partitions = partitions;
    DeleteRecordsRequest message;
    message.topics = topics;
    message.timeout_ms = 6;
    expect_golden(message, 0,
                  "00000001 0001 'a' 00000002 00000001 0000000000000002 00000003 ffffffffffffffff 00000006");
    expect_golden(message, 2, "02 02 'a' 03 00000001 0000000000000002 00 00000003 ffffffffffffffff 00 00 00000006 00");
    expect_all_versions(message, 0, 2);
}

TEST(DeleteRecords, response) {
    const std::vector<DeleteRecordsResponse::Partition> partitions{{1, 5, {}}, {2, -1, ErrorCode::offset_out_of_range}};
    std::vector<DeleteRecordsResponse::Topic> topics(1);
    topics[0].name = "a";
    topics[0].partitions = partitions;
    DeleteRecordsResponse message;
    message.throttle_time_ms = 7;
    message.topics = topics;
    expect_golden(message, 1,
                  "00000007 00000001 0001 'a' 00000002 00000001 0000000000000005 0000 00000002 ffffffffffffffff 0001");
    expect_golden(message, 2,
                  "00000007 02 02 'a' 03 00000001 0000000000000005 0000 00 00000002 ffffffffffffffff 0001 00 00 00");
    expect_all_versions(message, 0, 2);
}

}  // namespace
}  // namespace penstock::wire::kafka
