#include "wire/kafka/delete_groups.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DeleteGroups, request) {
    std::vector<std::string_view> names{"g", "hi"};
    DeleteGroupsRequest message;
    message.group_names = names;
    expect_golden(message, 0, "00000002 0001 'g' 0002 'hi'");
    expect_golden(message, 2, "03 02 'g' 03 'hi' 00");
}

TEST(DeleteGroups, response) {
    std::vector<DeleteGroupsResponse::Result> results{{"g", ErrorCode::non_empty_group}};
    DeleteGroupsResponse message;
    message.results = results;
    expect_golden(message, 0, "00000000 00000001 0001 'g' 0044");
    expect_golden(message, 2, "00000000 02 02 'g' 0044 00 00");
    expect_all_versions(message, 0, 2);
}

}  // namespace
}  // namespace penstock::wire::kafka
