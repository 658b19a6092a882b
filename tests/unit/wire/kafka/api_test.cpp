#include "wire/kafka/api.h"

#include <gtest/gtest.h>

namespace penstock::wire::kafka {
namespace {

TEST(Api, rows_are_in_order_and_sane) {
    int16_t before = -1;
    for (const Api& api : apis) {
        EXPECT_GT(api.key, before) << api.name;
        before = api.key;
        EXPECT_FALSE(api.name.empty());
        EXPECT_LE(api.first, api.last) << api.name;
        EXPECT_GE(api.first, 0) << api.name;
        EXPECT_EQ(find_api(api.key), &api);
        bool usual = api.response_header_flexible_from == api.flexible_from;
        EXPECT_EQ(usual, api.key != static_cast<int16_t>(ApiKey::api_versions)) << api.name;
    }
    EXPECT_EQ(find_api(-1), nullptr);
    EXPECT_EQ(find_api(4), nullptr);
}

// librdkafka up to 2.11.0 looks for these versions before it uses compression, new batches, groups.
TEST(Api, covers_what_librdkafka_2_0_2_asks_for) {
    EXPECT_TRUE(api_of(ApiKey::produce).serves(0));
    EXPECT_TRUE(api_of(ApiKey::produce).serves(7));
    EXPECT_TRUE(api_of(ApiKey::fetch).serves(4));
    EXPECT_TRUE(api_of(ApiKey::fetch).serves(11));
    EXPECT_TRUE(api_of(ApiKey::list_offsets).serves(1));
    EXPECT_TRUE(api_of(ApiKey::list_offsets).serves(2));
    EXPECT_TRUE(api_of(ApiKey::metadata).serves(0));
    EXPECT_TRUE(api_of(ApiKey::metadata).serves(4));
    EXPECT_TRUE(api_of(ApiKey::api_versions).serves(0));
    EXPECT_TRUE(api_of(ApiKey::api_versions).serves(3));
    EXPECT_TRUE(api_of(ApiKey::find_coordinator).serves(0));
    EXPECT_TRUE(api_of(ApiKey::offset_commit).serves(2));
    EXPECT_TRUE(api_of(ApiKey::offset_fetch).serves(1));
    for (const ApiKey key : {ApiKey::join_group, ApiKey::sync_group, ApiKey::heartbeat, ApiKey::leave_group})
        EXPECT_TRUE(api_of(key).serves(0));
    EXPECT_TRUE(api_of(ApiKey::create_topics).serves(4));
    EXPECT_TRUE(api_of(ApiKey::delete_topics).serves(1));
}

}  // namespace
}  // namespace penstock::wire::kafka
