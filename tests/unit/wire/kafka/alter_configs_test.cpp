#include "wire/kafka/alter_configs.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(AlterConfigs, request) {
    const std::vector<AlterConfigsRequest::Config> configs{{"n", "v"}, {"o", std::nullopt}};
    const std::vector<AlterConfigsRequest::Resource> resources{{ConfigResourceType::topic, "t", configs}};
    AlterConfigsRequest message;
    message.resources = resources;
    message.validate_only = true;
    expect_golden(message, 0, "00000001 02 0001 't' 00000002 0001 'n' 0001 'v' 0001 'o' ffff 01");
    expect_golden(message, 2, "02 02 02 't' 03 02 'n' 02 'v' 00 02 'o' 00 00 00 01 00");
}

TEST(AlterConfigs, response) {
    const std::vector<AlterConfigsResponse::Result> results{
        {ErrorCode::invalid_config, "m", ConfigResourceType::topic, "t"}};
    AlterConfigsResponse message;
    message.results = results;
    expect_golden(message, 0, "00000000 00000001 0028 0001 'm' 02 0001 't'");
    expect_golden(message, 2, "00000000 02 0028 02 'm' 02 02 't' 00 00");
    expect_all_versions(message, 0, 2);
}

}  // namespace
}  // namespace penstock::wire::kafka
