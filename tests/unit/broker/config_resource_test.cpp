#include "broker/config_resource.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(ConfigResource, knows_which_broker_is_meant) {
    EXPECT_FALSE(broker_problem("3", NodeId(3)).has_value());
    EXPECT_EQ(*broker_problem("4", NodeId(3)), "This is broker 3: ask broker 4 itself");
    EXPECT_EQ(*broker_problem("x", NodeId(3)), "A broker is named by its id, not by 'x'");
}

TEST(ConfigResource, names_what_it_does_not_know) {
    EXPECT_EQ(no_topic("t"), "The topic 't' does not exist");
    EXPECT_EQ(unknown_resource(static_cast<wire::kafka::ConfigResourceType>(99)), "Unknown resource type 99");
}

}  // namespace
}  // namespace penstock::broker
