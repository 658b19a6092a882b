#include "wire/kafka/offset_commit.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(OffsetCommit, request) {
    std::vector<OffsetCommitRequest::Partition> partitions{{1, 5, 2, "x"}};
    std::vector<OffsetCommitRequest::Topic> topics(1);
    topics[0].name = "t";
    topics[0].topic_id.bytes[15] = 9;
    topics[0].partitions = partitions;
    OffsetCommitRequest message;
    message.group_id = "g";
    message.generation_id = 3;
    message.member_id = "m";
    message.group_instance_id = "i";
    message.topics = topics;
    expect_golden(message, 2,
                  "0001 'g' 00000003 0001 'm' ffffffffffffffff 00000001 0001 't' 00000001 00000001 0000000000000005"
                  "0001 'x'");
    expect_golden(message, 7,
                  "0001 'g' 00000003 0001 'm' 0001 'i' 00000001 0001 't' 00000001 00000001 0000000000000005 00000002"
                  "0001 'x'");
    expect_golden(message, 9,
                  "02 'g' 00000003 02 'm' 02 'i' 02 02 't' 02 00000001 0000000000000005 00000002 02 'x' 00 00 00");
    expect_golden(message, 10,
                  "02 'g' 00000003 02 'm' 02 'i' 02 00000000000000000000000000000009 02 00000001 0000000000000005"
                  "00000002 02 'x' 00 00 00");
    expect_all_versions(message, 2, 10);
}

TEST(OffsetCommit, response) {
    std::vector<OffsetCommitResponse::Partition> partitions{{1, ErrorCode::unknown_topic_id}};
    std::vector<OffsetCommitResponse::Topic> topics(1);
    topics[0].name = "t";
    topics[0].topic_id.bytes[15] = 9;
    topics[0].partitions = partitions;
    OffsetCommitResponse message;
    message.topics = topics;
    expect_golden(message, 2, "00000001 0001 't' 00000001 00000001 0064");
    expect_golden(message, 3, "00000000 00000001 0001 't' 00000001 00000001 0064");
    expect_golden(message, 8, "00000000 02 02 't' 02 00000001 0064 00 00 00");
    expect_golden(message, 10, "00000000 02 00000000000000000000000000000009 02 00000001 0064 00 00 00");
    expect_all_versions(message, 2, 10);
}

}  // namespace
}  // namespace penstock::wire::kafka
