#include "wire/kafka/create_partitions.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(CreatePartitions, request) {
    const std::vector<int32_t> brokers{1, 2};
    const std::vector<CreatePartitionsRequest::Assignment> assignments{{brokers}};
    std::vector<CreatePartitionsRequest::Topic> topics(2);
    topics[0].name = "a";
    topics[0].count = 3;
    topics[1].name = "b";
    topics[1].count = 4;
    topics[1].assignments = assignments;
    CreatePartitionsRequest message;
    message.topics = topics;
    message.timeout_ms = 6;
    message.validate_only = true;
    expect_golden(message, 0,
                  "00000002 0001 'a' 00000003 ffffffff 0001 'b' 00000004 00000001 00000002 00000001 00000002"
                  "00000006 01");
    expect_golden(message, 2, "03 02 'a' 00000003 00 00 02 'b' 00000004 02 03 00000001 00000002 00 00 00000006 01 00");
    expect_all_versions(message, 0, 3);
}

TEST(CreatePartitions, response) {
    std::vector<CreatePartitionsResponse::Result> results(2);
    results[0].name = "a";
    results[1] = {"b", ErrorCode::invalid_partitions, "no"};
    CreatePartitionsResponse message;
    message.throttle_time_ms = 7;
    message.results = results;
    expect_golden(message, 1, "00000007 00000002 0001 'a' 0000 ffff 0001 'b' 0025 0002 'no'");
    expect_golden(message, 3, "00000007 03 02 'a' 0000 00 00 02 'b' 0025 03 'no' 00 00");
    expect_all_versions(message, 0, 3);
}

}  // namespace
}  // namespace penstock::wire::kafka
