#include "wire/kafka/api_versions.h"

#include <vector>

#include "../golden.h"

namespace penstock::wire::kafka {
namespace {

TEST(ApiVersions, request) {
    ApiVersionsRequest message;
    expect_golden(message, 0, "");
    message.client_software_name = "librdkafka";
    message.client_software_version = "2.0.2";
    expect_golden(message, 2, "");
    expect_golden(message, 3, "0b 'librdkafka' 06 '2.0.2' 00");
    expect_all_versions(message, 0, 4);
}

TEST(ApiVersions, response) {
    std::vector<ApiVersionsResponse::Row> rows{{0, 0, 13}, {18, 0, 4}};
    std::vector<ApiVersionsResponse::SupportedFeature> supported{{"f", 1, 2}};
    std::vector<ApiVersionsResponse::FinalizedFeature> finalized{{"f", 2, 1}};
    ApiVersionsResponse message;
    message.api_keys = rows;
    message.throttle_time_ms = 5;
    expect_golden(message, 0, "0000 00000002 0000 0000 000d  0012 0000 0004");
    expect_golden(message, 1, "0000 00000002 0000 0000 000d  0012 0000 0004  00000005");
    expect_golden(message, 3, "0000 03 0000 0000 000d 00  0012 0000 0004 00  00000005 00");
    message.supported_features = supported;
    message.finalized_features_epoch = 0;
    message.finalized_features = finalized;
    message.zk_migration_ready = true;
    expect_golden(message, 4,
                  "0000 03 0000 0000 000d 00  0012 0000 0004 00  00000005 04"
                  "00 08 02 02 'f' 0001 0002 00"
                  "01 08 0000000000000000"
                  "02 08 02 02 'f' 0002 0001 00"
                  "03 01 01");
    expect_all_versions(message, 0, 4);
}

// The answer to a client that is newer than the broker, byte for byte: header version 0 and body version 0.
TEST(ApiVersions, fallback) {
    const Api& api = api_of(ApiKey::api_versions);
    ApiVersionsResponse::Row row{api.key, api.first, api.last};
    ApiVersionsResponse message;
    message.error_code = ErrorCode::unsupported_version;
    message.api_keys = std::span(&row, 1);
    Arena arena(4096);
    auto frame = response_frame(arena, 9, message, 0);
    ASSERT_TRUE(frame);
    EXPECT_EQ(text_of(flatten(*frame)), text_of(hex("00000010 00000009 0023 00000001 0012 0000 0004")));
}

TEST(ApiVersions, response_header_is_never_flexible) {
    Arena arena(4096);
    auto frame = response_frame(arena, 9, ApiVersionsResponse{}, 3);
    ASSERT_TRUE(frame);
    EXPECT_EQ(text_of(flatten(*frame)), text_of(hex("0000000c 00000009 0000 01 00000000 00")));
}

}  // namespace
}  // namespace penstock::wire::kafka
