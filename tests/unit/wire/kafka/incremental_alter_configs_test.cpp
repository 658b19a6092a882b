#include "wire/kafka/incremental_alter_configs.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(IncrementalAlterConfigs, request) {
    const std::vector<IncrementalAlterConfigsRequest::Config> configs{{"n", AlterOperation::append, "v"},
                                                                      {"o", AlterOperation::remove, std::nullopt}};
    const std::vector<IncrementalAlterConfigsRequest::Resource> resources{{ConfigResourceType::topic, "t", configs}};
    IncrementalAlterConfigsRequest message;
    message.resources = resources;
    expect_golden(message, 0, "00000001 02 0001 't' 00000002 0001 'n' 02 0001 'v' 0001 'o' 01 ffff 00");
    expect_golden(message, 1, "02 02 02 't' 03 02 'n' 02 02 'v' 00 02 'o' 01 00 00 00 00 00");
}

TEST(IncrementalAlterConfigs, response) {
    const std::vector<IncrementalAlterConfigsResponse::Result> results{
        {ErrorCode::none, std::nullopt, ConfigResourceType::topic, "t"}};
    IncrementalAlterConfigsResponse message;
    message.results = results;
    expect_golden(message, 0, "00000000 00000001 0000 ffff 02 0001 't'");
    expect_golden(message, 1, "00000000 02 0000 00 02 02 't' 00 00");
}

}  // namespace
}  // namespace penstock::wire::kafka
