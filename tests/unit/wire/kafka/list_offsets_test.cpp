#include "wire/kafka/list_offsets.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

struct Request {
    std::vector<ListOffsetsRequest::Partition> partitions{1};
    std::vector<ListOffsetsRequest::Topic> topics{1};
    ListOffsetsRequest message;

    Request() {
        partitions[0] = {2, 5, earliest_timestamp};
        topics[0] = {"t", partitions};
        message.isolation_level = 1;
        message.topics = topics;
        message.timeout_ms = 3;
    }
};

TEST(ListOffsets, request) {
    Request request;
    expect_golden(request.message, 1, "ffffffff 00000001 0001 't' 00000001 00000002 fffffffffffffffe");
    expect_golden(request.message, 2, "ffffffff 01 00000001 0001 't' 00000001 00000002 fffffffffffffffe");
    expect_golden(request.message, 4, "ffffffff 01 00000001 0001 't' 00000001 00000002 00000005 fffffffffffffffe");
    expect_golden(request.message, 6, "ffffffff 01 02 02 't' 02 00000002 00000005 fffffffffffffffe 00 00 00");
    expect_golden(request.message, 10, "ffffffff 01 02 02 't' 02 00000002 00000005 fffffffffffffffe 00 00 00000003 00");
    expect_all_versions(request.message, 1, 11);
}

TEST(ListOffsets, response) {
    std::vector<ListOffsetsResponse::Partition> partitions{{2, ErrorCode::none, 0x0a, 0x0b, 5}};
    std::vector<ListOffsetsResponse::Topic> topics{{"t", partitions}};
    ListOffsetsResponse message;
    message.throttle_time_ms = 4;
    message.topics = topics;
    expect_golden(message, 1, "00000001 0001 't' 00000001 00000002 0000 000000000000000a 000000000000000b");
    expect_golden(message, 2, "00000004 00000001 0001 't' 00000001 00000002 0000 000000000000000a 000000000000000b");
    expect_golden(message, 4,
                  "00000004 00000001 0001 't' 00000001 00000002 0000 000000000000000a 000000000000000b 00000005");
    expect_golden(message, 6,
                  "00000004 02 02 't' 02 00000002 0000 000000000000000a 000000000000000b 00000005 00 00 00");
    expect_all_versions(message, 1, 11);
}

}  // namespace
}  // namespace penstock::wire::kafka
