#include "wire/kafka/list_config_resources.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(ListConfigResources, request) {
    const std::vector<ConfigResourceType> types{ConfigResourceType::topic, ConfigResourceType::group};
    ListConfigResourcesRequest message;
    message.types = types;
    expect_golden(message, 0, "00");
    expect_golden(message, 1, "03 02 20 00");
}

TEST(ListConfigResources, response) {
    const std::vector<ListConfigResourcesResponse::Resource> resources{{"t", ConfigResourceType::topic}};
    ListConfigResourcesResponse message;
    message.resources = resources;
    expect_golden(message, 0, "00000000 0000 02 02 't' 00 00");
    expect_golden(message, 1, "00000000 0000 02 02 't' 02 00 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
