#include "broker/broker_config_rows.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(BrokerConfigRows, show_the_defaults_of_the_options) {
    const BrokerOptions options;
    for (const BrokerConfigRow& row : broker_config_rows()) {
        const std::string value = row.value(options, {});
        if (row.initial.empty()) continue;
        EXPECT_EQ(value, row.initial) << row.name;
        const auto shown = check_value({row.type}, value);
        ASSERT_TRUE(shown.has_value()) << row.name;
        EXPECT_EQ(*shown, value) << row.name;
        EXPECT_TRUE(row.documentation.ends_with('.')) << row.name;
    }
}

TEST(BrokerConfigRows, show_what_is_set) {
    BrokerOptions options;
    options.node_id = NodeId(5);
    options.listen = {"0.0.0.0", 9092};
    options.data_directory = "/data";
    options.auto_create_topics = false;
    options.groups.offsets_retention_ms = 60'001;
    ClusterView view;
    view.brokers.push_back({.id = NodeId(5), .host = "kafka.example", .port = 19092});
    view.seal();
    const auto value = [&](std::string_view name) {
        for (const BrokerConfigRow& row : broker_config_rows())
            if (row.name == name) return row.value(options, view);
        return std::string("none");
    };
    EXPECT_EQ(value("broker.id"), "5");
    EXPECT_EQ(value("node.id"), "5");
    EXPECT_EQ(value("listeners"), "PLAINTEXT://0.0.0.0:9092");
    EXPECT_EQ(value("advertised.listeners"), "PLAINTEXT://kafka.example:19092");
    EXPECT_EQ(value("log.dirs"), "/data");
    EXPECT_EQ(value("auto.create.topics.enable"), "false");
    EXPECT_EQ(value("offsets.retention.minutes"), "2");
    view.brokers.clear();
    EXPECT_EQ(value("advertised.listeners"), "PLAINTEXT://0.0.0.0:9092");
}

}  // namespace
}  // namespace penstock::broker
