#include "wire/kafka/describe_groups.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(DescribeGroups, request) {
    std::vector<std::string_view> groups{"g"};
    DescribeGroupsRequest message;
    message.groups = groups;
    message.include_authorized_operations = true;
    expect_golden(message, 0, "00000001 0001 'g'");
    expect_golden(message, 3, "00000001 0001 'g' 01");
    expect_golden(message, 5, "02 02 'g' 01 00");
    expect_all_versions(message, 0, 6);
}

TEST(DescribeGroups, response) {
    std::vector<DescribeGroupsResponse::Member> members{{"m", "i", "c", "/h", bytes_of("x"), bytes_of("yz")}};
    std::vector<DescribeGroupsResponse::Group> groups(1);
    groups[0] = {ErrorCode::none, {}, "g", "Stable", "consumer", "range", members, 7};
    DescribeGroupsResponse message;
    message.groups = groups;
    expect_golden(message, 0,
                  "00000001 0000 0001 'g' 0006 'Stable' 0008 'consumer' 0005 'range' 00000001 0001 'm' 0001 'c'"
                  "0002 '/h' 00000001 'x' 00000002 'yz'");
    expect_golden(message, 4,
                  "00000000 00000001 0000 0001 'g' 0006 'Stable' 0008 'consumer' 0005 'range' 00000001 0001 'm'"
                  "0001 'i' 0001 'c' 0002 '/h' 00000001 'x' 00000002 'yz' 00000007");
    expect_golden(message, 5,
                  "00000000 02 0000 02 'g' 07 'Stable' 09 'consumer' 06 'range' 02 02 'm' 02 'i' 02 'c' 03 '/h' 02 'x'"
                  "03 'yz' 00 00000007 00 00");
    groups[0] = {ErrorCode::group_id_not_found, "no", "g", "Dead", "", "", {}, operations_unknown};
    expect_golden(message, 6, "00000000 02 0045 03 'no' 02 'g' 05 'Dead' 01 01 01 80000000 00 00");
    expect_all_versions(message, 0, 6);
}

}  // namespace
}  // namespace penstock::wire::kafka
