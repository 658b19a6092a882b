#include "wire/kafka/elect_leaders.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(ElectLeaders, request) {
    const std::vector<int32_t> partitions{3, 4};
    const std::vector<ElectLeadersRequest::Topic> topics{{"a", partitions}};
    ElectLeadersRequest message;
    message.election_type = election_unclean;
    message.timeout_ms = 6;
    expect_golden(message, 1, "01 ffffffff 00000006");
    expect_golden(message, 2, "01 00 00000006 00");
    message.topic_partitions = topics;
    expect_golden(message, 0, "00000001 0001 'a' 00000002 00000003 00000004 00000006");
    expect_golden(message, 2, "01 02 02 'a' 03 00000003 00000004 00 00000006 00");
    expect_all_versions(message, 0, 2);
}

TEST(ElectLeaders, response) {
    const std::vector<ElectLeadersResponse::Partition> partitions{{3, ErrorCode::none, {}},
                                                                  {4, ErrorCode::election_not_needed, "no"}};
    const std::vector<ElectLeadersResponse::Topic> topics{{"a", partitions}};
    ElectLeadersResponse message;
    message.throttle_time_ms = 7;
    message.error_code = ErrorCode::invalid_request;
    message.replica_election_results = topics;
    expect_golden(message, 0, "00000007 00000001 0001 'a' 00000002 00000003 0000 ffff 00000004 0054 0002 'no'");
    expect_golden(message, 2, "00000007 002a 02 02 'a' 03 00000003 0000 00 00 00000004 0054 03 'no' 00 00 00");
    expect_all_versions(message, 0, 2);
}

}  // namespace
}  // namespace penstock::wire::kafka
