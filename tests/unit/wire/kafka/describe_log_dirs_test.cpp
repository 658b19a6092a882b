#include "wire/kafka/describe_log_dirs.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DescribeLogDirs, request) {
    const std::vector<int32_t> partitions{3, 4};
    const std::vector<DescribeLogDirsRequest::Topic> topics{{"a", partitions}};
    DescribeLogDirsRequest message;
    expect_golden(message, 1, "ffffffff");
    expect_golden(message, 2, "00 00");
    message.topics = topics;
    expect_golden(message, 1, "00000001 0001 'a' 00000002 00000003 00000004");
    expect_golden(message, 2, "02 02 'a' 03 00000003 00000004 00 00");
    expect_all_versions(message, 1, 5);
}

TEST(DescribeLogDirs, response) {
    const std::vector<DescribeLogDirsResponse::Partition> partitions{{3, 5, 6, true}};
    const std::vector<DescribeLogDirsResponse::Topic> topics{{"a", partitions}};
    const std::vector<DescribeLogDirsResponse::Result> results{{ErrorCode::none, "/d", topics, 8, 9, true}};
    DescribeLogDirsResponse message;
    message.throttle_time_ms = 7;
    message.error_code = ErrorCode::kafka_storage_error;
    message.results = results;
    expect_golden(message, 1,
                  "00000007 00000001 0000 0002 '/d' 00000001 0001 'a' 00000001"
                  "00000003 0000000000000005 0000000000000006 01");
    const std::string_view flexible =
        "02 0000 03 '/d' 02 02 'a' 02 00000003 0000000000000005 0000000000000006 01 00 00";
    const std::string space = "0000000000000008 0000000000000009";
    expect_golden(message, 2, "00000007" + std::string(flexible) + "00 00");
    expect_golden(message, 3, "00000007 0038" + std::string(flexible) + "00 00");
    expect_golden(message, 4, "00000007 0038" + std::string(flexible) + space + "00 00");
    expect_golden(message, 5, "00000007 0038" + std::string(flexible) + space + "01 00 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
