#include "broker/handlers.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(Handlers, there_is_one_for_each_api_that_is_advertised) {
    for (const wire::Api& api : wire::kafka::apis) {
        const Handler* handler = find_handler(api.key);
        ASSERT_NE(handler, nullptr) << api.name;
        EXPECT_EQ(handler->key, api.key);
        EXPECT_NE(handler->start, nullptr);
    }
    EXPECT_NE(find_handler(10008), nullptr);
    EXPECT_NE(find_handler(10009), nullptr);
    EXPECT_EQ(find_handler(10000), nullptr) << "brokers are no coordinators";
    EXPECT_EQ(find_handler(-1), nullptr);
    EXPECT_EQ(find_handler(4), nullptr);
}

}  // namespace
}  // namespace penstock::broker
