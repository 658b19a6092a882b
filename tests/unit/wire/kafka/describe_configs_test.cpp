#include "wire/kafka/describe_configs.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(DescribeConfigs, request) {
    const std::vector<std::string_view> keys{"k"};
    std::vector<DescribeConfigsRequest::Resource> resources(2);
    resources[0] = {ConfigResourceType::topic, "t", keys};
    resources[1] = {ConfigResourceType::broker, "1", std::nullopt};
    DescribeConfigsRequest message;
    message.resources = resources;
    message.include_synonyms = true;
    message.include_documentation = true;
    expect_golden(message, 1, "00000002 02 0001 't' 00000001 0001 'k' 04 0001 '1' ffffffff 01");
    expect_golden(message, 3, "00000002 02 0001 't' 00000001 0001 'k' 04 0001 '1' ffffffff 01 01");
    expect_golden(message, 4, "03 02 02 't' 02 02 'k' 00 04 02 '1' 00 00 01 01 00");
}

TEST(DescribeConfigs, response) {
    const std::vector<DescribeConfigsResponse::Synonym> synonyms{{"s", "1", ConfigSource::static_broker}};
    std::vector<DescribeConfigsResponse::Config> configs(1);
    configs[0] = {.name = "n", .value = "v", .read_only = true, .source = ConfigSource::topic, .is_sensitive = false,
                  .synonyms = synonyms, .type = 5, .documentation = "d"};
    std::vector<DescribeConfigsResponse::Result> results(2);
    results[0] = {ErrorCode::none, std::nullopt, ConfigResourceType::topic, "t", configs};
    results[1] = {ErrorCode::invalid_request, "m", ConfigResourceType::broker, "", {}};
    DescribeConfigsResponse message;
    message.results = results;
    expect_golden(message, 1,
                  "00000000 00000002"
                  "0000 ffff 02 0001 't' 00000001 0001 'n' 0001 'v' 01 01 00 00000001 0001 's' 0001 '1' 04"
                  "002a 0001 'm' 04 0000 00000000");
    expect_golden(message, 4,
                  "00000000 03"
                  "0000 00 02 02 't' 02 02 'n' 02 'v' 01 01 00 02 02 's' 02 '1' 04 00 05 02 'd' 00 00"
                  "002a 02 'm' 04 01 01 00 00");
    expect_all_versions(message, 1, 4);
}

}  // namespace
}  // namespace penstock::wire::kafka
