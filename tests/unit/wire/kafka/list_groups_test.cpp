#include "wire/kafka/list_groups.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(ListGroups, request) {
    std::vector<std::string_view> states{"Stable"}, types{"classic"};
    ListGroupsRequest message;
    message.states_filter = states;
    message.types_filter = types;
    EXPECT_EQ(text_of(encoded(message, 0)), "");
    EXPECT_EQ(text_of(encoded(message, 3)), "00 ");
    expect_golden(message, 4, "02 07 'Stable' 00");
    expect_golden(message, 5, "02 07 'Stable' 02 08 'classic' 00");
}

TEST(ListGroups, response) {
    std::vector<ListGroupsResponse::Group> groups{{"g", "consumer", "Stable", "classic"}};
    ListGroupsResponse message;
    message.groups = groups;
    expect_golden(message, 0, "0000 00000001 0001 'g' 0008 'consumer'");
    expect_golden(message, 3, "00000000 0000 02 02 'g' 09 'consumer' 00 00");
    expect_golden(message, 5, "00000000 0000 02 02 'g' 09 'consumer' 07 'Stable' 08 'classic' 00 00");
    expect_all_versions(message, 0, 5);
}

}  // namespace
}  // namespace penstock::wire::kafka
