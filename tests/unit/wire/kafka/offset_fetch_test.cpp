#include "wire/kafka/offset_fetch.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(OffsetFetch, request) {
    std::vector<int32_t> indexes{1};
    std::vector<OffsetFetchRequest::Topic> topics(1);
    topics[0].name = "t";
    topics[0].topic_id.bytes[15] = 9;
    topics[0].partition_indexes = indexes;
    std::vector<OffsetFetchRequest::Group> groups(2);
    groups[0] = {"g", "m", 3, topics};
    groups[1] = {"h", {}, -1, {}};
    OffsetFetchRequest message;
    message.group_id = "g";
    message.topics = topics;
    message.groups = groups;
    message.require_stable = true;
    expect_golden(message, 1, "0001 'g' 00000001 0001 't' 00000001 00000001");
    expect_golden(message, 7, "02 'g' 02 02 't' 02 00000001 00 01 00");
    expect_golden(message, 8, "03 02 'g' 02 02 't' 02 00000001 00 00 02 'h' 00 00 01 00");
    expect_golden(message, 10,
                  "03 02 'g' 02 'm' 00000003 02 00000000000000000000000000000009 02 00000001 00 00"
                  "02 'h' 00 ffffffff 00 00 01 00");
    expect_all_versions(message, 1, 10);
    message.topics.reset();
    expect_golden(message, 2, "0001 'g' ffffffff");
}

TEST(OffsetFetch, response) {
    std::vector<OffsetFetchResponse::Partition> partitions{{1, 5, 2, "x", ErrorCode::none}};
    std::vector<OffsetFetchResponse::Topic> topics(1);
    topics[0].name = "t";
    topics[0].topic_id.bytes[15] = 9;
    topics[0].partitions = partitions;
    std::vector<OffsetFetchResponse::Group> groups{{"g", topics, ErrorCode::none}};
    OffsetFetchResponse message;
    message.topics = topics;
    message.groups = groups;
    message.error_code = ErrorCode::not_coordinator;
    expect_golden(message, 1, "00000001 0001 't' 00000001 00000001 0000000000000005 0001 'x' 0000");
    expect_golden(message, 5,
                  "00000000 00000001 0001 't' 00000001 00000001 0000000000000005 00000002 0001 'x' 0000 0010");
    expect_golden(message, 7, "00000000 02 02 't' 02 00000001 0000000000000005 00000002 02 'x' 0000 00 00 0010 00");
    expect_golden(message, 8,
                  "00000000 02 02 'g' 02 02 't' 02 00000001 0000000000000005 00000002 02 'x' 0000 00 00 0000 00 00");
    expect_golden(message, 10,
                  "00000000 02 02 'g' 02 00000000000000000000000000000009 02 00000001 0000000000000005 00000002"
                  "02 'x' 0000 00 00 0000 00 00");
    expect_all_versions(message, 1, 10);
}

}  // namespace
}  // namespace penstock::wire::kafka
