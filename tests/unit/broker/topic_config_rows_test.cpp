#include "broker/topic_config_rows.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

TEST(TopicConfigRows, have_defaults_that_they_allow_and_act_upon) {
    for (const TopicConfigRow& row : topic_config_rows()) {
        const auto shown = check_value(row.rule, row.initial);
        ASSERT_TRUE(shown.has_value()) << row.name << ": " << shown.error();
        EXPECT_EQ(*shown, row.initial) << row.name;
        EXPECT_FALSE(config_problem(row.name, row.initial).has_value()) << row.name;
        EXPECT_EQ(field_text(row, TopicSettings{}), row.initial) << row.name;
        EXPECT_TRUE(row.documentation.ends_with('.')) << row.name;
        EXPECT_EQ(find_topic_config(row.name), &row);
    }
    EXPECT_EQ(find_topic_config("no.such.name"), nullptr);
}

TEST(TopicConfigRows, say_so_where_a_value_has_no_effect) {
    for (const TopicConfigRow& row : topic_config_rows()) {
        const bool idle = row.effect == ConfigEffect::none || row.effect == ConfigEffect::gone;
        EXPECT_EQ(row.documentation.starts_with("No effect here: "), idle) << row.name;
        EXPECT_TRUE(!idle || std::holds_alternative<std::monostate>(row.field)) << row.name;
    }
}

TEST(TopicConfigRows, put_each_number_into_a_field_of_its_own) {
    for (const TopicConfigRow& row : topic_config_rows()) {
        if (std::holds_alternative<std::monostate>(row.field)) continue;
        TopicSettings settings;
        const std::string value = row.rule.type == ConfigType::real ? "0.125" : "2000000";
        set_field(row, value, settings);
        for (const TopicConfigRow& other : topic_config_rows()) {
            if (std::holds_alternative<std::monostate>(other.field)) continue;
            EXPECT_EQ(field_text(other, settings), &other == &row ? value : std::string(other.initial))
                << row.name << " and " << other.name;
        }
        set_field(row, "no number", settings);
        EXPECT_EQ(field_text(row, settings), value);
    }
}

}  // namespace
}  // namespace penstock::broker
