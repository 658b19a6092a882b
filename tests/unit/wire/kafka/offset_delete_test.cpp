#include "wire/kafka/offset_delete.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(OffsetDelete, request) {
    std::vector<OffsetDeleteRequest::Partition> partitions{{1}};
    std::vector<OffsetDeleteRequest::Topic> topics{{"t", partitions}};
    OffsetDeleteRequest message;
    message.group_id = "g";
    message.topics = topics;
    expect_golden(message, 0, "0001 'g' 00000001 0001 't' 00000001 00000001");
}

TEST(OffsetDelete, response) {
    std::vector<OffsetDeleteResponse::Partition> partitions{{1, ErrorCode::group_subscribed_to_topic}};
    std::vector<OffsetDeleteResponse::Topic> topics{{"t", partitions}};
    OffsetDeleteResponse message;
    message.topics = topics;
    expect_golden(message, 0, "0000 00000000 00000001 0001 't' 00000001 00000001 0056");
}

}  // namespace
}  // namespace penstock::wire::kafka
